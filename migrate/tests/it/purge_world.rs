//! One tenant of a platform in memory that keeps the rules of [`Purger`], and ways to break them.

use std::{
    collections::BTreeMap,
    error::Error,
    sync::{Arc, Mutex, MutexGuard},
};

use tenancy_migrate::{Fitness, Home, Purged, Purger, TableCounts};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId};

use crate::world::Fuse;

type BoxError = Box<dyn Error + Send + Sync>;

pub(crate) const ROWS: [(&str, u64); 2] = [("product", 10), ("variant", 20)];
/// A random name, with spaces since nobody forbids them.
pub(crate) const ARCHIVE: &str = "5f3a of 1 May.tar";
pub(crate) const ANOTHER: &str = "c0de.tar";
pub(crate) const ARCHIVED: [(&str, u64); 2] = [("product", 4), ("variant", 5)];

/// What survives a crash of the runner.
#[derive(Clone)]
pub(crate) struct Shop(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) placement: Placement,
    pub(crate) fence: (Lifecycle, Epoch),
    pub(crate) rows: BTreeMap<&'static str, u64>,
    /// What other stores keep of it.
    pub(crate) answers: u32,
    /// Payments of which nobody knows what became of them.
    pub(crate) unknown_payments: u32,
    /// How often the provider does not answer.
    pub(crate) provider_away: u32,
    /// Why the archive cannot be loaded.
    pub(crate) flaw: Option<&'static str>,
    /// The archive is lost after the first of its tables.
    pub(crate) is_lost: bool,
    /// How often something writes a row right after the tenant was emptied.
    pub(crate) intrusions: u32,
}

pub(crate) fn home(lifecycle: Lifecycle, seq: u32) -> Home {
    let epoch = Epoch::new(0, seq);
    Home {
        tenant: TenantId::new(7).unwrap(),
        placement: Placement::new(CellId::new(1).unwrap(), lifecycle, epoch),
    }
}

