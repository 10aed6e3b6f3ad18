//! Processes follow each other under load, and no request fails.

use std::env;

use fastrand::Rng;

use crate::{load::Load, process::Process};

/// Of each round.
const REQUESTS: usize = 100_000;
const RESTARTS: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute: cargo xtask soak gateway"]
async fn gateway_restarts_lose_no_request() {
    let seed = env::var("SOAK_SEED").map_or(1, |seed| seed.parse().unwrap());
    let round = env::var("SOAK_ROUND").map_or(0, |round| round.parse().unwrap());
    let mut rng = Rng::with_seed(seed ^ round << 32);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("handover");
    let mut running = Process::start(&path, "127.0.0.1:0").await;
    let load = Load::start(running.address, rng.usize(8..=64), rng.usize(8..=64));
    let between = REQUESTS / RESTARTS;
    for _ in 0..RESTARTS {
        load.more(rng.usize(between / 2..between)).await;
        let next = Process::start(&path, &running.address.to_string()).await;
        running.ended_well().await;
        running = next;
    }
    load.until(REQUESTS).await;
    let answered = load.stop().await;
    let requests: usize = answered.processes.values().sum();
    println!(
        "{requests} requests, {RESTARTS} restarts, {} failed",
        answered.failures.len()
    );
    assert_eq!(answered.failures, Vec::<String>::new());
    assert_eq!(answered.processes.len(), RESTARTS + 1);
}
