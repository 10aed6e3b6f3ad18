//! Everything of one all-in-one process: directory, route table, limits, cells, and what is done to shops.
//!
//! The request path uses the route table, the limits and the cells; it never asks the directory. What
//! changes a shop goes the other way: directory first, then the cell's fence, then the route table follows.

mod acts;
mod agreement;
mod archives;
mod audit;
mod away;
mod budgets;
mod cell_api;
mod cell_work;
mod cells;
mod control;
mod export;
mod fleet;
mod follow;
mod lifecycle;
mod links;
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
mod site;
mod worker;

use std::sync::Arc;

use sqlx::SqlitePool;
use tenancy_core::directory::{AnyDirectory, CellRecord, Directory, DirectoryError, Tenant};
use tenancy_migrate::{InvalidRequestKey, Provisioning, SqliteJournal};
use tenancy_types::{CellId, Problem, Revision, SystemClock, TenantId};

use crate::{config::Config, ops::OpsError};

use acts::Acts;
pub use agreement::Disagreement;
pub use archives::{ArchiveName, Archives, Arrival, Arrived, InvalidArchiveName, SweepError};
pub use audit::{Act, AuditLog, Begun, Entry, EntryPage, Outcome};
pub(crate) use away::AwayCell;
pub use away::AwayCells;
use budgets::Budgets;
pub use cell_api::{cell_api, require_pass};
pub use fleet::Meters;
pub use lifecycle::{ShopChange, finished};
use links::Links;
pub use open::OpenError;
pub(crate) use open::until_free;
pub use request::{ShopRequest, ShopStart};
pub use restored::RestoredDirectory;
pub use site::Site;
pub use worker::Worker;

/// The running platform. Clones share it.
#[derive(Clone, Debug)]
pub struct Platform(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    site: Site,
    links: Links,
    provisioning: Provisioning<Acts, SqliteJournal, SystemClock>,
    archives: Archives,
    purges: purge::Purges,
    departures: offboarding::Departures,
    control: SqlitePool,
    /// Held as long as the process serves the folder.
    _lock: std::fs::File,
}

impl Platform {
    /// The cells of this process, and what it knows of their shops.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    fn links(&self) -> &Links {
        &self.0.links
    }

    /// Returns when requests see what the directory had at this revision, though it waits for no process for long: what was
    /// done is done, also while routes are late.
    async fn shown(&self, revision: Revision) {
        tokio::join!(self.site().reached(revision), self.links().shown(revision));
    }

    /// The cells that take shops, as the directory has them.
    ///
    /// # Errors
    /// The directory's.
    pub async fn cells(&self) -> Result<Vec<CellRecord>, DirectoryError> {
        let cells = self.directory().cells().await?.into_iter();
        let records = cells.map(|load| load.record);
        let served = records.filter(|record| self.links().find(record.cell).is_ok());
        Ok(served.collect())
    }

    /// The way to a cell that other processes serve.
    pub(crate) fn away(&self, cell: CellId) -> Option<AwayCell> {
        self.links().away(cell)
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.site().config()
    }

    /// The authority on shops. Requests of visitors never ask it.
    #[must_use]
    pub fn directory(&self) -> &AnyDirectory {
        self.site().directory()
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
        self.shown(tenant.revision).await;
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
        self.site().tenant(id).await
    }
}
