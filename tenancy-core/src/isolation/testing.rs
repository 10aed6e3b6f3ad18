//! Isolation in the tests of an application, with the feature `test-util`.

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    AuditError, InstallError, InvalidPrefix, Isolation, IsolationMode, Roles, SealKey, audit,
    hex::hex, install, install_key,
};
use crate::{
    Manifest,
    db::{CellOptions, OpenError, PostgresCell},
};

/// Why a test has no cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TestCellError {
    /// The database could not be reached as its administrator.
    #[error("reach the test's database as its administrator")]
    Connect(#[from] sqlx::Error),
    /// Only a superuser makes roles and opens cells for them without passwords; and whoever made the cell must
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
}

const WHERE_AND_WHO: &str = "SELECT current_database()::text, rolname::text, rolsuper
    FROM pg_roles WHERE rolname = current_user";

/// The cell of a test: isolates a database whose tables are made, and opens it as the application does, so
/// that no test passes because a superuser ran it.
///
/// `admin` is a superuser who needs no password for other roles, such as `pool.connect_options()` in a
/// `#[sqlx::test]`. The roles are named after the database, because roles are the whole cluster's. It can be
/// done again, for a second handle.
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
    connection.close().await?;
    let login = |role: String| admin.clone().username(&role);
    let receipt = audit::boot(login(isolation.roles().app()), &isolation, key).await?;
    let mover = login(isolation.roles().mover());
    Ok(PostgresCell::open(receipt, mover, options).await?)
}

/// For databases whose names are too long for a prefix, or have other letters, as those of `#[sqlx::test]`.
fn abbreviated(database: &str) -> String {
    let digest = hex(Sha256::digest(database));
    format!("test_{}", &digest[..24])
}
