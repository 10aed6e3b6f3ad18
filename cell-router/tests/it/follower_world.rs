//! A directory that can be changed, taken away, restored and broken while it is followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::Location,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tenancy_cell_router::{
    ChangeSource, Error, FollowerStatus, Progress, Recorded, RouteTable, SourceSnapshot,
};
use tenancy_types::{
    Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Placement, Position, Revision, TenantId,
};
use tokio::{sync::watch, time::timeout};

/// Clones are the same directory.
#[derive(Clone)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    wake: watch::Sender<()>,
}

#[derive(Clone)]
pub(crate) struct State {
    pub(crate) history: History,
    pub(crate) log: Vec<LogEntry>,
    /// Entries before this one are no longer in the log.
    pub(crate) reaches_back_to: usize,
    pub(crate) is_away: bool,
    /// How often a snapshot was asked for.
    pub(crate) snapshots: usize,
    /// Shows snapshots another way.
    pub(crate) lie: Option<fn(&mut Vec<LogEntry>)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let history = History {
            directory: DirectoryId::from_u128(7),
            incarnation: 0,
        };
        let state = State {
            history,
            log: Vec::new(),
            reaches_back_to: 0,
            is_away: false,
            snapshots: 0,
            lie: None,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            wake: watch::Sender::new(()),
        }
    }

    /// A directory with this many tenants, each with a domain.
    pub(crate) fn with(tenants: u32) -> Self {
        let world = Self::new();
        (1..=tenants).for_each(|n| world.add_tenant(n));
        world
    }

    /// Changes what it is, and wakes who follows it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.wake.send_replace(());
        changed
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn tell(&self, event: DirectoryEvent) -> Revision {
        self.change(|state| state.tell(event))
    }

    pub(crate) fn add_tenant(&self, n: u32) {
        let tenant = tenant(n);
        self.move_to(n, 1, 1);
        let domain = domain(n);
        self.tell(DirectoryEvent::DomainAdded { domain, tenant });
    }

    pub(crate) fn move_to(&self, n: u32, cell: u16, seq: u32) -> Revision {
        let placement = Placement::new(
            CellId::new(cell).unwrap(),
            Lifecycle::Active,
            Epoch::new(0, seq),
        );
        let tenant = tenant(n);
        self.tell(DirectoryEvent::Placed { tenant, placement })
    }

    pub(crate) fn end(&self) -> Revision {
        self.state().position().revision
    }

    /// Whether the table routes as this directory says: each domain it has, and none that it had.
    #[track_caller]
    pub(crate) fn check(&self, table: &impl RouteTable) {
        let state = self.state();
        assert_eq!(table.position(), Some(state.position()));
        let (homes, domains) = state.model();
        for (tenant, placement) in &homes {
            assert_eq!(table.placement(*tenant), Some(*placement), "{tenant:?}");
        }
        for entry in &state.log {
            if let DirectoryEvent::DomainAdded { domain, .. } = &entry.event {
                let found = match table.lookup(domain) {
                    Answer::Hit(route) => Some((route.tenant, route.placement)),
                    Answer::Absent => None,
                    Answer::NotReady => panic!("the table is not ready"),
                };
                let owner = domains.get(domain).copied();
                assert_eq!(found, owner.map(|owner| (owner, homes[&owner])), "{domain}");
            }
        }
    }
}

impl State {
    pub(crate) fn position(&self) -> Position {
        let history = self.history;
        let revision = self.log.last().map_or(Revision::ZERO, |last| last.revision);
        Position { history, revision }
    }

    pub(crate) fn tell(&mut self, event: DirectoryEvent) -> Revision {
        let revision = self.position().revision.next();
        self.log.push(LogEntry { revision, event });
        revision
    }

