//! Writers of a tenant and changes of its fence exclude each other.
//!
//! A writer holds the tenant's lock, shared, from before it reads the fence until it has ended. A change of
//! the fence holds it alone: it waits for the writers that are open, and whoever comes later reads the new
//! fence. Writers only *try*: a change that waits makes the try fail, so writers that come one after another
//! cannot keep it waiting for ever. (Locks of the fence's row would let them: Postgres gives a share lock to
//! whoever asks while only share locks are held, whoever else waits.)

use std::time::Duration;

use sqlx::AssertSqlSafe;
use tenancy_types::TenantId;

use super::{driver::answered, lease::PgLease};
use crate::db::DbError;

/// The high half of the locks' numbers: `TNCY`. The low half is the tenant.
const WRITERS: i64 = 0x544e_4359 << 32;

/// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

fn lock_of(tenant: TenantId) -> i64 {
    WRITERS | tenant.as_i64()
}

/// Begins a transaction of the platform's beside which the tenant has no writer. Waits for those that are
/// open, and lets no new one in meanwhile.
pub(super) async fn exclude(
    lease: &mut PgLease,
    tenant: TenantId,
    wait: Duration,
) -> Result<(), DbError> {
    let (lock, timeout) = (lock_of(tenant), wait.as_millis().max(1));
    let sql = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL lock_timeout = {timeout}; \
         SET LOCAL synchronous_commit = on; \
         SELECT pg_advisory_xact_lock({lock})"
    );
    let locked = sqlx::raw_sql(AssertSqlSafe(sql)).execute(lease.connection());
    match answered(wait, locked).await {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(refusal))
            if refusal.code().as_deref() == Some(LOCK_NOT_AVAILABLE) =>
        {
            Err(DbError::Busy)
        }
        Err(error) => Err(DbError::of_driver::<sqlx::Postgres>("lock".into(), error)),
    }
}
