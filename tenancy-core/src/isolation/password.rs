use std::fmt;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{InstallError, Login, Roles};

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

/// Sets the password of a role that logs in. The server keeps it as its `password_encryption` says.
///
/// The password travels as a parameter and not in a statement's text. A server that logs the parameters of
/// statements, or the statements inside of functions, logs it all the same: do not set passwords there.
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
    let role = roles.login(login);
    let set = format!(
        "DO $tenancy$
BEGIN
    EXECUTE format('ALTER ROLE %I PASSWORD %L', '{role}', current_setting('tenancy.password'));
END
$tenancy$"
    );
    let mut transaction = connection.begin().await?;
    sqlx::query("SELECT set_config('tenancy.password', $1, true)")
        .bind(&*password.0)
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(AssertSqlSafe(set))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
