//! This process's copy of the directory: routes for requests, plans for limits.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tenancy_cell_router::{Follower, FollowerStatus, LineTable, Progress, RouteTable};
use tenancy_core::directory::{AnyDirectory, Directory, Tenant};
use tenancy_rate_limit::TenantLimits;
use tenancy_types::{
    Clock, DirectoryEvent, Lifecycle, LogEntry, PlanSet, Revision, SystemClock, TenantId,
};
use tokio::time::timeout;

use super::{Budgets, OpenError};

/// How long an operator's answer waits for the routes.
const PATIENCE: Duration = Duration::from_secs(10);

/// A follower at work; it stops with the last handle on the platform.
#[derive(Debug)]
pub(super) struct Following {
    progress: Progress,
    task: tokio::task::JoinHandle<()>,
}

/// Follows the directory, and returns once the routes are filled, or are late.
///
/// # Errors
/// [`OpenError::PlanMissing`] when a shop has a plan that is not among those of the process.
pub(super) async fn start(
    directory: &AnyDirectory,
    routes: &Arc<LineTable>,
    limits: &TenantLimits,
    budgets: &Arc<Budgets>,
) -> Result<Following, OpenError> {
    let unknown = Arc::new(Mutex::default());
    let plans = Plans {
        limits: limits.clone(),
        budgets: Arc::clone(budgets),
        plans: limits.plans(),
        unknown: Arc::clone(&unknown),
    };
    let follower = Follower::new(directory.clone(), Arc::clone(routes), SystemClock);
    let follower = follower.with_observer(move |entry| plans.note(entry));
    let progress = follower.progress();
    let task = tokio::spawn(async move { match follower.run().await {} });
    let following = Following { progress, task };
    following.reached(Revision::ZERO).await;
    let unknown = std::mem::take(&mut *unknown.lock().unwrap_or_else(PoisonError::into_inner));
    check_plans(directory, unknown).await?;
    Ok(following)
}

/// Shops that are gone may have had any plan, and need it no more.
async fn check_plans(
    directory: &AnyDirectory,
    unknown: BTreeSet<TenantId>,
) -> Result<(), OpenError> {
    let mut is_missing = false;
    for id in unknown {
        let tenant = directory.tenant(id).await?;
        let living = tenant.filter(|tenant| tenant.placement.lifecycle != Lifecycle::Gone);
        if let Some(Tenant { plan, .. }) = living {
            tracing::error!(tenant_id = %id, %plan, "a shop's plan is not among the plans");
            is_missing = true;
        }
    }
    if is_missing {
        return Err(OpenError::PlanMissing);
    }
    Ok(())
}

/// Brings plans from the directory to what is asked per request.
struct Plans {
    limits: TenantLimits,
    budgets: Arc<Budgets>,
    plans: PlanSet,
    /// Tenants with other plans.
    unknown: Arc<Mutex<BTreeSet<TenantId>>>,
}

impl Plans {
    fn note(&self, entry: &LogEntry) {
        let DirectoryEvent::PlanChanged { tenant, plan } = &entry.event else {
            return;
        };
        let Some((index, terms)) = self.plans.find(plan) else {
            tracing::debug!(tenant_id = %tenant, %plan, "a plan that is not among the plans");
            let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
            unknown.insert(*tenant);
            return;
        };
        self.budgets.set(*tenant, terms.work);
        if let Err(error) = self.limits.set_plan(*tenant, index) {
            tracing::error!(tenant_id = %tenant, %error, "a shop shares the limit of those without one");
        }
    }
}

impl Following {
    /// Waits until the routes show what the directory had at this revision, though not for ever: what was
    /// done is done, also while the routes are late.
    pub(super) async fn reached(&self, revision: Revision) {
        if timeout(PATIENCE, self.progress.reached(revision))
            .await
            .is_err()
        {
            tracing::warn!(%revision, "the routes are behind the directory");
        }
    }

    /// Notices when the routes have changed.
    pub(super) fn progress(&self) -> Progress {
        self.progress.clone()
    }

    pub(super) fn status(&self) -> FollowerStatus {
        self.progress.status()
    }

    pub(super) fn is_ready(&self) -> bool {
        self.status().position.is_some()
    }

    /// Records how far the routes are, for whoever asks for metrics.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; revisions and sizes are far below 2^52"
    )]
    pub(super) fn record(&self, table: &LineTable) {
        let status = self.status();
        let size = table.size();
        metrics::gauge!("storefront_routes_tenants").set(size.tenants as f64);
        metrics::gauge!("storefront_routes_names").set(size.names as f64);
        metrics::gauge!("storefront_routes_bytes").set(table.memory() as f64);
        let counts = status.counts;
        for (event, count) in [
            ("applied", counts.applied),
            ("filled", counts.fillings),
            ("refused", counts.refusals),
            ("failed", counts.failures),
        ] {
            metrics::counter!("storefront_routes_events_total", "event" => event).absolute(count);
        }
        if let Some(revision) = status.revision() {
            metrics::gauge!("storefront_routes_revision").set(revision.get() as f64);
        }
        if let Some(age) = status.age(SystemClock.now()) {
            metrics::gauge!("storefront_routes_age_seconds").set(age.as_secs_f64());
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}
