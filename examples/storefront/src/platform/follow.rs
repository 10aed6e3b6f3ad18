//! This process's copy of the directory: routes for requests, plans for limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tenancy_cell_router::{Follower, Progress, ReferenceTable};
use tenancy_core::directory::SqliteDirectory;
use tenancy_rate_limit::TenantLimits;
use tenancy_types::{Clock, DirectoryEvent, LogEntry, PlanSet, Revision, SystemClock};
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
    directory: &SqliteDirectory,
    routes: &Arc<ReferenceTable>,
    limits: &TenantLimits,
    budgets: &Arc<Budgets>,
) -> Result<Following, OpenError> {
    let unknown_plan = Arc::new(AtomicBool::new(false));
    let plans = Plans {
        limits: limits.clone(),
        budgets: Arc::clone(budgets),
        plans: limits.plans(),
        unknown: Arc::clone(&unknown_plan),
    };
    let follower = Follower::new(directory.clone(), Arc::clone(routes), SystemClock);
    let follower = follower.with_observer(move |entry| plans.note(entry));
    let progress = follower.progress();
    let task = tokio::spawn(async move { match follower.run().await {} });
    let following = Following { progress, task };
    following.reached(Revision::ZERO).await;
    if unknown_plan.load(Ordering::Relaxed) {
        return Err(OpenError::PlanMissing);
    }
    Ok(following)
}

/// Brings plans from the directory to what is asked per request.
struct Plans {
    limits: TenantLimits,
    budgets: Arc<Budgets>,
    plans: PlanSet,
    unknown: Arc<AtomicBool>,
}

impl Plans {
    fn note(&self, entry: &LogEntry) {
        let DirectoryEvent::PlanChanged { tenant, plan } = &entry.event else {
            return;
        };
        let Some((index, terms)) = self.plans.find(plan) else {
            tracing::error!(tenant_id = %tenant, %plan, "a shop's plan is not among the plans");
            self.unknown.store(true, Ordering::Relaxed);
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

    pub(super) fn is_ready(&self) -> bool {
        self.progress.status().revision.is_some()
    }

    /// Records how far the routes are, for whoever asks for metrics.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a gauge is a float; revisions are far below 2^52"
    )]
    pub(super) fn record(&self) {
        let status = self.progress.status();
        if let Some(revision) = status.revision {
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
