use std::fmt;

use sqlx::{PgConnection, Postgres, pool::PoolConnection};

use super::Inner;
use crate::db::{DbError, gate::Permit, turns::Party};

/// A connection in use. Dropping it closes it, which rolls back.
pub struct PgLease {
    connection: Option<PoolConnection<Postgres>>,
    _permit: Permit,
}

impl Inner {
    /// Waits for a connection of which the party may hold `limit`. Cancel safe.
    pub(super) async fn lease(&self, party: Party, limit: u16) -> Result<PgLease, DbError> {
        let permit = self.gate.enter(party, limit).await?;
        let connection = self.pool.acquire().await.map_err(|error| match error {
            sqlx::Error::PoolTimedOut => DbError::Busy,
            error => DbError::Unreachable {
                source: error.into(),
            },
        })?;
        Ok(PgLease {
            connection: Some(connection),
            _permit: permit,
        })
    }
}

impl PgLease {
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.connection
            .as_mut()
            .expect("only `keep` takes it, and ends the lease")
    }

    /// Gives the connection back: it is in no transaction and knows no tenant.
    pub(super) fn keep(mut self) {
        drop(self.connection.take());
    }
}

impl Drop for PgLease {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

impl fmt::Debug for PgLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgLease")
    }
}
