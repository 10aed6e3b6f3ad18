//! Running an [`Isolation`]'s statements.

mod catalog;
mod sight;
mod state;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::{
    InstallError, Isolation, SealKey, Statement, install_key, parts, plan::PREAMBLE,
    sqlstate::STRANGERS,
};

pub use state::{Change, WhatChanged};

/// What an installation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    changes: Vec<Change>,
    blinded: Vec<Box<str>>,
}

impl Installed {
    /// Everything that is other than before, in order of name. Empty when the cell was as it should be.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Roles beside the cell's that may read a tenants' table and saw its rows before, and see none of them
    /// now, without an error: reports, backups by `pg_dump`, the application's old role. In order of name.
    #[must_use]
    pub fn blinded(&self) -> &[Box<str>] {
        &self.blinded
    }
}

/// Isolates a cell, in one transaction: after an error it is as it was before. Doing it twice does it once.
///
/// The connection is an administrator's, in the cell's database: a superuser's, or one that may make roles,
/// owns the database and its tables, and finds the roles that bypass row security made already; large objects
/// stay everybody's then, which the audit says. What is as it is to be is not touched. The tables that change are locked until it is done, which takes milliseconds. It
/// tries for about 20 s to get them all at once, keeping nobody waiting for longer than half a second.
///
/// All tables and what is below them are changed in one transaction, which keeps a lock for each: more than
/// about a thousand take a larger `max_locks_per_transaction`.
///
/// # Errors
/// [`InstallError`], before anything is changed when the tables are not as declared.
///
/// # Cancel safety
/// When the future is dropped, all was done or nothing; do it again.
pub async fn install(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Installed, InstallError> {
    isolate(connection, isolation, None).await
}

/// As [`install()`], and tells the cell of a key in the same transaction: a sealed cell without one refuses
/// everybody. A plain cell may be told of the key by which it will be sealed.
///
/// # Errors
/// Those of [`install()`] and of [`install_key`].
///
/// # Cancel safety
/// When the future is dropped, all was done or nothing; do it again.
pub async fn install_with_key(
    connection: &mut PgConnection,
    isolation: &Isolation,
    key: &SealKey,
) -> Result<Installed, InstallError> {
    isolate(connection, isolation, Some(key)).await
}

async fn isolate(
    connection: &mut PgConnection,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Installed, InstallError> {
    let mut transaction = connection.begin().await?;
    match changed(&mut transaction, isolation, key).await {
        Ok(installed) => {
            transaction.commit().await?;
            Ok(installed)
        }
        Err(error) => {
            // Now, and not when the connection is used next: locks are kept until then. What went wrong first
            // is what is said.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}

async fn changed(
    transaction: &mut PgConnection,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Installed, InstallError> {
    sqlx::raw_sql(PREAMBLE).execute(&mut *transaction).await?;
    run(transaction, parts::refuse_strangers(isolation)).await?;
    refuse_newer(transaction).await?;
    catalog::read(transaction, isolation.manifest())
        .await?
        .check(isolation.manifest())?;
    let before = state::read(transaction, isolation).await?;
    let blinded = sight::of_others(transaction, isolation).await?;
    run(transaction, isolation.statements()).await?;
    if let Some(key) = key {
        install_key(transaction, key).await?;
    }
    let after = state::read(transaction, isolation).await?;
    Ok(Installed {
        changes: state::changes(&before, &after),
        blinded,
    })
}

async fn run(
    connection: &mut PgConnection,
    statements: Vec<Statement>,
) -> Result<(), InstallError> {
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement.sql()))
            .execute(&mut *connection)
            .await
            .map_err(|error| refused(&statement, error))?;
    }
    Ok(())
}

fn refused(statement: &Statement, error: sqlx::Error) -> InstallError {
    match error.as_database_error() {
        Some(refusal) if refusal.code().as_deref() == Some(STRANGERS) => InstallError::Strangers {
            found: refusal.message().into(),
        },
        _ => InstallError::Statement {
            statement: statement.name().into(),
            source: error.into(),
        },
    }
}

async fn refuse_newer(connection: &mut PgConnection) -> Result<(), InstallError> {
    let stands: bool = sqlx::query_scalar("SELECT to_regclass('tenancy.format') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !stands {
        return Ok(());
    }
    let versions: Vec<(String, i64)> = sqlx::query_as("SELECT part, version FROM tenancy.format")
        .fetch_all(connection)
        .await?;
    for (part, found) in versions {
        let known = match part.as_str() {
            "isolation" => Isolation::VERSION,
            "fence" => Isolation::FENCE_VERSION,
            _ => continue,
        };
        if found > known {
            let part = part.into();
            return Err(InstallError::NewerVersion { part, found, known });
        }
    }
    Ok(())
}
