use std::{num::NonZeroU16, sync::atomic::Ordering, time::Duration};

use tenancy_types::{PagedWords, TenantId, WorkBudget};

/// The database work of the platform's own workflows, which no plan says: nobody waits for an answer, and counting
/// a large shop takes its time. A transaction that writes ends by the cell's maximum age, before this.
pub(super) const OF_WORKFLOWS: WorkBudget = WorkBudget::new(
    NonZeroU16::new(2).expect("it is not 0"),
    Duration::from_secs(60),
);

/// The database work that a request of each shop may cause: one word a shop, read once a request.
#[derive(Debug)]
pub(super) struct Budgets {
    words: PagedWords,
    /// For a shop whose plan is not known yet.
    otherwise: WorkBudget,
}

impl Budgets {
    pub(super) fn new(capacity: u32, otherwise: WorkBudget) -> Self {
        Self {
            words: PagedWords::with_capacity(capacity),
            otherwise,
        }
    }

    /// Notes a shop's budget. Beyond the capacity it is ignored, and the shop has the one for unknown plans.
    pub(super) fn set(&self, tenant: TenantId, budget: WorkBudget) {
        if let Some(word) = self.words.get_or_grow(tenant) {
            word.store(to_word(budget), Ordering::Relaxed);
        }
    }

    pub(super) fn of(&self, tenant: TenantId) -> WorkBudget {
        from_word(self.words.load(tenant, Ordering::Relaxed)).unwrap_or(self.otherwise)
    }
}

/// Connections above, the timeout in milliseconds below; 0 is none.
fn to_word(budget: WorkBudget) -> u64 {
    let millis = u32::try_from(budget.statement_timeout.as_millis()).unwrap_or(u32::MAX);
    u64::from(budget.connections.get()) << 32 | u64::from(millis)
}

fn from_word(word: u64) -> Option<WorkBudget> {
    let connections = NonZeroU16::new(u16::try_from(word >> 32).ok()?)?;
    Some(WorkBudget::new(
        connections,
        Duration::from_millis(word & u64::from(u32::MAX)),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_has_the_budget_that_was_noted() {
        let budget = |connections, millis| {
            WorkBudget::new(
                NonZeroU16::new(connections).unwrap(),
                Duration::from_millis(millis),
            )
        };
        let budgets = Budgets::new(100, budget(1, 1));
        let [known, unknown] = [1, 2].map(|id| TenantId::new(id).unwrap());
        budgets.set(known, budget(u16::MAX, 5_000));
        assert_eq!(budgets.of(known), budget(u16::MAX, 5_000));
        assert_eq!(budgets.of(unknown), budget(1, 1));
    }
}
