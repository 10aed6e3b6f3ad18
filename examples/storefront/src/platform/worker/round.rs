//! One round of one kind of work in the shops of all cells.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use futures_util::{StreamExt, future::join_all, stream};
use tenancy_types::{CellId, TenantId, UnixMicros};
use tokio::time::timeout;

use super::{Chore, Task, chore::is_refusal};
use crate::platform::{Site, cells::OpenCell};

/// How many shops of a cell one kind of work is done in at one time: buyers come first.
const AT_ONCE: usize = 4;

/// The longest one kind of work takes in one shop and round. A payment provider that hangs must not keep the
/// other shops waiting for good.
const TURN: Duration = Duration::from_secs(30);

/// How many shops of a cell have a turn in one round.
const SHOPS: NonZeroU32 = NonZeroU32::new(200).expect("it is not 0");

/// Behind which tenant of each cell the next round begins: when the first ones keep having work, the others
/// have their turn, too.
pub(super) type Places = BTreeMap<CellId, i64>;

/// Does the work in the shops that have some, and remembers where it ended.
pub(super) async fn in_shops(site: &Site, chore: Chore, now: UnixMicros, places: &mut Places) {
    let round = Round {
        site,
        chore,
        now,
        oldest: AtomicI64::new(now.get()),
    };
    let cells = site.open_cells().iter();
    let ended = cells.map(async |(&id, cell)| {
        let after = places.get(&id).copied().unwrap_or(0);
        (id, round.cell(cell, after).await)
    });
    let ended = join_all(ended).await;
    places.extend(ended);
    if chore == Chore::DueOrders {
        oldest().set(round.oldest_age().as_secs_f64());
    }
}

struct Round<'a> {
    site: &'a Site,
    chore: Chore,
    now: UnixMicros,
    /// Since when the order is overdue that has been for the longest; now, when none is.
    oldest: AtomicI64,
}

impl Round<'_> {
    /// The work in a cell's shops behind this one; returns the place for the next round.
    async fn cell(&self, cell: &OpenCell, after: i64) -> i64 {
        let (select, values) = self.chore.search(self.now, after);
        let tenants = match cell.db.tenants_with(select, &values, SHOPS).await {
            Ok(tenants) => tenants,
            Err(error) => {
                self.failed();
                let (cell, chore) = (cell.shops.id(), self.chore.name());
                tracing::error!(%cell, chore, %error, "shops with work to do could not be found");
                return after;
            }
        };
        let place = next_place(&tenants, SHOPS);
        let turns = stream::iter(tenants);
        let turns = turns.for_each_concurrent(AT_ONCE, |tenant| self.turn(cell, tenant));
        turns.await;
        place
    }

    async fn turn(&self, cell: &OpenCell, tenant: TenantId) {
        let chore = self.chore;
        let entered = self
            .site
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
                self.failed();
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(tenant_id = %tenant, chore = chore.name(), %error, cause, "work failed");
            }
            Err(_) => {
                self.failed();
                tracing::warn!(tenant_id = %tenant, chore = chore.name(), "work took too long");
            }
        }
    }

    fn failed(&self) {
        Task::Chore(self.chore).failures().increment(1);
    }

    fn overdue(&self, since: UnixMicros) {
        self.oldest.fetch_min(since.get(), Ordering::Relaxed);
    }

    fn oldest_age(&self) -> Duration {
        let micros = self.now.get() - self.oldest.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

pub(super) fn oldest() -> metrics::Gauge {
    metrics::gauge!("storefront_overdue_oldest_seconds")
}

/// Behind the last tenant when there may be more, else at the beginning.
fn next_place(tenants: &[TenantId], limit: NonZeroU32) -> i64 {
    let full = tenants.len() >= limit.get() as usize;
    tenants
        .last()
        .filter(|_| full)
        .map_or(0, |last| last.as_i64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_goes_on_behind_the_last_and_begins_again_after_all() {
        let limit = NonZeroU32::new(2).unwrap();
        let tenants = [3, 9, 12].map(|number| TenantId::new(number).unwrap());
        assert_eq!(next_place(&[], limit), 0);
        assert_eq!(next_place(&tenants[..1], limit), 0);
        assert_eq!(next_place(&tenants[..2], limit), 9);
    }
}
