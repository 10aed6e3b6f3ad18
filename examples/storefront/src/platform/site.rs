//! What a process needs to enter shops: the cells that it serves, and its own copies of what the directory says.

use std::{collections::BTreeMap, future::pending, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tenancy_cell_router::{FollowerStatus, LineTable, Progress};
use tenancy_core::{
    Admitted, Grant, Principal, Refusal, Resolved, admit,
    directory::{AnyDirectory, Directory, Tenant},
};
use tenancy_rate_limit::TenantLimits;
use tenancy_types::{CellId, Lifecycle, Revision, SystemClock, TenantId, WorkBudget};

use super::{Budgets, Meters, OpenError, cells::OpenCell, export::Exports, follow};
use crate::{
    config::Config,
    ops::OpsError,
    shop::{Cell, checkout::Checkout},
};

/// Tenants that this process can keep limits for: every cell full, with room for those that left.
const LIMITS_CAPACITY: u32 = 10_000_000;

/// The cells of this process, and what it knows of their shops. Clones share it.
#[derive(Clone, Debug)]
pub struct Site(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    config: Config,
    directory: AnyDirectory,
    routes: Arc<LineTable>,
    limits: TenantLimits,
    budgets: Arc<Budgets>,
    cells: BTreeMap<CellId, OpenCell>,
    meters: Arc<Meters>,
    following: follow::Following,
    exports: Exports,
}

impl Site {
    /// Follows the directory for these cells of this process.
    ///
    /// # Errors
    /// [`OpenError`].
    pub(super) async fn start(
        config: Config,
        directory: AnyDirectory,
        cells: BTreeMap<CellId, OpenCell>,
    ) -> Result<Self, OpenError> {
        let (first, first_plan) = config
            .plans
            .iter()
            .next()
            .expect("a set of plans is never empty");
        let budgets = Arc::new(Budgets::new(LIMITS_CAPACITY, first_plan.work));
        let limits = TenantLimits::new(config.plans.clone(), first, LIMITS_CAPACITY, SystemClock)?;
        let routes = Arc::new(LineTable::default());
        let following = follow::start(&directory, &routes, &limits, &budgets).await?;
        Ok(Self(Arc::new(Parts {
            meters: Arc::new(Meters::new(cells.keys().copied())),
            config,
            directory,
            routes,
            limits,
            budgets,
            cells,
            following,
            exports: Exports::default(),
        })))
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The authority on shops. Requests of visitors never ask it.
    #[must_use]
    pub fn directory(&self) -> &AnyDirectory {
        &self.0.directory
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
        self.open_cell(cell).map(|open| &open.shops)
    }

    /// How the shops of a cell of this process sell.
    #[must_use]
    pub fn checkout(&self, cell: CellId) -> Option<&Checkout> {
        self.open_cell(cell).map(|open| &open.checkout)
    }

    /// All cells of this process, and how the shops of each sell.
    pub fn cells(&self) -> impl Iterator<Item = (&Cell, &Checkout)> {
        let cells = self.0.cells.values();
        cells.map(|open| (&open.shops, &open.checkout))
    }

    pub(super) fn open_cell(&self, cell: CellId) -> Option<&OpenCell> {
        self.0.cells.get(&cell)
    }

    pub(super) fn open_cells(&self) -> &BTreeMap<CellId, OpenCell> {
        &self.0.cells
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

    /// The database work that a request of the tenant may cause, by its plan.
    #[must_use]
    pub fn budget(&self, tenant: TenantId) -> WorkBudget {
        self.0.budgets.of(tenant)
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

    /// Notices when the route table has changed.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.0.following.progress()
    }

    /// How the route table follows the directory.
    #[must_use]
    pub fn routes_status(&self) -> FollowerStatus {
        self.0.following.status()
    }

    /// Waits until the routes show what the directory had at this revision, though not for ever.
    pub(crate) async fn reached(&self, revision: Revision) {
        self.0.following.reached(revision).await;
    }

    /// Waits until the routes show what the directory has of a tenant now, though not for ever.
    pub(super) async fn caught_up(&self, tenant: TenantId) {
        if let Ok(Some(tenant)) = self.directory().tenant(tenant).await {
            self.reached(tenant.revision).await;
        }
    }

    /// Records how far the route table has followed the directory, and how much it holds.
    pub fn record_routes(&self) {
        self.0.following.record(&self.0.routes);
    }

    pub(super) fn exports(&self) -> &Exports {
        &self.0.exports
    }
}
