//! `storefront gateway`, `storefront cell serve` and `storefront control`: one process each.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;
use nix::sys::stat::{Mode, umask};
use tenancy_types::{CellId, DomainName, PlanSet, Region};

use super::{error::CliError, exit::Exit, front::FrontArgs, serve::ServeArgsError, values};
use crate::{
    config::{CellPlace, CellSpec, CellsSpec, Config, Demo, read_plans},
    front::Front,
    postgres::CellFiles,
    serve::{
        Lifetime,
        cell::{self, CellProcess},
        control::{self, ControlProcess},
        gateway::{self, GatewayProcess},
    },
    telemetry::{LogFormat, init_logs},
};

/// What all processes of a platform are told alike.
#[derive(Clone, Debug, Args)]
pub(super) struct PlatformArgs {
    /// Folder of the platform, with its directory
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// Domain below which every shop has a name
    #[arg(long, value_name = "DOMAIN", default_value = "localhost", value_parser = values::domain)]
    platform_domain: DomainName,
    /// TOML file of plans, instead of basic, professional and enterprise
    #[arg(long, value_name = "FILE")]
    plans: Option<PathBuf>,
    /// End with the process that started this one: when standard input ends
    #[arg(long)]
    with_parent: bool,
    /// How logs are written
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

impl PlatformArgs {
    /// The settings of a process that listens here.
    fn config(
        &self,
        (listen, ops_listen): (SocketAddr, SocketAddr),
        cells: CellsSpec,
    ) -> Result<Config, ServeArgsError> {
        let plans = self.plans.as_deref().map(read_plans).transpose()?;
        Ok(Config {
            listen,
            ops_listen,
            front: Front::default(),
            data: self.data.clone(),
            cells,
            platform_domain: self.platform_domain.clone(),
            plans: plans.unwrap_or_else(PlanSet::standard),
            demo: Demo::Never,
            grace: Duration::from_hours(24) * 30,
            payment_limit: Duration::from_secs(10),
            rest: Duration::from_secs(5),
        })
    }

    const fn lifetime(&self) -> Lifetime {
        if self.with_parent {
            Lifetime::OfStdin
        } else {
            Lifetime::Own
        }
    }

    fn begin(&self) {
        init_logs(self.log_format);
        // SQLite makes its files as the process says: with others' rows in them, they are its user's alone.
        umask(Mode::from_bits_truncate(0o077));
    }
}

/// Serve visitors: find each request's shop and send it to a process of the shop's cell
///
/// Any number of gateways can be started. They need the directory to hear of changes, and serve on without it. Standard output
/// has the lines `listening http://…` and `probes http://…` once both addresses answer.
#[derive(Clone, Debug, Args)]
#[command(after_help = help!("
  storefront gateway --data /var/lib/shops --hop-keys hop.keys --endpoints endpoints.toml
  storefront gateway --listen 0.0.0.0:80 --hop-keys hop.keys --endpoints endpoints.toml"))]
pub(super) struct GatewayArgs {
    /// Where shops are served; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = values::address)]
    listen: SocketAddr,
    /// Where probes and metrics are served: keep it private
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = values::address)]
    probes_listen: SocketAddr,
    /// File of the keys by which cells believe gateways
    #[arg(long, value_name = "FILE")]
    hop_keys: PathBuf,
    /// TOML file that says where cells are; read again when it changes
    #[arg(long, value_name = "FILE")]
    endpoints: PathBuf,
    #[command(flatten)]
    front: FrontArgs,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run_gateway(args: GatewayArgs) -> Result<Exit, CliError> {
    args.platform.begin();
    let addresses = (args.listen, args.probes_listen);
    let process = GatewayProcess {
        config: Config {
            front: args.front.into(),
            ..args.platform.config(addresses, CellsSpec::default())?
        },
        endpoints: args.endpoints,
        hop_keys: args.hop_keys,
        lifetime: args.platform.lifetime(),
    };
    Box::pin(gateway::run(process)).await?;
    Ok(Exit::Ok)
}

/// Serve one cell, for gateways and control
///
/// Whatever does not come through a gateway is refused. Standard output has the lines `shops http://…` and `control http://…` once
/// both addresses answer.
#[derive(Clone, Debug, Args)]
#[command(after_help = help!("
  storefront cell serve cell-1 --hop-keys hop.keys --control-keys control.keys
  storefront cell serve cell-2 --region eu --private-postgres --hop-keys hop.keys --control-keys control.keys"))]
