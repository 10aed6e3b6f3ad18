//! Emptying shops that have left: the acts of the purge, and who may ask for it.

mod acts;
mod waits;

use std::{error::Error, num::NonZeroU16};

use tenancy_core::directory::Tenant;
use tenancy_migrate::{
    Home, Journal, PurgeError, PurgeReceipt, PurgeRequest, Purged, Purging, RequestKey,
    SqliteJournal, Then,
};
use tenancy_types::{Lifecycle, Problem, SystemClock, TenantId, UnixMicros};

use super::{Act, Outcome, Platform, finished};
use crate::ops::OpsError;

pub(super) use acts::PurgeActs;
pub(super) use waits::Waits;

/// How many shops whose time is over are looked for at once.
const DUE: NonZeroU16 = NonZeroU16::new(20).expect("it is not 0");

/// What purges need: the runner, its journal to look at, a turn, so that one shop is purged at a time, and when those
/// that failed are tried again.
#[derive(Debug)]
pub(super) struct Purges {
    pub(super) runner: Purging<PurgeActs, SqliteJournal, SystemClock>,
    pub(super) journal: SqliteJournal,
    pub(super) turn: tokio::sync::Mutex<()>,
    pub(super) waits: Waits,
}

impl Platform {
    /// Purges a shop that is leaving, whether its time of grace is over or not, and returns the receipt: also
    /// of one that was purged before. One that was emptied to be refilled, and whose archive cannot be loaded any
    /// more, is purged, too.
    ///
    /// It waits for exports of the shop that are under way.
    ///
    /// # Errors
    /// [`OpsError::WrongLifecycle`] when it is not leaving; the purge's own errors: it is gone on with when it
    /// is asked for again, in a round of the worker, and after the next start.
    ///
    /// # Cancel safety
    /// What has begun is finished.
    pub async fn purge(&self, id: TenantId) -> Result<PurgeReceipt, OpsError> {
        let platform = self.clone();
        finished(async move {
            let _turn = platform.0.purges.turn.lock().await;
            let tenant = platform.tenant(id).await?;
            match tenant.placement.lifecycle {
                Lifecycle::Gone => platform.receipt_of(&tenant).await,
                Lifecycle::Offboarding | Lifecycle::Purging => platform.purge_now(&tenant).await,
                Lifecycle::Provisioning => platform.abandon(&tenant).await,
                found => {
                    let needed = "offboarding";
                    Err(OpsError::WrongLifecycle { found, needed })
                }
            }
        })
        .await
    }

    /// The receipt of a shop that was purged.
    ///
    /// # Errors
    /// [`OpsError::NoReceipt`] when there is none.
    pub async fn receipt(&self, id: TenantId) -> Result<PurgeReceipt, OpsError> {
        let tenant = self.tenant(id).await?;
        match tenant.placement.lifecycle {
            Lifecycle::Gone => self.receipt_of(&tenant).await,
            _ => Err(OpsError::NoReceipt),
        }
    }

    async fn receipt_of(&self, tenant: &Tenant) -> Result<PurgeReceipt, OpsError> {
        let request = request(tenant)?;
        let key = request.key();
        let known = self.0.purges.journal.entries(&key).await;
        if !known.map_err(OpsError::part)?.is_empty() {
            return self.run(&request).await;
        }
        match self.0.purges.runner.abandon(home(tenant)).await {
            Ok(Purged::Forgotten(receipt)) => Ok(receipt),
            // A shop that was given up while it was being made is gone, too, and nothing was purged.
            Ok(Purged::Refilled(_)) | Err(PurgeError::Lifecycle { .. }) => Err(OpsError::NoReceipt),
            Err(error) => Err(OpsError::part(error)),
        }
    }

    /// Purges a shop that is empty and waits for an archive. One that is being made ends by itself.
    async fn abandon(&self, tenant: &Tenant) -> Result<PurgeReceipt, OpsError> {
        let runner = &self.0.purges.runner;
        let unfinished = runner.unfinished().await.map_err(OpsError::part)?;
        let alone = self.site().exports().of(tenant.id);
        let _no_export = alone.write().await;
        let receipt = match runner.abandon(home(tenant)).await {
            Ok(Purged::Forgotten(receipt)) => receipt,
            Ok(Purged::Refilled(_)) => return Err(OpsError::Contended),
            Err(PurgeError::Lifecycle { found, .. }) => {
                let needed = "offboarding";
                return Err(OpsError::WrongLifecycle { found, needed });
            }
            Err(error) => return Err(OpsError::part(error)),
        };
        let of_this = format!("purge-{}-", tenant.id);
        for key in unfinished {
            if key.as_str().starts_with(&of_this) {
                self.remove_archive_of(&key).await;
            }
        }
        self.show_gone(&receipt).await?;
        Ok(receipt)
    }

    async fn purge_now(&self, tenant: &Tenant) -> Result<PurgeReceipt, OpsError> {
        let alone = self.site().exports().of(tenant.id);
        let _no_export = alone.write().await;
        let receipt = self.run(&request(tenant)?).await?;
        self.show_gone(&receipt).await?;
        Ok(receipt)
    }

    /// Returns when requests see that the shop is gone.
    async fn show_gone(&self, receipt: &PurgeReceipt) -> Result<(), OpsError> {
        let gone = self.tenant(receipt.tenant).await?;
        self.shown(gone.revision).await;
        tracing::info!(tenant_id = %gone.id, epoch = %receipt.epoch, rows = receipt.rows.total(), "shop purged");
        Ok(())
    }

