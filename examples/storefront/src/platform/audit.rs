//! The audit log: what operators did, and what the platform did by itself, kept for good.
//!
//! An entry is durable before its act begins and gets its status when the act has ended. One without a
//! status was begun, and the process ended before it knew what came of it. The log outlives the tenants that
//! it tells of, so it holds numbers only: no slug, no host, nobody's data.

use std::num::NonZeroU16;

use sqlx::SqlitePool;
use tenancy_types::{Clock, SystemClock, TenantId};

/// The log. Clones share it.
#[derive(Clone, Debug)]
pub struct AuditLog {
    pool: SqlitePool,
}

/// Something that is about to be done.
#[derive(Clone, Debug)]
pub struct Act {
    /// Who does it.
    pub operator: String,
    /// What is done, in words of the platform's own: a method and the pattern of a path, for example.
    pub action: String,
    /// To which tenant, as far as it is known.
    pub tenant: Option<TenantId>,
    /// What else is known: words of the platform's own and numbers. May be empty.
    pub detail: String,
}

/// An act whose outcome is not recorded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "an entry gets its status when its act has ended"]
pub struct Begun(i64);

/// What came of an act.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status of the answer, as HTTP has them.
    pub status: u16,
    /// The tenant, when it was not known before.
    pub tenant: Option<TenantId>,
    /// More detail; may be empty.
    pub detail: String,
}

/// An entry as it stands.
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Entry {
    /// Its number, in the order of beginnings.
    pub seq: i64,
    /// When the act began: microseconds since 1970 UTC.
    pub at: i64,
    /// Who did it.
    pub operator: String,
    /// What was done.
    pub action: String,
    /// To which tenant.
    pub tenant_id: Option<i64>,
    /// What else is known.
    pub detail: String,
    /// What came of it; `None` when nobody knows.
    pub status: Option<i64>,
}

/// Which entries.
#[derive(Clone, Copy, Debug)]
pub struct EntryPage {
    /// Only those of this tenant.
    pub tenant: Option<TenantId>,
    /// Only those with a greater number.
    pub after: i64,
    /// How many at most.
    pub limit: NonZeroU16,
}

impl AuditLog {
    pub(super) const fn new(pool: SqlitePool) -> Self {
        Self { pool }
    }

    /// Records that an act begins. It must not begin before this returns.
    ///
    /// # Errors
    /// When the entry could not be made durable; the act must then not be done.
    pub async fn begin(&self, act: Act) -> Result<Begun, sqlx::Error> {
        let insert = "insert into audit (at, operator, action, tenant_id, detail)
            values ($1, $2, $3, $4, $5) returning seq";
        sqlx::query_scalar(insert)
            .bind(SystemClock.unix().get())
            .bind(act.operator)
            .bind(act.action)
            .bind(act.tenant.map(TenantId::as_i64))
            .bind(act.detail)
            .fetch_one(&self.pool)
            .await
            .map(Begun)
    }

    /// Records what came of an act.
    ///
    /// # Errors
    /// When it could not be recorded: the entry stays without a status.
    pub async fn end(&self, begun: Begun, outcome: Outcome) -> Result<(), sqlx::Error> {
        let update = "update audit set status = $2, tenant_id = coalesce(tenant_id, $3),
            detail = trim(detail || ' ' || $4) where seq = $1";
        sqlx::query(update)
            .bind(begun.0)
            .bind(i64::from(outcome.status))
            .bind(outcome.tenant.map(TenantId::as_i64))
            .bind(outcome.detail)
            .execute(&self.pool)
            .await
            .map(drop)
    }

    /// Entries in the order of their numbers.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn entries(&self, page: EntryPage) -> Result<Vec<Entry>, sqlx::Error> {
        let select = "select seq, at, operator, action, tenant_id, detail, status from audit
            where seq > $1 and ($2 is null or tenant_id = $2) order by seq limit $3";
        sqlx::query_as(select)
            .bind(page.after)
            .bind(page.tenant.map(TenantId::as_i64))
            .bind(i64::from(page.limit.get()))
            .fetch_all(&self.pool)
            .await
    }
}
