use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use nix::sys::stat::{Mode, umask};
use tenancy_types::{DomainName, PlanSet};

use super::{
    error::CliError,
    exit::Exit,
    front::FrontArgs,
    values,
    values::{CellName, InvalidCellName},
};
use crate::{
    config::{CellsSpec, Config, Demo, InvalidCells, PlansError, read_plans},
    postgres::{CellFiles, FileError},
    serve,
    telemetry::{LogFormat, init_logs},
};

/// Serve the platform: shops on one address, operators on another
///
/// Runs until SIGINT or SIGTERM, then finishes the requests in flight. Standard output has the lines
/// `listening http://…` and `ops http://…` once both addresses answer; logs go to standard error, filtered
/// by RUST_LOG. A data folder is served by one process at a time.
#[derive(Clone, Debug, Args)]
#[command(after_help = help!("
  storefront serve
  storefront serve --data /var/lib/shops --platform-domain shops.example --no-demo
  storefront serve --cells eu:2,us:1 --plans plans.toml --log-format json
  storefront serve --postgres --cells 2
  storefront serve --cell cell-4 --cell postgres://shops_app@db.example/shops
  storefront serve --listen 127.0.0.1:0 --ops-listen 127.0.0.1:0
  storefront serve --listen 0.0.0.0:443 --tls-certs /etc/shops/certificates
  storefront serve --listen 10.0.0.5:8080 --proxy-protocol-from 10.0.0.0/24
  storefront serve --handover /run/shops/handover    started again, it takes the first one's place"))]
pub(super) struct ServeArgs {
    /// Where shops are served; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = values::address)]
    listen: SocketAddr,
    /// Where operators and probes are served: keep it private
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = values::address)]
    ops_listen: SocketAddr,
    /// Folder that holds everything; made when it is missing
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// How many cells, or how many in which region: 3, or eu:2,us:1 [default: 3; 1 with --postgres, 0 with --cell]
    #[arg(long, value_name = "CELLS")]
    cells: Option<CellsSpec>,
    /// Run these cells in Postgres servers, started from the data folder, instead of SQLite files
    #[arg(long)]
    postgres: bool,
    /// Serve this cell of a Postgres database, too: its name, or the application's URL; `storefront cell init` made it
    #[arg(long, value_name = "NAME or URL")]
    cell: Vec<String>,
    /// Serve the cell of this file, too
    #[arg(long, value_name = "FILE")]
    cell_file: Vec<PathBuf>,
    /// Domain below which every shop has a name
    #[arg(long, value_name = "DOMAIN", default_value = "localhost", value_parser = values::domain)]
    platform_domain: DomainName,
    /// TOML file of plans, instead of basic, professional and enterprise
    #[arg(long, value_name = "FILE")]
    plans: Option<PathBuf>,
    /// Leave an empty platform empty; without this it gets two demo shops
    #[arg(long)]
    no_demo: bool,
    #[command(flatten)]
    front: FrontArgs,
    /// How many days a shop that leaves is kept before it is purged
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
    grace_days: u32,
    /// Seconds that the payment provider may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=25))]
    payment_seconds: u32,
    /// Seconds between two rounds of the platform's own work: unpaid orders, refunds, old carts, purges
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    rest_seconds: u32,
    /// How logs are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

/// Why there is nothing to serve.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum ServeArgsError {
    /// The plans cannot be read.
    #[error(transparent)]
    Plans(#[from] PlansError),
    /// A cell's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// A cell is named in no way that there is.
    #[error(transparent)]
    Name(#[from] InvalidCellName),
    /// The cells do not go together.
    #[error(transparent)]
    Cells(#[from] InvalidCells),
}

impl ServeArgs {
    /// The numbered cells, and those that are named.
    fn cells(&self) -> Result<CellsSpec, ServeArgsError> {
        let has_named = !self.cell.is_empty() || !self.cell_file.is_empty();
        let numbered = match &self.cells {
            Some(cells) => cells.clone(),
            None if self.postgres => "1".parse()?,
            None if has_named => CellsSpec::default(),
            None => "3".parse()?,
        };
        let mut cells = if self.postgres {
            numbered.in_private_postgres()
        } else {
            numbered
        };
        let files = CellFiles::of(&self.data);
        for name in &self.cell {
            let name: CellName = name.parse()?;
            cells = cells.with(name.credentials(&files)?)?;
        }
        for path in &self.cell_file {
            cells = cells.with(CellFiles::read(path)?)?;
        }
        Ok(cells)
    }
}

impl TryFrom<ServeArgs> for Config {
    type Error = ServeArgsError;

    fn try_from(args: ServeArgs) -> Result<Self, ServeArgsError> {
        let plans = args.plans.as_deref().map(read_plans).transpose()?;
        let cells = args.cells()?;
        Ok(Self {
            listen: args.listen,
            ops_listen: args.ops_listen,
            front: args.front.into(),
            data: args.data,
            cells,
            platform_domain: args.platform_domain,
            plans: plans.unwrap_or_else(PlanSet::standard),
            demo: if args.no_demo {
                Demo::Never
            } else {
                Demo::WhenEmpty
            },
            grace: Duration::from_hours(24) * args.grace_days,
            payment_limit: Duration::from_secs(args.payment_seconds.into()),
            rest: Duration::from_secs(args.rest_seconds.into()),
        })
    }
}

pub(super) async fn run(args: ServeArgs) -> Result<Exit, CliError> {
    init_logs(args.log_format);
    // SQLite makes its files as the process says: with others' rows in them, they are its user's alone.
    umask(Mode::from_bits_truncate(0o077));
    Box::pin(serve::run(Config::try_from(args)?)).await?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests;
