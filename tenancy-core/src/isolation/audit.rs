//! Whether a live database isolates.
//!
//! What is asked of the catalogs is decided apart from how it is read. [`Check`] lists everything that is
//! looked for; the page `docs/operations/isolation-audit.md` says why, and what to do.

mod baseline;
mod boot;
mod check;
mod connect;
mod error;
mod everything;
pub(super) mod facts;
mod finding;
#[cfg(feature = "cli")]
pub mod output;
mod pooler;
mod probe;
mod report;
mod rules;
mod schema;
mod seals;
mod versions;

#[cfg(feature = "cli")]
pub use baseline::BaselineError;
pub use baseline::{Baseline, Judged, Known};
pub use boot::{Enforcement, boot, boot_with};
pub use check::{Check, Severity};
pub use error::AuditError;
pub use everything::{Ways, everything};
pub use finding::Finding;
pub use probe::{probe, prober};
pub use report::{Failed, Report, Unprobed};
pub(super) use schema::findings as of_schema;

use std::fmt;

use sqlx::{PgConnection, postgres::PgConnectOptions};

use super::{Isolation, SealKey};

/// What the catalogs say, in order of check and object; empty when the cell is as it should be. Any role may
/// ask; the [auditor](super::Roles::auditor) can do nothing else.
///
/// # Errors
/// [`AuditError::Database`], [`AuditError::Refused`].
///
/// # Cancel safety
/// Nothing is changed. When the future is dropped, the connection may be in a transaction that only reads:
/// close it.
pub async fn catalog(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Vec<Finding>, AuditError> {
    let facts = facts::read(connection, isolation).await?;
    Ok(rules::findings(&facts, isolation))
}

/// Proof that a connection was looked at: what [`PostgresCell`](crate::db::PostgresCell) opens with. It is
/// made by [`boot`] and [`boot_with`] alone, holds the connection that was looked at, and is used once.
pub struct AuditReceipt {
    app: PgConnectOptions,
    key: Option<SealKey>,
    findings: Vec<Finding>,
}

impl AuditReceipt {
    /// What was found all the same: warnings, and with other choices than [`Enforcement::Enforced`] errors, too.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn into_parts(self) -> (PgConnectOptions, Option<SealKey>) {
        (self.app, self.key)
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for AuditReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditReceipt")
            .field("key", &self.key)
            .field("findings", &self.findings)
            .finish_non_exhaustive()
    }
}