pub(super) struct CellArgs {
    /// The cell; one that `storefront cell init` made is in Postgres, others are files of the data folder
    #[arg(value_name = "CELL")]
    cell: CellId,
    /// Where it stands
    #[arg(long, value_name = "REGION", default_value = "local")]
    region: Region,
    /// Run it in a Postgres server, started from the data folder, instead of an SQLite file
    #[arg(long)]
    private_postgres: bool,
    /// Where gateways send visitors' requests: keep it private; port 0 picks a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = values::address)]
    listen: SocketAddr,
    /// Where control and probes are served: keep it private
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0", value_parser = values::address)]
    control_listen: SocketAddr,
    /// File of the keys by which gateways are believed
    #[arg(long, value_name = "FILE")]
    hop_keys: PathBuf,
    /// File of the keys by which control is believed
    #[arg(long, value_name = "FILE")]
    control_keys: PathBuf,
    /// Seconds that the payment provider may take to answer
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=25))]
    payment_seconds: u32,
    /// Seconds between two rounds of the cell's own work: unpaid orders, refunds, old carts
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    rest_seconds: u32,
    #[command(flatten)]
    platform: PlatformArgs,
}

impl CellArgs {
    fn spec(&self) -> Result<CellsSpec, ServeArgsError> {
        let files = CellFiles::of(&self.platform.data);
        let known = files.path(self.cell);
        if known.exists() && !self.private_postgres {
            return Ok(CellsSpec::default().with(CellFiles::read(&known)?)?);
        }
        let place = if self.private_postgres {
            CellPlace::PrivatePostgres
        } else {
            CellPlace::File
        };
        Ok(CellsSpec::one(CellSpec {
            cell: self.cell,
            region: self.region.clone(),
            place,
        }))
    }
}

pub(super) async fn run_cell(args: CellArgs) -> Result<Exit, CliError> {
    args.platform.begin();
    let addresses = (args.listen, args.control_listen);
    let config = args.platform.config(addresses, args.spec()?)?;
    let process = CellProcess {
        config: Config {
            payment_limit: Duration::from_secs(args.payment_seconds.into()),
            rest: Duration::from_secs(args.rest_seconds.into()),
            ..config
        },
        cell: args.cell,
        hop_keys: args.hop_keys,
        control_keys: args.control_keys,
        lifetime: args.platform.lifetime(),
    };
    Box::pin(cell::run(process)).await?;
    Ok(Exit::Ok)
}

/// Serve operators, and make, change and purge shops in cells that other processes serve
///
/// Visitors do not need it: gateways and cells serve on without it. Standard output has the line `ops http://…` once the address
/// answers.
#[derive(Clone, Debug, Args)]
#[command(after_help = help!("
  storefront control --data /var/lib/shops --control-keys control.keys --endpoints endpoints.toml --shops 203.0.113.7:80"))]
pub(super) struct ControlArgs {
    /// Where operators and probes are served: keep it private
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = values::address)]
    ops_listen: SocketAddr,
    /// Where visitors find a gateway, for the addresses of shops in answers
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", value_parser = values::address)]
    shops: SocketAddr,
    /// File of the keys by which cells believe control
    #[arg(long, value_name = "FILE")]
    control_keys: PathBuf,
    /// TOML file that says where cells and gateways are; read again when it changes
    #[arg(long, value_name = "FILE")]
    endpoints: PathBuf,
    /// Leave an empty platform empty; without this it gets two demo shops
    #[arg(long)]
    no_demo: bool,
    /// How many days a shop that leaves is kept before it is purged
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(0..=3650))]
    grace_days: u32,
    /// Seconds between two rounds of its own work: purges, old answers, the directory's log
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3600))]
    rest_seconds: u32,
    #[command(flatten)]
    platform: PlatformArgs,
}

pub(super) async fn run_control(args: ControlArgs) -> Result<Exit, CliError> {
    args.platform.begin();
    let addresses = (args.shops, args.ops_listen);
    let config = args.platform.config(addresses, CellsSpec::default())?;
    let process = ControlProcess {
        config: Config {
            demo: if args.no_demo {
                Demo::Never
            } else {
                Demo::WhenEmpty
            },
            grace: Duration::from_hours(24) * args.grace_days,
            rest: Duration::from_secs(args.rest_seconds.into()),
            ..config
        },
        endpoints: args.endpoints,
        control_keys: args.control_keys,
        lifetime: args.platform.lifetime(),
    };
    Box::pin(control::run(process)).await?;
    Ok(Exit::Ok)
}
