use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tenancy_types::{Epoch, TenantId};

/// Tenants of which a gateway has said more than this cell's table knows, until the table does.
///
/// Only what was signed comes here, so it grows to the tenants that there are at most, and is empty nearly always: then a
/// request costs one load.
#[derive(Debug, Default)]
pub(super) struct Heard {
    epochs: Mutex<HashMap<TenantId, Epoch>>,
    count: AtomicUsize,
}

impl Heard {
    /// The newest epoch that was heard of the tenant, when the request says `claimed` and the table `known`.
    pub(super) fn newest(&self, tenant: TenantId, claimed: Epoch, known: Epoch) -> Epoch {
        // Who comes at the moment in which another one says more goes ahead, as if it had come before.
        if claimed <= known && self.count.load(Ordering::Relaxed) == 0 {
            return claimed;
        }
        let mut epochs = self.epochs();
        let before = epochs.get(&tenant).copied();
        let newest = before.map_or(claimed, |before| before.max(claimed));
        if newest > known {
            epochs.insert(tenant, newest);
        } else {
            epochs.remove(&tenant);
        }
        self.count.store(epochs.len(), Ordering::Relaxed);
        newest
    }

    fn epochs(&self) -> MutexGuard<'_, HashMap<TenantId, Epoch>> {
        self.epochs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_kept_until_the_table_knows_it() {
        let (heard, epoch) = (Heard::default(), |seq| Epoch::new(0, seq));
        let one = TenantId::new(1).unwrap();
        let two = TenantId::new(2).unwrap();
        for (tenant, claimed, known, newest, kept) in [
            (one, 3, 3, 3, 0),
            (one, 5, 3, 5, 1),
            (one, 3, 3, 5, 1),
            (two, 3, 3, 3, 1),
            (one, 4, 4, 5, 1),
            (one, 4, 6, 5, 0),
            (one, 4, 6, 4, 0),
        ] {
            let said = heard.newest(tenant, epoch(claimed), epoch(known));
            assert_eq!(said, epoch(newest), "{claimed} {known}");
            assert_eq!(heard.epochs().len(), kept);
        }
    }
}
