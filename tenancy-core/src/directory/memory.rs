use std::{
    fmt,
    num::NonZeroU16,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt, stream};
use tenancy_types::{Clock, DirectoryId, DomainName, LogEntry, Position, Revision, Slug, TenantId};
use tokio::sync::watch;

use super::{
    CellLoad, CellRecord, Directory, DirectoryError, Extent, Imports, Lag, Loaded, NewTenant, Page,
    Snapshot, Tenant, TenantChange, decide,
    follow::{StoredLog, follow},
    random,
};

mod lookup;
mod state;

use state::State;

/// A directory that lives as long as its process. Clones share it.
///
/// A snapshot is a copy: it is for tests, examples and platforms whose tenants come from elsewhere at each start.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use tenancy_core::directory::{CellRecord, Directory, MemoryDirectory, NewTenant};
/// use tenancy_core::types::{CellId, SystemClock};
///
/// let directory = MemoryDirectory::new(SystemClock);
/// let cell = CellId::new(1).unwrap();
/// directory.put_cell(CellRecord { cell, region: "eu".parse()?, capacity: 10_000 }).await?;
/// let shop = directory
///     .create(NewTenant {
///         request: "sign-up-1".parse()?,
///         slug: "acme".parse()?,
///         plan: "basic".parse()?,
///         region: None,
///         domains: vec![],
///         cell,
///     })
///     .await?;
/// assert_eq!(directory.by_slug(&"acme".parse()?).await?, Some(shop));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    newest: watch::Sender<Revision>,
    clock: Box<dyn Clock>,
}

impl MemoryDirectory {
    /// An empty directory without cells.
    pub fn new(clock: impl Clock) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(drawn())),
            newest: watch::Sender::new(Revision::ZERO),
            clock: Box::new(clock),
        });
        Self { shared }
    }
}

fn drawn() -> DirectoryId {
    let [high, low] = [(); 2].map(|()| u128::from(random::bits()));
    DirectoryId::from_u128(high << 64 | low)
}

impl Shared {
    /// No operation leaves the state half changed, so a panic elsewhere does not make it unusable.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a change and then wakes the followers.
    fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state);
        self.newest.send_replace(state.newest().revision);
        result
    }
}

impl Directory for MemoryDirectory {
    async fn create(&self, new: NewTenant) -> Result<Tenant, DirectoryError> {
        let created = self.shared.clock.unix();
        self.shared.write(|state| state.create(&new, created))
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, DirectoryError> {
        Ok(self.shared.state().tenant(id).cloned())
    }

    async fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, DirectoryError> {
        Ok(self.shared.state().by_slug(slug).cloned())
    }

    async fn by_domain(&self, domain: &DomainName) -> Result<Option<Tenant>, DirectoryError> {
        Ok(self.shared.state().by_domain(domain).cloned())
    }

    async fn tenants(&self, page: Page) -> Result<Vec<Tenant>, DirectoryError> {
        let limit = usize::from(NonZeroU16::get(page.limit));
        let state = self.shared.state();
        Ok(state
            .tenants_after(page.after)
            .take(limit)
            .cloned()
            .collect())
    }

    async fn change(
        &self,
        id: TenantId,
        expected: Revision,
        change: TenantChange,
    ) -> Result<Tenant, DirectoryError> {
        let now = self.shared.clock.unix();
        self.shared
            .write(|state| state.change(id, expected, &change, now))
    }

    async fn load(&self, imports: Imports) -> Result<Loaded, DirectoryError> {
        let imports: Vec<_> = imports.try_collect().await?;
        let now = self.shared.clock.unix();
        self.shared.write(|state| state.load(&imports, now))
    }

    async fn forget(&self, id: TenantId) -> Result<Tenant, DirectoryError> {
        let now = self.shared.clock.unix();
        self.shared.write(|state| state.forget(id, now))
    }

    async fn put_cell(&self, cell: CellRecord) -> Result<(), DirectoryError> {
        self.shared.state().put_cell(cell);
        Ok(())
    }

    async fn cells(&self) -> Result<Vec<CellLoad>, DirectoryError> {
        Ok(self.shared.state().cells().cloned().collect())
    }

    async fn extent(&self) -> Result<Extent, DirectoryError> {
        Ok(self.shared.state().extent())
    }

    async fn raise_incarnation(&self, expected: u16) -> Result<u16, DirectoryError> {
        self.shared.write(|state| state.raise_incarnation(expected))
    }

    async fn lag(&self, after: Position) -> Result<Lag, DirectoryError> {
        let now = self.shared.clock.unix();
        self.shared.state().lag(after, now)
    }

    async fn compact(&self, up_to: Revision) -> Result<u64, DirectoryError> {
        Ok(self.shared.state().compact(up_to))
    }

    async fn snapshot(&self) -> Result<Snapshot, DirectoryError> {
        let state = self.shared.state();
        let facts: Vec<_> = state
            .tenants_after(None)
            .flat_map(decide::snapshot)
            .map(Ok)
            .collect();
        Ok(Snapshot {
            position: state.newest(),
            facts: stream::iter(facts).boxed(),
        })
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
        follow(self.clone(), self.shared.newest.subscribe(), after)
    }
}

impl StoredLog for MemoryDirectory {
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<LogEntry>, DirectoryError> {
        self.shared.state().log_after(after, limit)
    }
}

impl fmt::Debug for MemoryDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryDirectory")
            .field("newest", &*self.shared.newest.borrow())
            .finish_non_exhaustive()
    }
}
