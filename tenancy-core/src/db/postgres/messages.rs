//! The messages that begin and end a tenant's transaction.
//!
//! What a message says is parsed and planned each time, and for the guard's one line that takes as long as a
//! fifth of the guard itself. So a connection that remembers statements is taught the guard by the first message
//! that it carries, and is only reminded of it by the others.

use std::time::Duration;

use super::lease::PgLease;
use crate::db::database::{IsolationLevel, Mode, Opening};

/// How a message calls the guard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// By the name under which an earlier message prepared it.
    Known,
    /// By a name under which this message prepares it.
    New,
    /// In full: whoever carries the connection does not carry names along.
    Spelled,
}

/// In a transaction of its own, since the next one's level is set before anything else is done in it. The names end
/// in the version of what they call: a pooler keeps sessions for longer than a release of this crate.
const PREPARE: &str = "BEGIN; \
    PREPARE tenancy_enter_2(bigint, bigint, boolean, bigint, text) AS SELECT tenancy.enter($1, $2, $3, $4, $5); \
    PREPARE tenancy_leave_2(bigint, text) AS SELECT \
        CASE WHEN pg_catalog.current_setting('app.tenant_id', true) IS DISTINCT FROM $2 \
        THEN tenancy.leave($1) END, pg_catalog.pg_advisory_unlock_all(); \
    COMMIT; ";

/// What a statement may have left in the session besides a transaction, through a function that it called:
/// settings. Those with which the connection began come back.
///
/// A pooler begins its sessions without what sqlx asks for when it connects, and sets it where the client goes on. It
/// would take the session's own values, which come back here, for the client's wish from then on. So they are set as
/// sqlx has them.
macro_rules! forget {
    () => {
        "RESET ALL; SET TimeZone = 'UTC'; SET DateStyle = 'ISO, MDY'; SET client_encoding = 'UTF8'"
    };
}

pub(super) const FORGET: &str = forget!();

/// Ends a transaction that is not to be, and leaves nothing of it in the session.
pub(super) const ROLLBACK: &str = concat!(
    "ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all(); ",
    forget!()
);

/// One message: the transaction, and the guard, which sets the tenant and reads the fence. Its only row is the
/// guard's.
pub(super) fn begin(opening: Opening, seal: Option<&str>, guard: Guard) -> String {
    let Opening { tenant, epoch, .. } = opening;
    let level = match opening.level {
        IsolationLevel::ReadCommitted => "READ COMMITTED",
        IsolationLevel::RepeatableRead => "REPEATABLE READ",
        IsolationLevel::Serializable => "SERIALIZABLE",
    };
    let (mode, writes) = match opening.access {
        Mode::Read => ("READ ONLY", "false"),
        Mode::Write => ("READ WRITE", "true"),
    };
    let limit = milliseconds(opening.budget.statement_timeout);
    // The guard locks the fence's row only then, before the limit that it sets is in force.
    let patience = match (opening.access, opening.level) {
        (Mode::Read, _) | (_, IsolationLevel::ReadCommitted) => String::new(),
        _ => format!("SET LOCAL lock_timeout = {limit}; "),
    };
    let prepare = match guard {
        Guard::New => PREPARE,
        Guard::Known | Guard::Spelled => "",
    };
    let enter = match guard {
        Guard::New | Guard::Known => "EXECUTE tenancy_enter_2",
        Guard::Spelled => "SELECT tenancy.enter",
    };
    let seal = seal.map_or("NULL".to_owned(), |seal| format!("'{seal}'"));
    let epoch = epoch.as_i64();
    format!(
        "{prepare}BEGIN ISOLATION LEVEL {level} {mode}; {patience}\
         {enter}({tenant}, {epoch}, {writes}, {limit}, {seal})"
    )
}

/// Raises unless the transaction is still open and the tenant's, then commits. A plain commit of an aborted
/// transaction would answer that all is well; a statement before it fails there.
///
/// The function that says whose it is is called only when the setting is not the guard's any more; that one ended
/// with the transaction, if somebody ended it.
///
/// The transaction's own locks go with it; locks of the session, which a function of the application may have
/// taken, would be the next tenant's.
pub(super) fn commit(lease: &PgLease, opening: Opening) -> String {
    let (tenant, setting) = (opening.tenant, lease.setting());
    match lease.guard() {
        Guard::New | Guard::Known => {
            format!("EXECUTE tenancy_leave_2({tenant}, '{setting}'); COMMIT")
        }
        Guard::Spelled => format!(
            "SELECT CASE WHEN pg_catalog.current_setting('app.tenant_id', true) IS DISTINCT FROM '{setting}' \
             THEN tenancy.leave({tenant}) END, pg_catalog.pg_advisory_unlock_all(); COMMIT"
        ),
    }
}

/// As Postgres takes a limit: 0 would mean none, and there is a highest.
pub(super) fn milliseconds(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::PREPARE;
    use crate::isolation::Isolation;

    #[test]
    fn what_is_prepared_is_of_one_version_of_the_guard() {
        let version = Isolation::VERSION;
        for name in ["tenancy_enter", "tenancy_leave"] {
            assert!(PREPARE.contains(&format!("PREPARE {name}_{version}(")));
        }
    }
}
