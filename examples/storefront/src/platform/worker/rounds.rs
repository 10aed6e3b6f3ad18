//! One round after the other.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream};
use tenancy_types::{Clock, SystemClock, TenantId, UnixMicros};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::{Chore, chore::is_refusal};
use crate::{
    platform::{Platform, cells::OpenCell},
    server::Stop,
};

/// How many shops of a cell are worked in at one time: buyers come first.
const AT_ONCE: usize = 4;

/// The longest one kind of work takes in one shop and round. A payment provider that hangs must not keep the
/// other shops waiting for good.
const TURN: Duration = Duration::from_secs(30);

/// How many shops of a cell are searched for at a time.
const SHOPS: NonZeroU32 = NonZeroU32::new(1_000).expect("it is not 0");

/// Does the platform's own work.
#[derive(Clone, Debug)]
pub struct Worker {
    platform: Platform,
}

impl Worker {
    /// The worker of a platform. Its metrics are there from now on.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        for chore in Chore::ALL {
            failures(chore).increment(0);
        }
        rounds().increment(0);
        oldest().set(0.0);
        Self { platform }
    }

    /// Works until the process stops. A turn that is cut off then is taken again after the next start.
    pub async fn run(self, mut stop: watch::Receiver<Stop>) {
        let rest = self.platform.config().rest;
        let work = async {
            loop {
                self.round(SystemClock.unix()).await;
                sleep(rest).await;
            }
        };
        tokio::select! {
            // A sender that is gone is a process that ends.
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => {}
            () = work => {}
        }
    }

    /// Does what there is to do at this moment, each kind of work in each shop at most once.
    ///
    /// # Cancel safety
    /// What is cut off is done in a later round.
    pub async fn round(&self, now: UnixMicros) {
        let round = Round {
            platform: &self.platform,
            now,
            oldest: AtomicI64::new(now.get()),
        };
        let cells = self.platform.0.cells.values();
        join_all(cells.map(|cell| round.cell(cell))).await;
        self.platform.purge_due(now).await;
        rounds().increment(1);
        oldest().set(round.oldest_age().as_secs_f64());
    }
}

struct Round<'a> {
    platform: &'a Platform,
    now: UnixMicros,
    /// Since when the order is overdue that has been for the longest; now, when none is.
    oldest: AtomicI64,
}

impl Round<'_> {
    async fn cell(&self, cell: &OpenCell) {
        for chore in Chore::ALL {
            let mut after = 0;
            while let Some(last) = self.shops(cell, chore, after).await {
                after = last;
            }
        }
    }

    /// A turn for each of the next shops that have such work. The last of them, unless there are no more.
    async fn shops(&self, cell: &OpenCell, chore: Chore, after: i64) -> Option<i64> {
        let (select, values) = chore.search(self.now, after);
        match cell.db.tenants_with(select, &values, SHOPS).await {
            Ok(tenants) => {
                let last = tenants.last().map(|tenant| tenant.as_i64());
                let turns = stream::iter(tenants);
                let turns =
                    turns.for_each_concurrent(AT_ONCE, |tenant| self.turn(cell, chore, tenant));
                turns.await;
                last
            }
            Err(error) => {
                failures(chore).increment(1);
                let (cell, chore) = (cell.shops.id(), chore.name());
                tracing::error!(%cell, chore, %error, "shops with work to do could not be found");
                None
            }
        }
    }

    async fn turn(&self, cell: &OpenCell, chore: Chore, tenant: TenantId) {
        let entered = self
            .platform
            .enter(tenant, chore.name())
            .and_then(|admitted| admitted.read_write());
        let context = match entered {
            Ok(context) => context,
            Err(refusal) => {
                tracing::debug!(tenant_id = %tenant, chore = chore.name(), %refusal, "not entered");
                return;
            }
        };
        let work = chore.run(cell, &context, self.now, |since| self.overdue(since));
        match timeout(TURN, work).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if is_refusal(&error) => {
                tracing::debug!(tenant_id = %tenant, chore = chore.name(), %error, "not entered");
            }
            Ok(Err(error)) => {
                failures(chore).increment(1);
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(tenant_id = %tenant, chore = chore.name(), %error, cause, "work failed");
            }
            Err(_) => {
                failures(chore).increment(1);
                tracing::warn!(tenant_id = %tenant, chore = chore.name(), "work took too long");
            }
        }
    }

    fn overdue(&self, since: UnixMicros) {
        self.oldest.fetch_min(since.get(), Ordering::Relaxed);
    }

    fn oldest_age(&self) -> Duration {
        let micros = self.now.get() - self.oldest.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

fn rounds() -> metrics::Counter {
    metrics::counter!("storefront_worker_rounds_total")
}

fn oldest() -> metrics::Gauge {
    metrics::gauge!("storefront_overdue_oldest_seconds")
}

fn failures(chore: Chore) -> metrics::Counter {
    metrics::counter!("storefront_worker_failures_total", "chore" => chore.name())
}
