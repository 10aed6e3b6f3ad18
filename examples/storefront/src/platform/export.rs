//! Everything of one shop in one file.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::json;
use tenancy_core::directory::Tenant;
use tenancy_migrate::{Export, ExportedArchive};
use tenancy_types::{Clock, SystemClock, TenantId};
use tokio::sync::{OwnedRwLockReadGuard, RwLock, Semaphore};

use super::Site;
use crate::{ops::OpsError, shop::schema};

/// How many archives are written at one time: each keeps a disk busy, and a reader of its cell.
const AT_ONCE: usize = 2;

/// Exports that are under way.
#[derive(Debug)]
pub(super) struct Exports {
    /// By shop: a purge of the shop waits for them.
    shops: Mutex<HashMap<TenantId, Arc<RwLock<()>>>>,
    writing: Semaphore,
}

impl Default for Exports {
    fn default() -> Self {
        Self {
            shops: Mutex::default(),
            writing: Semaphore::new(AT_ONCE),
        }
    }
}

impl Exports {
    /// The lock of a shop: an export reads, a purge writes.
    pub(super) fn of(&self, tenant: TenantId) -> Arc<RwLock<()>> {
        let mut all = self.shops.lock().unwrap_or_else(PoisonError::into_inner);
        // Locks that nobody holds any more are dropped here, so the map is as large as what is under way.
        all.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(all.entry(tenant).or_default())
    }
}

impl Site {
    /// While this lives, no purge of the shop begins in this process.
    pub async fn keep_from_purge(&self, tenant: TenantId) -> OwnedRwLockReadGuard<()> {
        self.exports().of(tenant).read_owned().await
    }

    /// All rows of a shop as they are at one moment. It works as long as the shop is there, also when it is
    /// suspended or leaving. At most two are written at one time, the others wait.
    ///
    /// # Errors
    /// The refusal by the shop's lifecycle, [`OpsError::CellAway`], the archive's own errors.
    ///
    /// # Cancel safety
    /// When the future is dropped, nothing is left.
    pub async fn export(&self, tenant: &Tenant) -> Result<ExportedArchive, OpsError> {
        let _no_purge = self.keep_from_purge(tenant.id).await;
        let writing = self.exports().writing.acquire().await;
        let _writing = writing.expect("nobody closes it");
        let admitted = self.enter(tenant.id, "export").map_err(OpsError::part)?;
        let context = admitted.read_only();
        let cell = self.open_cell(context.placement().cell);
        let cell = cell.ok_or(OpsError::CellAway)?;
        let export = Export {
            manifest: &schema::manifest(),
            schema_version: schema::newest(),
            about: &about(tenant),
            exported_at: SystemClock.unix(),
            folder: &self.config().data,
        };
        let archive = tenancy_migrate::export(&cell.db, &context, &export).await;
        archive.map_err(OpsError::part)
    }
}

/// What the rows do not say of a shop, for who makes it again elsewhere.
fn about(tenant: &Tenant) -> String {
    let domains: Vec<_> = tenant.domains.iter().map(ToString::to_string).collect();
    let about = json!({
        "slug": tenant.slug.as_ref().map(ToString::to_string),
        "plan": tenant.plan.to_string(),
        "region": tenant.region.as_ref().map(ToString::to_string),
        "domains": domains,
    });
    about.to_string()
}
