//! One storm.

mod books;
mod client;
#[path = "../it/db/given_up.rs"]
mod given_up;
mod trouble;
mod world;

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tenancy_core::isolation::IsolationMode;
use tokio::task::JoinSet;

pub(crate) use books::Outcome;
use client::Client;
use world::World;

pub(crate) const TENANTS: u32 = 64;

/// More than the cell has connections, so that they wait in line as well.
const CLIENTS: usize = 24;

/// What lies between the cell and its server, beside a line that breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Direct,
    /// PgBouncer in transaction mode.
    Pooled,
}

/// A guard that is missing, so that the storm is seen to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    NoRowSecurity,
    /// Readers set the tenant for their session, and read outside of a transaction.
    TenantInSession,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Storm {
    pub(crate) mode: IsolationMode,
    pub(crate) line: Line,
    pub(crate) lasts: Duration,
    pub(crate) seed: u64,
    pub(crate) sabotage: Option<Sabotage>,
}

impl Storm {
    /// Runs it, ends all trouble, lets the cell heal, and compares what is there with what was acknowledged.
    pub(crate) async fn run(self) -> Outcome {
        let mut random = Rng::with_seed(self.seed);
        let world = Arc::new(World::new(self).await);
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let client = Client::new(Arc::clone(&world), random.fork());
            clients.spawn(client.visit_on());
        }
        trouble::make(&world, random.fork()).await;
        while let Some(ended) = clients.join_next().await {
            ended.expect("a client takes every answer and panic for what it is");
        }
        if self.sabotage.is_none() {
            trouble::heal(&world).await;
            for tenant in 1..=TENANTS {
                client::visit_in_peace(&world, tenant).await;
            }
            world.compare().await;
            world.is_clean().await;
        }
        let outcome = world.books.outcome(self);
        report(&outcome);
        outcome
    }
}

#[expect(clippy::print_stdout, reason = "a proof says what it has done")]
fn report(outcome: &Outcome) {
    println!("{outcome}");
}
