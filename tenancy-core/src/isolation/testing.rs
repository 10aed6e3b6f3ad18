//! Isolation in the tests of an application, with the feature `test-util`.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    AuditError, InstallError, InvalidPrefix, Isolation, IsolationMode, Roles, SealKey, audit,
    install, install_key,
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
    let name: String = sqlx::query_scalar("SELECT current_database()::text")
        .fetch_one(&mut connection)
        .await?;
    let isolation = Isolation::new(manifest, Roles::named(&name)?, mode);
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
