//! Writers of a tenant and changes of its fence exclude each other.
//!
//! A writer holds the tenant's lock, shared, from before it reads the fence until it has ended. A change of
//! the fence that others rely on holds it alone: it waits for the writers that are open, and whoever comes later
//! reads the new fence. Writers only *try*: a change that waits makes the try fail, so writers that come one
//! after another cannot keep it waiting for ever. (Locks of the fence's row would let them: Postgres gives a
//! share lock to whoever asks while only share locks are held, whoever else waits.)
//!
//! Three changes run beside writers, and nothing follows from them but who comes in next: a drain's fence, which
//! it then waits behind, that fence's release, and the lifting of one whose deadline has passed. A writer under
//! one snapshot holds the fence's row, shared, so these are bounded in time as a whole: a limit for each lock
//! begins anew with each of the row's holders.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Postgres};
use tenancy_types::TenantId;

use super::{
    driver::{answered, learn_at_begin},
    errors::is_of_replica,
    lease::PgLease,
    messages::{Guard, milliseconds},
};
use crate::db::{DbError, fence::OWN_WAIT};

/// The high half of the locks' numbers: `TNCY`. The low half is the tenant.
const WRITERS: i64 = 0x544e_4359 << 32;

/// Postgres, "PostgreSQL Error Codes" (appendix A of its documentation).
pub(super) const LOCK_NOT_AVAILABLE: &str = "55P03";

/// A change of a fence is on the server's disk when it is acknowledged, and where the server waits for its
/// replicas as well, on theirs.
const DURABLY: &str = "SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
     WHERE pg_catalog.current_setting('synchronous_commit') IN ('off', 'local')";

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
    let (begin, lock) = (begin(wait, wait.saturating_add(OWN_WAIT)), lock_of(tenant));
    let own = milliseconds(OWN_WAIT);
    let sql = format!(
        "{begin}; SELECT pg_advisory_xact_lock({lock}); \
         SET LOCAL lock_timeout = {own}; SET LOCAL statement_timeout = {own}"
    );
    begun(lease, wait, sql).await
}

/// Begins a transaction of the platform's that does not ask who writes. A writer under `REPEATABLE READ` or
/// `SERIALIZABLE` holds the row of the fence, and is waited for.
pub(super) async fn beside(lease: &mut PgLease, wait: Duration) -> Result<(), DbError> {
    begun(lease, wait, begin(wait, wait)).await
}

/// Whatever such a transaction commits is durable, also where the server is set to answer sooner. One whose
/// client has gone does not go on waiting, also behind a pooler that leaves out what its connection began with.
fn begin(wait: Duration, limit: Duration) -> String {
    let (lock, statement) = (milliseconds(wait), milliseconds(limit));
    format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; \
         SET LOCAL lock_timeout = {lock}; \
         SET LOCAL statement_timeout = {statement}; \
         SET LOCAL client_connection_check_interval = 500; \
         {DURABLY}"
    )
}

async fn begun(lease: &mut PgLease, wait: Duration, sql: String) -> Result<(), DbError> {
    let begun = sqlx::raw_sql(AssertSqlSafe(sql)).execute(lease.connection());
    match answered(wait, begun).await {
        Ok(_) => {
            lease.rests();
            Ok(())
        }
        Err(error) => {
            learn_at_begin(lease, Guard::Spelled, &error);
            Err(if is_of_replica(&error) {
                DbError::Unreachable {
                    source: error.into(),
                }
            } else {
                DbError::of_waiting::<Postgres>("lock".into(), error)
            })
        }
    }
}

/// The transactions that were prepared while they held the tenant's lock. Nobody's connection holds them, so
/// only who prepared them, or a person, ends them. What holds a lock is named as it was before it was prepared,
/// and after a restart by its number; beside its other locks it holds one of that number either way.
pub(super) fn prepared(tenant: TenantId) -> String {
    let (high, low) = halves(tenant);
    format!(
        "SELECT p.gid FROM pg_locks l
    JOIN pg_locks own ON own.virtualtransaction = l.virtualtransaction
        AND own.locktype = 'transactionid' AND own.pid IS NULL
    JOIN pg_prepared_xacts p ON p.transaction = own.transactionid
    WHERE l.locktype = 'advisory' AND l.pid IS NULL
        AND l.classid::bigint = {high} AND l.objid::bigint = {low} AND l.objsubid = 1
        AND p.database = current_database()
    ORDER BY p.gid"
    )
}

/// Tells the sessions of this very role that write to the tenant to end, all at once, and waits for none: one
/// that has ended its transaction meanwhile is the next tenant's. One message, since a pooler may give two to two
/// servers.
pub(super) fn terminate(tenant: TenantId) -> String {
    let (high, low) = halves(tenant);
    format!(
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(l.pid))
        FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
        WHERE l.locktype = 'advisory' AND l.classid::bigint = {high} AND l.objid::bigint = {low}
            AND l.objsubid = 1 AND l.granted AND l.mode = 'ShareLock'
            AND a.datname = current_database() AND a.usename = current_user AND a.pid <> pg_backend_pid()"
    )
}

/// The lock of a tenant as `pg_locks` shows it: its high half and its low half.
fn halves(tenant: TenantId) -> (i64, i64) {
    (WRITERS >> 32, tenant.as_i64())
}
