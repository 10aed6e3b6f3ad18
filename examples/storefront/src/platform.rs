//! Everything of one all-in-one process: directory, route table, limits, cells, and what is done to shops.
//!
//! The request path uses the route table, the limits and the cells; it never asks the directory. What
//! changes a shop goes the other way: directory first, then the cell's fence, then the route table follows.

mod acts;
mod agreement;
mod archives;
mod audit;
mod budgets;
mod cells;
mod control;
mod export;
mod fleet;
mod follow;
mod lifecycle;
mod log;
pub mod names;
mod offboarding;
mod open;
mod owner;
mod purge;
mod reconcile;
mod refill;
mod rehearsal;
mod request;
mod restored;
mod settle;
mod worker;

use std::{collections::BTreeMap, future::pending, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use sqlx::SqlitePool;
use tenancy_cell_router::{FollowerStatus, LineTable};
use tenancy_core::{
    Admitted, Grant, Principal, Refusal, Resolved, admit,
    directory::{Directory, SqliteDirectory, Tenant},
};
use tenancy_migrate::{InvalidRequestKey, Provisioning, SqliteJournal};
use tenancy_rate_limit::TenantLimits;
use tenancy_types::{CellId, Lifecycle, Problem, SystemClock, TenantId, WorkBudget};

use crate::{
    config::Config,
    ops::OpsError,
    shop::{Cell, checkout::Checkout},
};

use acts::Acts;
pub use agreement::Disagreement;
pub use archives::{ArchiveName, Archives, Arrival, Arrived, InvalidArchiveName, SweepError};
pub use audit::{Act, AuditLog, Begun, Entry, EntryPage, Outcome};
use budgets::Budgets;
pub use fleet::Meters;
pub use lifecycle::{ShopChange, finished};
pub use open::OpenError;
pub use request::{ShopRequest, ShopStart};
pub use restored::RestoredDirectory;
pub use worker::Worker;

/// The running platform. Clones share it.
#[derive(Clone, Debug)]
pub struct Platform(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: Config,
    directory: SqliteDirectory,
    routes: Arc<LineTable>,
    limits: TenantLimits,
    budgets: Arc<Budgets>,
    cells: Arc<BTreeMap<CellId, cells::OpenCell>>,
    meters: Arc<Meters>,
    provisioning: Provisioning<Acts, SqliteJournal, SystemClock>,
    following: follow::Following,
    archives: Archives,
    exports: export::Exports,
    purges: purge::Purges,
    departures: offboarding::Departures,
    control: SqlitePool,
    /// Held as long as the process serves the folder.
    _lock: std::fs::File,
}

impl Platform {
    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The authority on shops. Requests of visitors never ask it.
    #[must_use]
    pub fn directory(&self) -> &SqliteDirectory {
        &self.0.directory
    }

    /// The database of answers by key and of what was done.
    #[must_use]
    pub fn control(&self) -> &SqlitePool {
        &self.0.control
    }

    /// What was done.
    #[must_use]
    pub fn audit(&self) -> AuditLog {
        AuditLog::new(self.0.control.clone())
    }

    /// Where domains lead, from memory.
    #[must_use]
    pub fn routes(&self) -> &Arc<LineTable> {
        &self.0.routes
    }

    /// How much shops may take.
    #[must_use]
    pub fn limits(&self) -> &TenantLimits {
        &self.0.limits
    }

    /// Counts what reaches the cells.
    #[must_use]
    pub fn meters(&self) -> &Arc<Meters> {
        &self.0.meters
    }

    /// A cell of this process.
    #[must_use]
    pub fn cell(&self, cell: CellId) -> Option<&Cell> {
        self.0.cells.get(&cell).map(|open| &open.shops)
    }

    /// All cells of this process, and how the shops of each sell.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Checkout)> {
        let cells = self.0.cells.values();
        cells.map(|open| (&open.shops, &open.checkout))
    }

    /// Returns a cell that another process serves now, when there is one: its shops must not be served here any more.
    pub async fn taken_cell(&self) -> CellId {
        let cells = self.0.cells.iter();
        let holds = cells.filter_map(|(&cell, open)| Some((cell, open.hold.as_ref()?)));
        let mut taken: FuturesUnordered<_> = holds
            .map(async |(cell, hold)| {
                hold.lost().await;
                cell
            })
            .collect();
        match taken.next().await {
            Some(cell) => cell,
            None => pending().await,
        }
    }

    /// How the shops of a cell of this process sell.
    #[must_use]
    pub fn checkout(&self, cell: CellId) -> Option<&Checkout> {
        self.0.cells.get(&cell).map(|open| &open.checkout)
    }

    /// The database work that a request of the tenant may cause, by its plan.
    #[must_use]
    pub fn budget(&self, tenant: TenantId) -> WorkBudget {
        self.0.budgets.of(tenant)
    }

    /// Makes a shop, or returns what the key's earlier request made; returns when requests find it.
    ///
    /// # Errors
    /// The refusal of the request, or the failure when it could not be finished now; it goes on when
    /// the request is repeated, and at the next start.
    pub async fn provision(&self, key: &str, request: &ShopRequest) -> Result<Tenant, OpsError> {
        let key = key
            .parse()
            .map_err(|error: InvalidRequestKey| OpsError::part(error))?;
        // Boxed: it has everything in it that the making of a shop may do.
        let provisioned = Box::pin(self.0.provisioning.provision(&key, request)).await;
        let home = provisioned.map_err(OpsError::part)?;
        let tenant = self.tenant(home.tenant).await?;
        self.0.following.reached(tenant.revision).await;
        Ok(tenant)
    }

    /// Makes a shop of an archive that has arrived, as [`provision`](Self::provision) does of nothing. The
    /// archive is kept under the name in the request until the shop is there, or is refused.
    ///
    /// # Errors
    /// As for [`provision`](Self::provision), and when the archive cannot be kept.
    pub async fn provision_from(
        &self,
        arrived: Arrived,
        key: &str,
        request: &ShopRequest,
    ) -> Result<Tenant, OpsError> {
        let ShopStart::Archive(name) = &request.start else {
            return self.provision(key, request).await;
        };
        let kept = self.0.archives.keep(arrived, name).await;
        kept.map_err(OpsError::part)?;
        let made = self.provision(key, request).await;
        if made
            .as_ref()
            .map_or_else(|error| error.kind().http_status() < 500, |_| true)
        {
            self.0.archives.remove(name);
        }
        made
    }

    /// Where archives arrive.
    #[must_use]
    pub fn archives(&self) -> &Archives {
        &self.0.archives
    }

    /// A tenant as the directory has it.
    ///
    /// # Errors
    /// [`OpsError::NoTenant`], or the directory's failure.
    pub async fn tenant(&self, id: TenantId) -> Result<Tenant, OpsError> {
        let missing = || OpsError::NoTenant {
            asked: id.to_string(),
        };
        self.0.directory.tenant(id).await?.ok_or_else(missing)
    }

    /// Lets the platform itself into a shop, for a stated reason.
    ///
    /// A shop that is being made, or purged, is its workflow's alone: rows that came in between would be half of
    /// a shop, or be left behind.
    ///
    /// # Errors
    /// The refusal by the shop's lifecycle.
    pub fn enter(&self, tenant: TenantId, reason: &str) -> Result<Admitted, Refusal> {
        let resolved = Resolved::by_id(&self.0.routes, tenant)?;
        match resolved.placement.lifecycle {
            Lifecycle::Provisioning => return Err(Refusal::Provisioning),
            Lifecycle::Purging => return Err(Refusal::Gone),
            _ => {}
        }
        let operator = Principal::operator("operator", reason);
        admit(resolved, operator, Grant::ReadWrite, self.budget(tenant))
    }

    /// Whether visitors can be served.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.0.following.is_ready()
    }

    /// How the route table follows the directory.
    #[must_use]
    pub fn routes_status(&self) -> FollowerStatus {
        self.0.following.status()
    }

    /// Records how far the route table has followed the directory, and how much it holds.
    pub fn record_routes(&self) {
        self.0.following.record(&self.0.routes);
    }
}
