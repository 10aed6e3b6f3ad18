//! `storefront gateway`: one of the processes that visitors meet.

use std::path::PathBuf;

use tenancy_cell_router::Server;

use super::{Lifetime, ServeError, address, drain_when_taken, ended, flat, keys, say};
use crate::{
    cluster::Endpoints,
    config::Config,
    front::{Doors, Spoken},
    gateway::far,
    ops::{self, Probes},
    platform::Site,
    telemetry,
};

/// What a gateway is told.
#[derive(Clone, Debug)]
pub struct GatewayProcess {
    /// The settings, without cells.
    pub config: Config,
    /// Where cells are.
    pub endpoints: PathBuf,
    /// The keys by which cells believe it.
    pub hop_keys: PathBuf,
    /// What ends it.
    pub lifetime: Lifetime,
}

/// Serves visitors until SIGINT or SIGTERM. Standard output gets the lines `listening http://…` and `probes http://…` once both
/// listeners answer.
///
/// # Errors
/// [`ServeError`]; nothing is served then, or any more.
pub async fn run(process: GatewayProcess) -> Result<(), ServeError> {
    let config = &process.config;
    let stop = process.lifetime.stop_signal();
    let (stopping, stop) = stop.map_err(ServeError::Signals)?;
    let metrics = telemetry::init_metrics();
    let spoken = Spoken::open(&config.front)?;
    let endpoints = Endpoints::follow(&process.endpoints)?;
    let hop_keys = keys(&process.hop_keys)?;
    // Before the sockets of the gateway that runs are taken: visitors wait for nothing.
    let site = Box::pin(Site::open(config.clone())).await?;
    let addresses = (config.listen, config.ops_listen);
    let doors = match Doors::take_over(&config.front, addresses).await? {
        Some(doors) => doors,
        None => Doors::bind(config.listen, config.ops_listen).await?,
    };
    let (shops_address, probes_address) = (address(&doors.shops)?, address(&doors.operators)?);
    let service = far::service(&site, endpoints, hop_keys);
    let probes = ops::probes(Probes {
        site: site.clone(),
        stop: stop.clone(),
        metrics,
    });
    let serving = tokio::spawn(spoken.serve(doors.shops, service, stop.clone()));
    let probing = tokio::spawn(Server::new(doors.operators).serve(probes, stop));
    tokio::spawn(drain_when_taken(doors.offer, stopping));
    say(&[
        format!("listening {}://{shops_address}", config.front.scheme()),
        format!("probes http://{probes_address}"),
    ]);
    ended(flat(serving), [probing], &site).await
}