impl Shop {
    /// That leaves, or is to be filled again.
    pub(crate) fn new(lifecycle: Lifecycle) -> Self {
        let placement = home(lifecycle, 5).placement;
        Self(Arc::new(Mutex::new(State {
            placement,
            fence: (lifecycle, placement.epoch),
            rows: ROWS.into(),
            answers: 3,
            unknown_payments: 2,
            provider_away: 0,
            flaw: None,
            is_lost: false,
            intrusions: 0,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Panics unless the platform is as the answer says.
    #[track_caller]
    pub(crate) fn check(&self, purged: &Purged) {
        let state = self.state();
        assert_eq!(
            state.fence,
            (state.placement.lifecycle, state.placement.epoch)
        );
        assert_eq!(state.unknown_payments, 0, "all were brought to an end");
        match purged {
            Purged::Forgotten(receipt) => {
                assert_eq!(state.placement.lifecycle, Lifecycle::Gone);
                assert!(state.rows.values().all(|rows| *rows == 0));
                assert_eq!(state.answers, 0);
                assert_eq!(receipt.epoch, state.placement.epoch);
                if state.placement.epoch == home(Lifecycle::Gone, 7).placement.epoch {
                    assert_eq!(receipt.rows, counts(ROWS), "each row was counted once");
                }
            }
            Purged::Refilled(home) => {
                assert_eq!(state.placement, home.placement);
                assert_eq!(home.placement, self::home(Lifecycle::Active, 8).placement);
                assert_eq!(state.rows, ARCHIVED.into());
                assert_eq!(state.answers, 3, "what is not a row stays");
            }
        }
    }
}

pub(crate) fn counts(rows: impl IntoIterator<Item = (&'static str, u64)>) -> TableCounts {
    let owned = rows.into_iter().map(|(table, rows)| (table.into(), rows));
    owned.collect()
}

impl State {
    fn begin(&mut self, epoch: Epoch) -> Option<Placement> {
        let Placement {
            cell, lifecycle, ..
        } = self.placement;
        let may = matches!(lifecycle, Lifecycle::Offboarding | Lifecycle::Suspended);
        if may && self.placement.epoch.next().unwrap() == epoch {
            self.placement = Placement::new(cell, Lifecycle::Purging, epoch);
        }
        (self.placement == Placement::new(cell, Lifecycle::Purging, epoch))
            .then_some(self.placement)
    }

    fn decide(&mut self, home: Home, to: Lifecycle) -> Placement {
        if self.placement == home.placement {
            let epoch = home.placement.epoch.next().unwrap();
            self.placement = Placement::new(home.placement.cell, to, epoch);
        }
        self.placement
    }

    fn bring_fence(&mut self, home: Home) {
        if self.fence.1 < home.placement.epoch {
            self.fence = (home.placement.lifecycle, home.placement.epoch);
        }
    }

    /// What a tenant's transaction asks.
    fn enter(&self, home: Home) -> Result<(), BoxError> {
        if self.fence == (home.placement.lifecycle, home.placement.epoch) {
            Ok(())
        } else {
            Err("stale epoch".into())
        }
    }
}

/// The acts on a shop, with a point before and after each, and in the middle of the long ones.
pub(crate) struct Acts {
    pub(crate) shop: Shop,
    pub(crate) fuse: Fuse,
    /// How often each act is done.
    pub(crate) times: u32,
}

impl Acts {
    async fn act<T>(
        &self,
        act: impl Fn(&mut State) -> Result<T, BoxError> + Send,
    ) -> Result<T, BoxError> {
        self.fuse.point().await?;
        let mut result = act(&mut self.shop.state());
        for _ in 1..self.times {
            self.fuse.point().await?;
            result = act(&mut self.shop.state());
        }
        self.fuse.point().await?;
        result
    }
}

impl Purger for Acts {
    async fn check(&self, _: TenantId, archive: &str) -> Result<Fitness, BoxError> {
        assert!([ARCHIVE, ANOTHER].contains(&archive));
        let unfit = |flaw: &str| Fitness::Unfit(flaw.into());
        self.act(|state| Ok(state.flaw.map_or(Fitness::Fits, unfit)))
            .await
    }

    async fn begin(&self, _: TenantId, epoch: Epoch) -> Result<Option<Placement>, BoxError> {
        self.act(|state| Ok(state.begin(epoch))).await
    }

    async fn decide(&self, home: Home, to: Lifecycle) -> Result<Placement, BoxError> {
        self.act(|state| Ok(state.decide(home, to))).await
    }

    async fn fence(&self, home: Home) -> Result<(), BoxError> {
        self.act(|state| {
            state.bring_fence(home);
            Ok(())
        })
        .await
    }

    async fn settle(&self, home: Home) -> Result<(), BoxError> {
        self.act(|state| {
            state.enter(home)?;
            if state.provider_away > 0 {
                state.provider_away -= 1;
                return Err("the provider does not answer".into());
            }
            state.unknown_payments = 0;
            Ok(())
        })
        .await
    }

    async fn count(&self, home: Home) -> Result<TableCounts, BoxError> {
        self.act(|state| {
            state.enter(home)?;
            Ok(counts(state.rows.clone()))
        })
        .await
    }

    async fn empty(&self, home: Home) -> Result<(), BoxError> {
        let delete = |table: &'static str| {
            self.act(move |state| {
                state.enter(home)?;
                assert_eq!(state.unknown_payments, 0, "nothing is deleted before");
                state.rows.insert(table, 0);
                Ok(())
            })
        };
        delete("variant").await?;
        delete("product").await?;
        let mut state = self.shop.state();
        if state.intrusions > 0 {
            state.intrusions -= 1;
            state.rows.insert("product", 2);
        }
        Ok(())
    }

    async fn forget(&self, _: Home) -> Result<(), BoxError> {
        self.act(|state| {
            state.answers = 0;
            Ok(())
        })
        .await
    }

    async fn fill(&self, home: Home, archive: &str) -> Result<(), BoxError> {
        assert!([ARCHIVE, ANOTHER].contains(&archive));
        for (table, rows) in ARCHIVED {
            self.act(move |state| {
                state.enter(home)?;
                if state.is_lost && table != ARCHIVED[0].0 {
                    return Err("there is no such archive".into());
                }
                state.rows.insert(table, rows);
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
