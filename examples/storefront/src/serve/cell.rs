//! `storefront cell serve`: one process of one cell.

use std::path::PathBuf;

use axum::{Router, middleware};
use tenancy_types::CellId;

use super::{Lifetime, ServeError, bind, ended, keys, say};
use crate::{
    cluster::ControlPass,
    config::Config,
    gateway::far,
    ops::{self, Probes},
    platform::{Archives, Site, Worker, cell_api, require_pass},
    telemetry,
};

/// What a process of a cell is told.
#[derive(Clone, Debug)]
pub struct CellProcess {
    /// The settings, with one cell: gateways ask at its address of shops, control at that of operators.
    pub config: Config,
    /// The cell.
    pub cell: CellId,
    /// The keys by which gateways are believed.
    pub hop_keys: PathBuf,
    /// The keys by which control is believed.
    pub control_keys: PathBuf,
    /// What ends it.
    pub lifetime: Lifetime,
}

/// Serves the cell until SIGINT or SIGTERM. Standard output gets the lines `shops http://…` and `control http://…` once both
/// listeners answer.
///
/// # Errors
/// [`ServeError`]; nothing is served then, or any more.
pub async fn run(process: CellProcess) -> Result<(), ServeError> {
    let CellProcess { config, cell, .. } = &process;
    let stop = process.lifetime.stop_signal();
    let (_, stop) = stop.map_err(ServeError::Signals)?;
    let metrics = telemetry::init_metrics();
    let hop_keys = keys(&process.hop_keys)?;
    let pass = ControlPass::new(keys(&process.control_keys)?);
    let archives = Archives::of_cell(&config.data, *cell)?;
    let site = Box::pin(Site::open(config.clone())).await?;
    let (shops, shops_address) = bind(config.listen).await?;
    let (control, control_address) = bind(config.ops_listen).await?;
    let service = far::cell_service(&site, *cell, hop_keys).expect("the cell was opened");
    let probes = ops::probes(Probes {
        site: site.clone(),
        stop: stop.clone(),
        metrics,
    });
    let asked = asked_by_control((*cell, pass), &site, archives).merge(probes);
    let serving = tokio::spawn(shops.serve(service, stop.clone()));
    let obeying = tokio::spawn(control.serve(asked, stop.clone()));
    let working = tokio::spawn(Worker::of_cells(site.clone()).run(stop));
    say(&[
        format!("shops http://{shops_address}"),
        format!("control http://{control_address}"),
    ]);
    ended(async { Ok(()) }, [serving, obeying, working], &site).await
}

fn asked_by_control(believed: (CellId, ControlPass), site: &Site, archives: Archives) -> Router {
    ops::shop_router(site.clone())
        .merge(cell_api(site.clone(), archives))
        .layer(middleware::from_fn_with_state(believed, require_pass))
}
