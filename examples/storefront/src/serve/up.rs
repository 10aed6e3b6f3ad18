//! `storefront up`: all processes of a platform on one machine, as children of this one.
//!
//! A child that ends by itself is started again, at the address that it had. All end with this process, however that ends: they
//! live as long as their standard input is open.

mod child;
mod locks;
mod plan;

use std::{fs::DirBuilder, net::SocketAddr, os::unix::fs::DirBuilderExt as _, path::PathBuf};

use futures_util::future::join_all;
use tenancy_cell_router::Stop;

use super::{Lifetime, ServeError, say};
use crate::cluster::{CellEndpoint, Endpoints, GatewayEndpoint, Known, make_keys};

use child::{Child, Told};
use plan::{Plan, Role};

pub use plan::UpCells;

/// What is to be started.
#[derive(Clone, Debug)]
pub struct Up {
    /// Where the first gateway listens for visitors; the others take free ports.
    pub listen: SocketAddr,
    /// Where operators are served.
    pub ops_listen: SocketAddr,
    /// The folder that holds everything.
    pub data: PathBuf,
    /// The cells.
    pub cells: UpCells,
    /// How many gateways.
    pub gateways: u16,
    /// Further arguments of every process.
    pub arguments: Vec<String>,
    /// Further arguments of control.
    pub of_control: Vec<String>,
    /// Further arguments of cells.
    pub of_cells: Vec<String>,
}

/// The files that the processes share.
#[derive(Clone, Debug)]
struct Files {
    hop_keys: PathBuf,
    control_keys: PathBuf,
    endpoints: PathBuf,
}

/// Starts everything and keeps it running until SIGINT or SIGTERM; then gateways end first, and cells last.
///
/// Standard output gets what `storefront serve` would say.
///
/// # Errors
/// [`ServeError`] when something does not start, or cannot be started again.
pub async fn run(up: Up) -> Result<(), ServeError> {
    let (_, mut stop) = Lifetime::Own.stop_signal().map_err(ServeError::Signals)?;
    let files = prepare(&up)?;
    locks::until_free(&up.data).await;
    let plan = Plan { up, files };
    let mut platform = tokio::select! {
        started = Platform::start(&plan) => started?,
        _ = stop.wait_for(|stop| *stop != Stop::Not) => return Ok(()),
    };
    let stopped = async { stop.wait_for(|stop| *stop != Stop::Not).await.map(drop) };
    tokio::select! {
        _ = stopped => {}
        error = platform.keep(&plan) => return Err(error),
    }
    platform.stop().await;
    Ok(())
}

fn prepare(up: &Up) -> Result<Files, ServeError> {
    let failed = |path: PathBuf| move |source| ServeError::File { path, source };
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&up.data);
    made.map_err(failed(up.data.clone()))?;
    let files = Files {
        hop_keys: up.data.join("hop.keys"),
        control_keys: up.data.join("control.keys"),
        endpoints: up.data.join("endpoints.toml"),
    };
    make_keys(&files.hop_keys, "hop-1").map_err(failed(files.hop_keys.clone()))?;
    make_keys(&files.control_keys, "control-1").map_err(failed(files.control_keys.clone()))?;
    Endpoints::write(&files.endpoints, &Known::default())?;
    Ok(files)
}

/// The processes.
struct Platform {
    cells: Vec<Child>,
    gateways: Vec<Child>,
    control: Child,
}

impl Platform {
    /// Cells first, so that gateways and control know where they are; then gateways, so that control can tell where visitors
    /// find them.
    async fn start(plan: &Plan) -> Result<Self, ServeError> {
        let cells = plan
            .cells()
            .map(|role| Child::start(plan.command(&role), role));
        let cells = all(cells).await?;
        publish(plan, &cells, &[])?;
        let gateways = plan
            .gateways()
            .map(|role| Child::start(plan.command(&role), role));
        let gateways = all(gateways).await?;
        publish(plan, &cells, &gateways)?;
        let shops = gateways
            .first()
            .map_or(plan.up.listen, |first| first.told.first);
        say(&[format!("listening http://{shops}")]);
        let role = Role::Control { shops };
        let control = Child::start(plan.command(&role), role).await?;
        say(&control.told.lines);
        Ok(Self {
            cells,
            gateways,
            control,
        })
    }

    /// Starts again what ends, for ever.
    async fn keep(&mut self, plan: &Plan) -> ServeError {
        let control = std::iter::once(&mut self.control);
        let children = self
            .cells
            .iter_mut()
            .chain(&mut self.gateways)
            .chain(control);
        let kept = children.map(|child| Box::pin(child.keep(plan)));
        futures_util::future::select_all(kept).await.0
    }

    async fn stop(self) {
        join_all(self.gateways.into_iter().map(Child::stop)).await;
        self.control.stop().await;
        join_all(self.cells.into_iter().map(Child::stop)).await;
    }
}

/// All of them, or the first error.
async fn all(
    children: impl Iterator<Item = impl Future<Output = Result<Child, ServeError>>>,
) -> Result<Vec<Child>, ServeError> {
    futures_util::future::try_join_all(children).await
}

/// Tells everybody where cells and gateways are. They keep their addresses, also when they are started again.
fn publish(plan: &Plan, cells: &[Child], gateways: &[Child]) -> Result<(), ServeError> {
    let cell = cells.iter().filter_map(|child| {
        let Role::Cell { cell, .. } = &child.role else {
            return None;
        };
        let Told { first, second, .. } = child.told;
        Some(CellEndpoint {
            cell: cell.to_string(),
            shops: first,
            control: second?,
        })
    });
    let gateway = gateways.iter().filter_map(|child| {
        let probes = child.told.second?;
        Some(GatewayEndpoint { probes })
    });
    let known = Known {
        cell: cell.collect(),
        gateway: gateway.collect(),
    };
    Ok(Endpoints::write(&plan.files.endpoints, &known)?)
}
