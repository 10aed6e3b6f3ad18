//! One storm.

mod books;
mod client;
mod deck;
mod deeds;
mod end;
mod errors;
#[path = "../it/db/given_up.rs"]
mod given_up;
mod ledger;
mod naive;
mod planted;
mod trouble;
mod world;

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use futures_util::future::join_all;
use tenancy_core::isolation::IsolationMode;
use tokio::{task::JoinSet, time::timeout};

pub(crate) use books::Outcome;
use client::Client;
pub(crate) use deeds::Enough;
use world::{CONNECTIONS, World};

pub(crate) const TENANTS: u32 = 64;

/// Clients that make requests of all tenants, above all of those that have trouble, beside one for each tenant.
const ROAMING: u32 = 16;

/// How long requests have to end when the storm is over. Each has less from the cell.
const LAST_REQUESTS: Duration = Duration::from_secs(60);

/// What lies between the cell and its server, beside a line that breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Direct,
    /// PgBouncer in transaction mode.
    Pooled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weather {
    /// Requests are dropped, panic and fail, connections break, fences change, the server dies.
    Stormy,
    /// Nothing goes wrong.
    Calm,
}

/// A guard that is missing, so that the storm is seen to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    NoRowSecurity,
    /// Readers set the tenant for their session, and read outside of a transaction.
    TenantInSession,
    /// Readers are in sqlx's own transactions, which set the tenant as they begin, and share the connections with
    /// some who read without a tenant.
    LibraryTransactions,
    /// The same in transactions that handlers begin and end themselves.
    HandMadeTransactions,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    pub(crate) mode: IsolationMode,
    pub(crate) line: Line,
    pub(crate) weather: Weather,
    pub(crate) lasts: Duration,
    /// What it must have done to prove something,
    pub(crate) enough: Enough,
    /// and how much longer it may last for it.
    pub(crate) patience: Duration,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Storm {
    /// Runs it, ends all trouble, lets the cell heal, and compares what is there with what was acknowledged.
    pub(crate) async fn run(self) -> Outcome {
        let mut random = Rng::with_seed(self.seed);
        let world = Arc::new(World::new(self).await);
        let mut clients = JoinSet::new();
        let homes = (1..=TENANTS).map(Some);
        for home in homes.chain((0..ROAMING).map(|_| None)) {
            let client = Client::new(Arc::clone(&world), random.fork(), home);
            clients.spawn(client.visit_on());
        }
        trouble::make(&world, random.fork()).await;
        let ended = timeout(LAST_REQUESTS, async {
            while let Some(ended) = clients.join_next().await {
                ended.expect("a client takes every answer and panic for what it is");
            }
        });
        if ended.await.is_err() {
            let said = format!("{} clients' requests do not end", clients.len());
            world.books.wrong(said);
        }
        if self.sabotage.is_none() {
            settle(&world).await;
        }
        let outcome = world.books.outcome(self);
        report(&outcome);
        outcome
    }
}

/// After the storm.
async fn settle(world: &World) {
    trouble::heal(world).await;
    // No more at once than there are connections, so that nobody waits for long.
    for first in (1..=TENANTS).step_by(CONNECTIONS.into()) {
        let last = TENANTS.min(first + u32::from(CONNECTIONS) - 1);
        join_all((first..=last).map(|tenant| client::visit_in_peace(world, tenant))).await;
    }
    for what in end::differences(world).await {
        world.books.wrong(what);
    }
    for what in end::remains(world, end::PATIENCE).await {
        world.books.wrong(what);
    }
}

#[expect(clippy::print_stdout, reason = "a proof says what it has done")]
fn report(outcome: &Outcome) {
    println!("{outcome}");
}
