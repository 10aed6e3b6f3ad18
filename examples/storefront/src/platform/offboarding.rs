//! Shops that leave: a time of grace, in which everything is kept and an undo leads back, then the purge.
//!
//! The directory's lifecycle says whether a shop is leaving; the control database only says until when an undo
//! is possible. So the time is written before the lifecycle: a shop that leaves has a time, and a time
//! without a shop that leaves means nothing. A shop that leaves and has none, because the control database was
//! lost, gets a new time when the platform is opened. Departures, undos and the removal of such times take turns: a
//! time is never removed from under a departure that has just written it.

use std::num::NonZeroU16;

use sqlx::SqlitePool;
use tenancy_core::directory::{Directory, DirectoryError, Tenant, TenantChange};
use tenancy_types::{Clock, Lifecycle, SystemClock, TenantId, UnixMicros};
use tokio::sync::Mutex;

use super::{Platform, finished};
use crate::ops::OpsError;

/// How often a change is tried again when somebody else changed the tenant meanwhile.
const TRIES: usize = 8;

/// When the shops that leave are purged.
#[derive(Debug)]
pub(super) struct Departures {
    pool: SqlitePool,
    /// Held while a time and the lifecycle that it belongs to are brought together.
    turn: Mutex<()>,
}

impl Departures {
    pub(super) fn new(pool: SqlitePool) -> Self {
        Self {
            pool,
            turn: Mutex::default(),
        }
    }

    pub(super) async fn of(&self, tenant: TenantId) -> Result<Option<UnixMicros>, sqlx::Error> {
        let select = "select purge_after from offboarding where tenant_id = $1";
        let found: Option<i64> = sqlx::query_scalar(select)
            .bind(tenant.as_i64())
            .fetch_optional(&self.pool)
            .await?;
        Ok(found.map(UnixMicros::new))
    }

    /// Gives shops that are leaving this time where they have none: the database of times was lost. They are
    /// kept longer than they were promised, and not for ever.
    pub(super) async fn keep_from(
        &self,
        leaving: &[TenantId],
        purge_after: UnixMicros,
    ) -> Result<(), sqlx::Error> {
        for &tenant in leaving {
            if self.of(tenant).await?.is_none() {
                self.set(tenant, purge_after).await?;
                tracing::warn!(tenant_id = %tenant, "a shop that leaves had no time, and has a new one");
            }
        }
        Ok(())
    }

