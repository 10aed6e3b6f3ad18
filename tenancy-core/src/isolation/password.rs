use std::fmt;

use sqlx::{AssertSqlSafe, PgConnection};

use super::{InstallError, Login, Roles, scram::verifier};

/// A role's password. It is never printed.
#[derive(Clone)]
pub struct Password(Box<str>);

impl Password {
    /// A password as it will be typed or stored.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

/// Sets the password of a role that logs in.
///
/// The server gets a verifier for SCRAM-SHA-256 and not the password, so that no log of it and nobody who reads
/// its statements can show the password, whatever its `password_encryption` says.
///
/// # Errors
/// [`InstallError::Database`].
///
/// # Cancel safety
/// When the future is dropped, the password may have been set or not.
pub async fn set_password(
    connection: &mut PgConnection,
    roles: &Roles,
    login: Login,
    password: &Password,
) -> Result<(), InstallError> {
    // The salt is no secret: it stands in the verifier, and is told to whoever begins to log in.
    let salt: Vec<u8> =
        sqlx::query_scalar("SELECT pg_catalog.uuid_send(pg_catalog.gen_random_uuid())")
            .fetch_one(&mut *connection)
            .await?;
    let (role, verifier) = (roles.login(login), verifier(&password.0, &salt));
    let set = format!("ALTER ROLE \"{role}\" PASSWORD '{verifier}'");
    sqlx::raw_sql(AssertSqlSafe(set))
        .execute(connection)
        .await?;
    Ok(())
}
