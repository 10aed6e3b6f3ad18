//! Whether a live database isolates.

mod boot;
mod error;

pub use boot::boot;
pub use error::AuditError;

use std::fmt;

use sqlx::postgres::PgConnectOptions;

use super::SealKey;

/// Proof that a connection was looked at and isolates: what [`PostgresCell`](crate::db::PostgresCell) opens
/// with. It is made by [`boot`] alone, holds the connection that was looked at, and is used once.
pub struct AuditReceipt {
    app: PgConnectOptions,
    key: Option<SealKey>,
}

impl AuditReceipt {
    pub(crate) fn into_parts(self) -> (PgConnectOptions, Option<SealKey>) {
        (self.app, self.key)
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for AuditReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditReceipt")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
