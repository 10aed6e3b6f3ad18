//! The key by which tables with a tenant column of type `uuid` know a tenant.

use std::borrow::Cow;

use sqlx::{AssertSqlSafe, Postgres, Row as _};
use tenancy_types::{Code, Kind, Problem, Retry, TenantId};

use super::{PostgresCell, driver::answered};
use crate::db::{
    DbError, Statements, database::private::Driver as _, explain::explain, fence::OWN_WAIT,
};

const SET: &str = "UPDATE tenancy.fence SET external = $2::uuid \
                   WHERE tenant_id = $1 AND external IS NULL";
const READ: &str = "SELECT external::text FROM tenancy.fence WHERE tenant_id = ";

/// Why a tenant's external key was not set.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExternalKeyError {
    /// The cell does not know the tenant.
    #[error("the cell has no fence of {tenant:?}")]
    NoFence {
        /// The tenant.
        tenant: TenantId,
    },
    /// The tenant has another key already. Rows may stand under it, so it stays.
    #[error("{tenant:?} has another external key already")]
    Fixed {
        /// The tenant.
        tenant: TenantId,
    },
    /// Another tenant has this key.
    #[error("the external key that {tenant:?} was to have is another tenant's")]
    Taken {
        /// Who was to have it.
        tenant: TenantId,
    },
    /// The database did not do it, or it is not known whether it did.
    #[error("set an external key")]
    Database(#[source] DbError),
}

impl PostgresCell {
    /// Tells the cell by which key tables with a tenant column of type `uuid`
    /// ([`Table::tenant_uuid`](crate::Table::tenant_uuid)) know a tenant: the number of the UUID, as
    /// `uuid::Uuid::as_u128` gives it. Until then the tenant sees and writes no row of them.
    ///
    /// After the tenant's fence was created, and for good. Doing it twice does it once.
    ///
    /// # Errors
    /// [`ExternalKeyError`]: the cell does not know the tenant, or the key is not this tenant's. Nothing was
    /// changed, unless the database was lost meanwhile.
    ///
    /// # Cancel safety
    /// When the future is dropped, the key may be set or not; set it again.
    pub async fn set_external_key(
        &self,
        tenant: TenantId,
        key: u128,
    ) -> Result<(), ExternalKeyError> {
        let key = uuid(key);
        let is_set = self.try_external(tenant, &key).await;
        match is_set {
            Ok(true) => Ok(()),
            Ok(false) => self.is_external(tenant, &key).await,
            Err(DbError::Duplicate { .. }) => Err(ExternalKeyError::Taken { tenant }),
            Err(error) => Err(ExternalKeyError::Database(error)),
        }
    }

    /// Whether the tenant had none and has this one now.
    async fn try_external(&self, tenant: TenantId, key: &str) -> Result<bool, DbError> {
        let mut lease = Postgres::beside(self, tenant, OWN_WAIT).await?;
        let kept = lease.statements() == Statements::Named;
        let set = sqlx::query(SET).bind(tenant.as_i64()).bind(key);
        let set = set.persistent(kept).execute(lease.connection());
        let done = answered(OWN_WAIT, set).await;
        Postgres::hear(&mut lease, &done);
        let done =
            done.map_err(
                |error| match explain::<Postgres>(SET.into(), OWN_WAIT, error) {
                    // It is short but for who holds the fence.
                    DbError::Timeout { .. } => DbError::Busy,
                    error => error,
                },
            )?;
        Postgres::conclude(lease).await?;
        Ok(done.rows_affected() == 1)
    }

    async fn is_external(&self, tenant: TenantId, key: &str) -> Result<(), ExternalKeyError> {
        let found = self.external(tenant).await;
        match found.map_err(ExternalKeyError::Database)? {
            None => Err(ExternalKeyError::NoFence { tenant }),
            Some(found) if found.as_deref() == Some(key) => Ok(()),
            Some(_) => Err(ExternalKeyError::Fixed { tenant }),
        }
    }

    /// The key of a tenant that the cell knows.
    async fn external(&self, tenant: TenantId) -> Result<Option<Option<String>>, DbError> {
        let mut lease = self.0.fences.lease(Some(tenant), 1).await?;
        let read = format!("{READ}{tenant}");
        let read = sqlx::raw_sql(AssertSqlSafe(read)).fetch_optional(lease.connection());
        let found = answered(OWN_WAIT, read).await;
        Postgres::hear(&mut lease, &found);
        let found = found
            .and_then(|row| row.map(|row| row.try_get(0)).transpose())
            .map_err(|error| DbError::of_driver::<Postgres>(READ.into(), error))?;
        lease.keep();
        Ok(found)
    }
}

/// The text form of RFC 9562, section 4, in lower case, as Postgres writes it.
fn uuid(key: u128) -> String {
    let hex = format!("{key:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

impl Problem for ExternalKeyError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::NoFence { .. } => "tenant_not_here",
            Self::Fixed { .. } => "external_key_fixed",
            Self::Taken { .. } => "external_key_taken",
            Self::Database(error) => return error.code(),
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NoFence { .. } => Kind::Misdirected,
            Self::Fixed { .. } | Self::Taken { .. } => Kind::Conflict,
            Self::Database(error) => error.kind(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Database(error) => error.retry(),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::NoFence { .. } => "this is served elsewhere".into(),
            Self::Fixed { .. } | Self::Taken { .. } => "this key cannot be had".into(),
            Self::Database(error) => error.client_text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn a_key_is_written_as_postgres_writes_it() {
        let text = uuid(0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e);
        assert_eq!(text, "0f8fad5b-d9cb-469f-a165-70867728950e");
        assert_eq!(uuid(7), "00000000-0000-0000-0000-000000000007");
    }
}