    async fn run(&self, request: &PurgeRequest) -> Result<PurgeReceipt, OpsError> {
        match self.0.purges.runner.run(request).await {
            Ok(Purged::Forgotten(receipt)) => Ok(receipt),
            Ok(Purged::Refilled(_)) => Err(OpsError::NoReceipt),
            Err(error) => Err(OpsError::part(error)),
        }
    }

    /// Purges the shops whose time of grace was over at this moment, one after the other.
    pub(super) async fn purge_due(&self, now: UnixMicros) {
        let mut place = (UnixMicros::new(i64::MIN), 0);
        loop {
            let due = match self.departures().due(now, place, DUE).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::error!(%error, "shops whose time is over could not be found");
                    return;
                }
            };
            let Some(&(time, last)) = due.last() else {
                return;
            };
            place = (time, last.as_i64());
            for (_, tenant) in due {
                let platform = self.clone();
                let purged = finished(async move { platform.purge_by_itself(tenant, now).await });
                if let Err(error) = purged.await {
                    let cause = error.source().map(ToString::to_string);
                    tracing::error!(tenant_id = %tenant, %error, cause, "shop could not be purged");
                }
            }
        }
    }

    /// Goes on with purges that a crash or a failure has interrupted, one after the other. One that fails again, for
    /// example because the payment provider is away, waits longer each time.
    pub(super) async fn resume_purges(&self, now: UnixMicros) {
        let Some(unfinished) = self.unfinished_purges().await else {
            return;
        };
        self.0.purges.waits.keep(&unfinished);
        for key in unfinished {
            if self.0.purges.waits.has(&key, now) {
                continue;
            }
            // Each has a turn of its own: who asks for a purge meanwhile waits for one of them at most.
            let _turn = self.0.purges.turn.lock().await;
            let still = self.unfinished_purges().await;
            if still.is_some_and(|still| still.contains(&key)) {
                self.resume_purge(&key, now).await;
            }
        }
    }

    async fn unfinished_purges(&self) -> Option<Vec<RequestKey>> {
        let unfinished = self.0.purges.runner.unfinished().await;
        unfinished
            .inspect_err(|error| tracing::error!(%error, "interrupted purges could not be found"))
            .ok()
    }

    async fn resume_purge(&self, key: &RequestKey, now: UnixMicros) {
        let result = self.resume_alone(key).await;
        // Who sees that its archive is gone finds the shop open.
        if let Ok(Purged::Refilled(home)) = &result
            && let Ok(tenant) = self.tenant(home.tenant).await
        {
            self.shown(tenant.revision).await;
        }
        if result
            .as_ref()
            .map_or_else(|error| error.kind().http_status() < 500, |_| true)
        {
            self.remove_archive_of(key).await;
        }
        match result {
            Ok(_) => tracing::info!(%key, "purge finished that was interrupted"),
            Err(PurgeError::Overtaken) => {}
            Err(error) => {
                self.0.purges.waits.failed(key, now, self.config().rest);
                let cause = error.source().map(ToString::to_string);
                tracing::error!(%key, %error, cause, "purge could not be finished");
            }
        }
    }

    /// One that was interrupted before its point of no return may meet an export, like one that begins.
    async fn resume_alone(&self, key: &RequestKey) -> Result<Purged, PurgeError> {
        let runner = &self.0.purges.runner;
        let alone = self.site().exports().of(runner.request(key).await?.tenant);
        let _no_export = alone.write().await;
        runner.resume(key).await
    }

    /// Removes the archive of a refill that has ended. One that is left is removed at the next start.
    async fn remove_archive_of(&self, key: &RequestKey) {
        let request = self.0.purges.runner.request(key).await;
        if let Ok(Then::Refill { archive }) = request.map(|request| request.then)
            && let Ok(name) = archive.parse()
        {
            self.archives().remove(&name);
        }
    }

    /// Purges a shop because its time is over, with an entry in the audit log like an operator's.
    ///
    /// An undo and another departure may have come since its time was seen. So the tenant is read again, and
    /// its time after it: a departure writes its time before its epoch, so a time that is over belongs to this
    /// epoch or an earlier one, and the purge is of no other.
    async fn purge_by_itself(&self, id: TenantId, now: UnixMicros) -> Result<(), OpsError> {
        let _turn = self.0.purges.turn.lock().await;
        let tenant = self.tenant(id).await?;
        match tenant.placement.lifecycle {
            Lifecycle::Offboarding => {}
            // It has begun, is in the journal, and is gone on with.
            Lifecycle::Purging => return Ok(()),
            // It has been kept, or is gone: the time means nothing any more.
            _ => return self.forget_departure(id).await,
        }
        let time = self.departures().of(id).await?;
        if time.is_none_or(|purge_after| purge_after > now) {
            return Ok(());
        }
        let audit = self.audit();
        let begun = audit.begin(Act {
            operator: "platform".to_owned(),
            action: "purge".to_owned(),
            tenant: Some(id),
            detail: "grace time over".to_owned(),
        });
        let begun = begun.await?;
        let purged = self.purge_now(&tenant).await;
        let outcome = Outcome {
            status: purged
                .as_ref()
                .map_or_else(|error| error.kind().http_status(), |_| 200),
            tenant: None,
            detail: String::new(),
        };
        audit.end(begun, outcome).await?;
        purged.map(drop)
    }
}

fn home(tenant: &Tenant) -> Home {
    Home {
        tenant: tenant.id,
        placement: tenant.placement,
    }
}

fn request(tenant: &Tenant) -> Result<PurgeRequest, OpsError> {
    PurgeRequest::purge(home(tenant)).map_err(|_| OpsError::WrongLifecycle {
        found: tenant.placement.lifecycle,
        needed: "one with epochs left",
    })
}