    fn model(
        &self,
    ) -> (
        BTreeMap<TenantId, Placement>,
        BTreeMap<DomainName, TenantId>,
    ) {
        let (mut homes, mut domains) = (BTreeMap::new(), BTreeMap::new());
        for entry in &self.log {
            match &entry.event {
                DirectoryEvent::Placed { tenant, placement } => {
                    homes.insert(*tenant, *placement);
                }
                DirectoryEvent::DomainAdded { domain, tenant } => {
                    domains.insert(domain.clone(), *tenant);
                }
                DirectoryEvent::DomainRemoved { domain, .. } => {
                    domains.remove(domain);
                }
                _ => {}
            }
        }
        (homes, domains)
    }

    fn facts(&self) -> Vec<LogEntry> {
        let (homes, domains) = self.model();
        let revision = self.position().revision;
        let tenants: BTreeSet<_> = homes.keys().copied().collect();
        let mut facts = Vec::new();
        for tenant in tenants {
            let placement = homes[&tenant];
            facts.push(DirectoryEvent::Placed { tenant, placement });
            let own = domains.iter().filter(|(_, owner)| **owner == tenant);
            facts.extend(own.map(|(domain, _)| {
                let domain = domain.clone();
                DirectoryEvent::DomainAdded { domain, tenant }
            }));
        }
        (facts.into_iter())
            .map(|event| LogEntry { revision, event })
            .collect()
    }

    fn answer(&self) -> Result<(), Error> {
        if self.is_away {
            return Err(Error::directory("the directory is away"));
        }
        Ok(())
    }
}

impl ChangeSource for World {
    async fn newest(&self) -> Result<Position, Error> {
        let state = self.state();
        state.answer()?;
        Ok(state.position())
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        let mut state = self.state();
        state.answer()?;
        state.snapshots += 1;
        let mut facts = state.facts();
        if let Some(lie) = state.lie {
            lie(&mut facts);
        }
        Ok(SourceSnapshot {
            position: state.position(),
            // Others get their turn between facts.
            facts: stream::iter(facts)
                .then(async |fact| {
                    tokio::task::yield_now().await;
                    Ok(fact)
                })
                .boxed(),
        })
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        let start = (self.clone(), self.wake.subscribe(), after);
        stream::unfold(start, async |(world, mut wake, after)| {
            loop {
                wake.mark_unchanged();
                let next = world.state().behind(after);
                match next {
                    Ok(Some(entry)) => {
                        let after = after.at(entry.revision);
                        return Some((Ok(entry), (world, wake, after)));
                    }
                    Ok(None) => wake.changed().await.ok()?,
                    Err(error) => return Some((Err(error), (world, wake, after))),
                }
            }
        })
        .boxed()
    }
}

impl State {
    fn behind(&self, after: Position) -> Result<Option<LogEntry>, Error> {
        self.answer()?;
        let here = self.position();
        let at = after.revision.get() as usize;
        if after.history != here.history
            || after.revision > here.revision
            || at < self.reaches_back_to
        {
            return Err(Error::LogGap);
        }
        Ok(self.log.get(at).cloned())
    }
}

pub(crate) fn tenant(n: u32) -> TenantId {
    TenantId::new(n).unwrap()
}

pub(crate) fn domain(n: u32) -> DomainName {
    DomainName::from_normalised(&format!("shop-{n}.example.com")).unwrap()
}

/// Longer than anything here takes, so that what never comes is a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until a follower is doing so.
#[track_caller]
pub(crate) fn until(
    progress: &Progress,
    is_so: impl Fn(&FollowerStatus) -> bool,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let there = timeout(PATIENCE, progress.until(is_so)).await;
        assert_eq!(there, Ok(true), "{caller}: {:?}", progress.status());
    }
}

/// Waits until the folder of a follower is so.
#[track_caller]
pub(crate) fn until_recorded(
    progress: &Progress,
    is_so: impl Fn(&Recorded) -> bool,
) -> impl Future<Output = ()> {
    let caller = Location::caller();
    async move {
        let there = timeout(PATIENCE, progress.until_recorded(is_so)).await;
        assert_eq!(there, Ok(true), "{caller}: {:?}", progress.recorded());
    }
}