    async fn set(&self, tenant: TenantId, purge_after: UnixMicros) -> Result<(), sqlx::Error> {
        let upsert =
            "insert into offboarding (tenant_id, asked_at, purge_after) values ($1, $2, $3)
            on conflict (tenant_id) do update set asked_at = $2, purge_after = $3";
        sqlx::query(upsert)
            .bind(tenant.as_i64())
            .bind(SystemClock.unix().get())
            .bind(purge_after.get())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    async fn remove(&self, tenant: TenantId) -> Result<(), sqlx::Error> {
        sqlx::query("delete from offboarding where tenant_id = $1")
            .bind(tenant.as_i64())
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Shops whose time was over at this moment, the longest over first, behind one with its time.
    pub(super) async fn due(
        &self,
        now: UnixMicros,
        (after, behind): (UnixMicros, i64),
        limit: NonZeroU16,
    ) -> Result<Vec<(UnixMicros, TenantId)>, sqlx::Error> {
        let select = "select purge_after, tenant_id from offboarding
            where purge_after <= $1 and (purge_after, tenant_id) > ($2, $3)
            order by purge_after, tenant_id limit $4";
        let rows: Vec<(i64, i64)> = sqlx::query_as(select)
            .bind(now.get())
            .bind(after.get())
            .bind(behind)
            .bind(i64::from(limit.get()))
            .fetch_all(&self.pool)
            .await?;
        let rows = rows.into_iter();
        Ok(rows
            .filter_map(|(time, id)| Some((UnixMicros::new(time), id.try_into().ok()?)))
            .collect())
    }
}

impl Platform {
    /// Lets a shop leave: nobody is served, everything is kept, and after the time of grace it is purged. One
    /// that is leaving already keeps its time. What it has open with the payment provider is settled first, as
    /// far as the provider answers within 20 s.
    ///
    /// # Errors
    /// The directory's refusals, [`OpsError::Contended`], [`OpsError::Control`].
    ///
    /// # Cancel safety
    /// What has begun is finished.
    pub async fn offboard(&self, id: TenantId) -> Result<(Tenant, UnixMicros), OpsError> {
        let platform = self.clone();
        finished(async move { platform.offboard_here(id).await }).await
    }

    async fn offboard_here(&self, id: TenantId) -> Result<(Tenant, UnixMicros), OpsError> {
        self.settle_before_closing(&self.tenant(id).await?).await;
        let _turn = self.departures().turn.lock().await;
        let tenant = self.tenant(id).await?;
        let known = self.purge_after(&tenant).await?;
        let purge_after = known.unwrap_or_else(|| self.config().purge_after(SystemClock.unix()));
        // A shop that cannot leave gets no time either.
        let can_leave = matches!(
            tenant.placement.lifecycle,
            Lifecycle::Active | Lifecycle::ReadOnly | Lifecycle::Suspended | Lifecycle::Offboarding
        );
        if can_leave && known.is_none() {
            self.departures().set(id, purge_after).await?;
        }
        let tenant = self.reach(&tenant, Lifecycle::Offboarding).await?;
        Ok((tenant, purge_after))
    }

    /// Takes back that a shop leaves. It is suspended then, and resumed on purpose.
    ///
    /// # Errors
    /// [`OpsError::WrongLifecycle`] when it is not leaving, or is being purged already;
    /// [`OpsError::Contended`], [`OpsError::Control`].
    ///
    /// # Cancel safety
    /// What has begun is finished.
    pub async fn undo_offboarding(&self, id: TenantId) -> Result<Tenant, OpsError> {
        let platform = self.clone();
        finished(async move {
            let _turn = platform.departures().turn.lock().await;
            let tenant = platform.tenant(id).await?;
            let lifecycle = tenant.placement.lifecycle;
            if !matches!(lifecycle, Lifecycle::Offboarding | Lifecycle::Suspended) {
                return Err(OpsError::WrongLifecycle {
                    found: lifecycle,
                    needed: "offboarding",
                });
            }
            let tenant = platform.reach(&tenant, Lifecycle::Suspended).await?;
            platform.departures().remove(id).await?;
            Ok(tenant)
        })
        .await
    }

    /// When a shop that leaves is purged; `None` when it is not leaving.
    ///
    /// # Errors
    /// [`OpsError::Control`].
    pub async fn purge_after(&self, tenant: &Tenant) -> Result<Option<UnixMicros>, OpsError> {
        if tenant.placement.lifecycle != Lifecycle::Offboarding {
            return Ok(None);
        }
        Ok(self.departures().of(tenant.id).await?)
    }

    /// Takes a tenant from the lifecycle that was seen to this one, unless it is there already. What somebody
    /// else did to its lifecycle meanwhile is decided anew by the caller.
    pub(super) async fn reach(&self, seen: &Tenant, to: Lifecycle) -> Result<Tenant, OpsError> {
        let mut tenant = seen.clone();
        for _ in 0..TRIES {
            if tenant.placement.lifecycle == to {
                return self.follow(tenant).await;
            }
            if tenant.placement.lifecycle != seen.placement.lifecycle {
                return Err(OpsError::Contended);
            }
            let change = TenantChange {
                lifecycle: Some(to),
                ..TenantChange::default()
            };
            match self
                .directory()
                .change(tenant.id, tenant.revision, change)
                .await
            {
                Err(DirectoryError::VersionMismatch { .. }) => {
                    tenant = self.tenant(tenant.id).await?;
                }
                changed => return self.follow(changed?).await,
            }
        }
        Err(OpsError::Contended)
    }

    /// Removes the time of a shop that is not leaving.
    pub(super) async fn forget_departure(&self, id: TenantId) -> Result<(), OpsError> {
        let _turn = self.departures().turn.lock().await;
        match self.tenant(id).await?.placement.lifecycle {
            Lifecycle::Offboarding | Lifecycle::Purging => Ok(()),
            _ => Ok(self.departures().remove(id).await?),
        }
    }

    pub(super) fn departures(&self) -> &Departures {
        &self.0.departures
    }
}
