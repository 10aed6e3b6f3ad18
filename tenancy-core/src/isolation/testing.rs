//! Isolation in the tests of an application, with the feature `test-util`.

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    AuditError, InstallError, InvalidPrefix, Isolation, IsolationMode, Login, Password, Roles,
    SealKey, audit, install, install_key, set_password,
};
use crate::{
    Manifest,
    db::{CellOptions, DbError, ExternalKeyError, OpenError, PostgresCell},
    keys::hex::hex,
};

/// Why a test has no cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestCellError {
    /// The database could not be reached as its administrator.
    #[error("reach the test's database as its administrator")]
    Connect(#[from] sqlx::Error),
    /// Only a superuser makes roles and reads what their passwords are made of; and whoever made the cell must
    /// not be who uses it.
    #[error("a test's cell is made by a superuser, which {role} is not")]
    NotAdministrator {
        /// The role of the connection that was given.
        role: Box<str>,
    },
    /// The database's name is no prefix of roles.
    #[error(transparent)]
    Prefix(#[from] InvalidPrefix),
    /// The tables are not as the manifest says, or the administrator is none.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// What was installed does not isolate.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The cell could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A tenant could not be made.
    #[error(transparent)]
    Fence(#[from] DbError),
    /// A tenant could not be told its external key.
    #[error(transparent)]
    ExternalKey(#[from] ExternalKeyError),
}

const WHERE_AND_WHO: &str = "SELECT current_database()::text, rolname::text, rolsuper
    FROM pg_roles WHERE rolname = current_user";

/// The cell of a test: isolates a database whose tables are made, and opens it as the application does, so
/// that no test passes because a superuser ran it.
///
/// `admin` is a superuser, such as that of `pool.connect_options()` in a `#[sqlx::test]`. Where the server keeps
/// a password for it, its roles get some; else whatever lets it in must let them in, too. The roles are named
/// after the database, because roles are the whole cluster's. It can be done again, for a second handle.
///
/// # Errors
/// [`TestCellError`].
pub async fn cell(
    admin: &PgConnectOptions,
    manifest: &Manifest,
    mode: IsolationMode,
    options: CellOptions,
) -> Result<PostgresCell, TestCellError> {
    let mut connection = PgConnection::connect_with(admin).await?;
    let (name, role, is_superuser): (String, String, bool) = sqlx::query_as(WHERE_AND_WHO)
        .fetch_one(&mut connection)
        .await?;
    if !is_superuser {
        return Err(TestCellError::NotAdministrator { role: role.into() });
    }
    let roles = Roles::named(&name).or_else(|_| Roles::named(&abbreviated(&name)))?;
    let isolation = Isolation::new(manifest, roles, mode);
    install(&mut connection, &isolation).await?;
    let key = (mode == IsolationMode::Sealed)
        .then(|| SealKey::new("test", [7; 32]).expect("a good name"));
    if let Some(key) = &key {
        install_key(&mut connection, key).await?;
    }
    let app = address(&mut connection, admin, &isolation, Login::App).await?;
    let mover = address(&mut connection, admin, &isolation, Login::Mover).await?;
    connection.close().await?;
    let receipt = audit::boot(app, &isolation, key).await?;
    Ok(PostgresCell::open(receipt, mover, options).await?)
}

const VERIFIER: &str =
    "SELECT rolpassword::text FROM pg_catalog.pg_authid WHERE rolname = current_user";

/// How a role logs in. Its password is made of what only a superuser can read, so that nobody else knows it and
/// a second handle finds the one that the first has set.
async fn address(
    connection: &mut PgConnection,
    admin: &PgConnectOptions,
    isolation: &Isolation,
    login: Login,
) -> Result<PgConnectOptions, TestCellError> {
    let role = isolation.roles().login(login);
    let address = admin.clone().username(&role);
    let verifier: Option<String> = sqlx::query_scalar(VERIFIER)
        .fetch_one(&mut *connection)
        .await?;
    let Some(verifier) = verifier else {
        return Ok(address);
    };
    let password = hex(Sha256::digest(format!("{role} {verifier}")));
    set_password(
        connection,
        isolation.roles(),
        login,
        &Password::new(&password),
    )
    .await?;
    Ok(address.password(&password))
}

/// For databases whose names are too long for a prefix, or have other letters, as those of `#[sqlx::test]`.
fn abbreviated(database: &str) -> String {
    let digest = hex(Sha256::digest(database));
    format!("test_{}", &digest[..24])
}
