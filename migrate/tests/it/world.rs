//! A directory and a cell in memory that keep the rules of [`Provisioner`], and ways to break them.

use std::{
    collections::BTreeMap,
    error::Error,
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    task::Poll,
};

use tenancy_migrate::{
    ActError, Entry, Home, Journal, JournalError, ProvisionRequest, Provisioner, Refusal,
    RequestKey,
};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId};

type BoxError = Box<dyn Error + Send + Sync>;

/// A shop to be made. The seed rows know one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shop {
    pub(crate) slug: &'static str,
    pub(crate) currency: &'static str,
}

impl ProvisionRequest for Shop {
    fn to_text(&self) -> String {
        format!("{} {}", self.slug, self.currency)
    }

    fn from_text(text: &str) -> Result<Self, BoxError> {
        let known = [GARDEN, ROUBLES, HAT];
        let found = known.into_iter().find(|shop| shop.to_text() == text);
        found.ok_or_else(|| format!("no shop {text:?}").into())
    }
}

pub(crate) const GARDEN: Shop = Shop {
    slug: "garden",
    currency: "EUR",
};
/// Its slug is free, but the seed rows refuse it.
pub(crate) const ROUBLES: Shop = Shop {
    slug: "garden",
    currency: "XYZ",
};
pub(crate) const HAT: Shop = Shop {
    slug: "hat",
    currency: "EUR",
};

/// What survives a crash of the runner.
#[derive(Clone, Default)]
pub(crate) struct World(Arc<Mutex<State>>);

#[derive(Default)]
pub(crate) struct State {
    pub(crate) directory: Vec<Row>,
    pub(crate) fences: BTreeMap<TenantId, (Lifecycle, Epoch)>,
    /// Seed rows; a row that is written twice is there twice.
    pub(crate) rows: Vec<(TenantId, &'static str)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Row {
    key: RequestKey,
    pub(crate) slug: &'static str,
    pub(crate) home: Home,
}

const SEEDS: [&str; 2] = ["settings", "welcome page"];

impl World {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Panics unless the world is as the answer says, in both databases.
    #[track_caller]
    pub(crate) fn check(&self, shop: &Shop, answer: &Result<Home, Refusal>) {
        let state = self.state();
        let living = |row: &&Row| row.home.placement.lifecycle != Lifecycle::Gone;
        let found: Vec<_> = state
            .directory
            .iter()
            .filter(living)
            .filter(|row| row.slug == shop.slug)
            .collect();
        match answer {
            Ok(home) => {
                assert_eq!(found.len(), 1, "one tenant has the slug: {found:?}");
                assert_eq!(found[0].home, *home);
                assert_eq!(home.placement.lifecycle, Lifecycle::Active);
                let fence = state.fences[&home.tenant];
                assert_eq!(fence, (Lifecycle::Active, home.placement.epoch));
                let rows = SEEDS.map(|row| (home.tenant, row));
                assert_eq!(state.rows, rows, "all seed rows, each once");
            }
            Err(_) => {
                assert!(found.is_empty(), "the slug is free: {found:?}");
                assert_eq!(state.rows, []);
                let gone = |(lifecycle, _): &(Lifecycle, Epoch)| *lifecycle == Lifecycle::Gone;
                assert!(state.fences.values().all(gone), "{:?}", state.fences);
            }
        }
    }
}

impl State {
    fn row(&mut self, home: Home) -> Result<&mut Row, BoxError> {
        let found = self
            .directory
            .iter_mut()
            .find(|row| row.home.tenant == home.tenant);
        found.ok_or_else(|| "no such tenant".into())
    }

    fn create(&mut self, key: &RequestKey, shop: &Shop) -> Result<Home, ActError> {
        if let Some(row) = self.directory.iter().find(|row| row.key == *key) {
            return Ok(row.home);
        }
        let gone = |row: &Row| row.home.placement.lifecycle == Lifecycle::Gone;
        if self
            .directory
            .iter()
            .any(|row| row.slug == shop.slug && !gone(row))
        {
            let slug = shop.slug.parse().unwrap();
            return Err(Refusal::SlugTaken { slug }.into());
        }
        let tenant = TenantId::new(self.directory.len() as u32 + 1).unwrap();
        let cell = CellId::new(1).unwrap();
        let placement = Placement::new(cell, Lifecycle::Provisioning, Epoch::FIRST);
        let home = Home { tenant, placement };
        self.directory.push(Row {
            key: key.clone(),
            slug: shop.slug,
            home,
        });
        Ok(home)
    }

    fn fence(&mut self, home: Home) -> Result<(), BoxError> {
        let new = (home.placement.lifecycle, home.placement.epoch);
        let fence = *self.fences.entry(home.tenant).or_insert(new);
        if fence == new {
            Ok(())
        } else {
            Err("too late to fence".into())
        }
    }

