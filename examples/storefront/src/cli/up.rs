//! `storefront up`: a platform of many processes on one machine.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use tenancy_types::CellId;

use super::{error::CliError, exit::Exit, serve::ServeArgsError, values};
use crate::{
    config::CellsSpec,
    postgres::CellFiles,
    serve::up::{self, Up, UpCells},
    telemetry::{LogFormat, init_logs},
};

/// Start a platform of many processes: gateways, one process for each cell, and control
///
/// Everything is as with `serve`, of the same data folder, for those who want to see one part end and the others go on. What ends
/// is started again. SIGINT or SIGTERM ends all, gateways first.
#[derive(Clone, Debug, Args)]
#[command(after_help = help!("
  storefront up
  storefront up --cells 4 --gateways 2
  storefront up --postgres --cells 2"))]
pub(super) struct UpArgs {
    /// Where the first gateway serves shops; port 0 picks a free one
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
    /// Serve this cell of a Postgres database, too; `storefront cell init` made it
    #[arg(long, value_name = "NAME")]
    cell: Vec<CellId>,
    /// How many gateways
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    gateways: u16,
    /// Run each cell in a Postgres server, started from the data folder, instead of an SQLite file
    #[arg(long)]
    postgres: bool,
    /// Domain below which every shop has a name
    #[arg(long, value_name = "DOMAIN")]
    platform_domain: Option<String>,
    /// TOML file of plans, instead of basic, professional and enterprise
    #[arg(long, value_name = "FILE")]
    plans: Option<String>,
    /// Leave an empty platform empty; without this it gets two demo shops
    #[arg(long)]
    no_demo: bool,
    /// How many days a shop that leaves is kept before it is purged
    #[arg(long, value_name = "DAYS")]
    grace_days: Option<u32>,
    /// Seconds that the payment provider may take to answer
    #[arg(long, value_name = "SECONDS")]
    payment_seconds: Option<u32>,
    /// Seconds between two rounds of the platform's own work
    #[arg(long, value_name = "SECONDS")]
    rest_seconds: Option<u32>,
    /// How logs are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl UpArgs {
    /// The numbered cells, and those that are named.
    fn cells(&self) -> Result<UpCells, ServeArgsError> {
        let numbered = match &self.cells {
            Some(cells) => cells.clone(),
            None if self.postgres => "1".parse()?,
            None if !self.cell.is_empty() => CellsSpec::default(),
            None => "3".parse()?,
        };
        let mut cells = numbered;
        let files = CellFiles::of(&self.data);
        for cell in &self.cell {
            cells = cells.with(CellFiles::read(&files.path(*cell))?)?;
        }
        let cells = cells.iter().map(|spec| (spec.cell, spec.region.clone()));
        Ok(UpCells {
            cells: cells.collect(),
            arguments: self
                .postgres
                .then(|| "--private-postgres".to_owned())
                .into_iter()
                .collect(),
        })
    }
}

impl TryFrom<UpArgs> for Up {
    type Error = ServeArgsError;

    fn try_from(args: UpArgs) -> Result<Self, ServeArgsError> {
        let cells = args.cells()?;
        let named = |name: &str, value: Option<String>| {
            let words = value.map(|value| [name.to_owned(), value]);
            words.into_iter().flatten()
        };
        let number = |value: Option<u32>| value.map(|value| value.to_string());
        let format = match args.log_format {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        };
        let rest = || named("--rest-seconds", number(args.rest_seconds));
        Ok(Self {
            listen: args.listen,
            ops_listen: args.ops_listen,
            data: args.data,
            cells,
            gateways: args.gateways,
            arguments: named("--platform-domain", args.platform_domain)
                .chain(named("--plans", args.plans))
                .chain(named("--log-format", Some(format.to_owned())))
                .collect(),
            of_control: (args.no_demo.then(|| "--no-demo".to_owned()))
                .into_iter()
                .chain(named("--grace-days", number(args.grace_days)))
                .chain(rest())
                .collect(),
            of_cells: named("--payment-seconds", number(args.payment_seconds))
                .chain(rest())
                .collect(),
        })
    }
}

pub(super) async fn run(args: UpArgs) -> Result<Exit, CliError> {
    init_logs(args.log_format);
    Box::pin(up::run(args.try_into()?)).await?;
    Ok(Exit::Ok)
}