    fn seed(&mut self, shop: &Shop, home: Home) -> Result<(), ActError> {
        let fence = self.fences.get(&home.tenant);
        if fence != Some(&(Lifecycle::Provisioning, home.placement.epoch)) {
            return Err(BoxError::from("too late to seed").into());
        }
        for row in SEEDS {
            // The refusal comes when half is done, and that half was committed.
            if row == SEEDS[1] && shop.currency == "XYZ" {
                let reason = "there is no currency XYZ".into();
                return Err(Refusal::Invalid { reason }.into());
            }
            if !self.rows.contains(&(home.tenant, row)) {
                self.rows.push((home.tenant, row));
            }
        }
        Ok(())
    }

    /// Publishes or retracts.
    fn decide(&mut self, home: Home, to: Lifecycle) -> Result<Placement, BoxError> {
        let row = self.row(home)?;
        let placement = &mut row.home.placement;
        if placement.lifecycle == Lifecycle::Provisioning {
            *placement = Placement::new(placement.cell, to, placement.epoch.next()?);
        }
        if placement.lifecycle == to {
            Ok(*placement)
        } else {
            Err("too late to decide".into())
        }
    }

    fn open(&mut self, home: Home) -> Result<(), BoxError> {
        let new = (home.placement.lifecycle, home.placement.epoch);
        let fence = self.fences.get_mut(&home.tenant).ok_or("no fence")?;
        if fence.1 < new.1 {
            *fence = new;
        }
        if fence.0 == Lifecycle::Gone {
            Err("too late to open".into())
        } else {
            Ok(())
        }
    }

    fn clear(&mut self, home: Home) -> Result<(), BoxError> {
        self.rows.retain(|(tenant, _)| *tenant != home.tenant);
        self.fences
            .insert(home.tenant, (Lifecycle::Gone, home.placement.epoch));
        Ok(())
    }
}

/// Blows after so many points, and is then blown: the process is dead.
#[derive(Clone)]
pub(crate) struct Fuse(Arc<AtomicU32>);

impl Fuse {
    pub(crate) fn new(points: u32) -> Self {
        Self(Arc::new(AtomicU32::new(points)))
    }

    pub(crate) fn never() -> Self {
        Self::new(u32::MAX)
    }

    /// A point at which a process may die, and another one may run.
    pub(crate) async fn point(&self) -> Result<(), BoxError> {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        let less = |points: u32| points.checked_sub(1);
        match self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        {
            Ok(_) => Ok(()),
            Err(_) => Err("the process is dead".into()),
        }
    }
}

/// The acts on a world, with a point before and after each.
pub(crate) struct Acts {
    pub(crate) world: World,
    pub(crate) fuse: Fuse,
    /// How often each act is done.
    pub(crate) times: u32,
}

impl Acts {
    async fn act<T, E: From<BoxError>>(
        &self,
        act: impl Fn(&mut State) -> Result<T, E> + Send,
    ) -> Result<T, E> {
        self.fuse.point().await?;
        let mut result = act(&mut self.world.state());
        for _ in 1..self.times {
            self.fuse.point().await?;
            result = act(&mut self.world.state());
        }
        self.fuse.point().await?;
        result
    }
}

impl Provisioner for Acts {
    type Request = Shop;

    fn create(
        &self,
        key: &RequestKey,
        request: &Shop,
    ) -> impl Future<Output = Result<Home, ActError>> + Send {
        self.act(|state| state.create(key, request))
    }

    async fn fence(&self, home: Home) -> Result<(), BoxError> {
        self.act(|state| state.fence(home)).await
    }

    async fn seed(&self, request: &Shop, home: Home) -> Result<(), ActError> {
        self.act(|state| state.seed(request, home)).await
    }

    async fn publish(&self, home: Home) -> Result<Placement, BoxError> {
        self.act(|state| state.decide(home, Lifecycle::Active))
            .await
    }

    async fn open(&self, home: Home) -> Result<(), BoxError> {
        self.act(|state| state.open(home)).await
    }

    async fn retract(&self, home: Home) -> Result<Placement, BoxError> {
        self.act(|state| state.decide(home, Lifecycle::Gone)).await
    }

    async fn clear(&self, home: Home) -> Result<(), BoxError> {
        self.act(|state| state.clear(home)).await
    }
}

/// A journal with a point before and after each write.
#[derive(Clone)]
pub(crate) struct Fused<J> {
    pub(crate) journal: J,
    pub(crate) fuse: Fuse,
}

impl<J: Journal> Fused<J> {
    async fn point(&self) -> Result<(), JournalError> {
        let point = self.fuse.point().await;
        point.map_err(|source| JournalError::Unavailable { source })
    }
}

impl<J: Journal> Journal for Fused<J> {
    async fn entries(&self, key: &RequestKey) -> Result<Vec<Entry>, JournalError> {
        self.journal.entries(key).await
    }

    async fn append(
        &self,
        key: &RequestKey,
        number: u32,
        entry: Entry,
    ) -> Result<(), JournalError> {
        self.point().await?;
        self.journal.append(key, number, entry).await?;
        self.point().await
    }

    async fn close(&self, key: &RequestKey) -> Result<(), JournalError> {
        self.point().await?;
        self.journal.close(key).await?;
        self.point().await
    }

    async fn unfinished(&self) -> Result<Vec<RequestKey>, JournalError> {
        self.journal.unfinished().await
    }
}
