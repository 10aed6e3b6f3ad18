use std::{error::Error, num::NonZeroU16};

use tenancy_core::{
    db::{CellOptions, OpenError, PostgresCell},
    isolation::{AuditError, audit},
};
use tenancy_migrate::{Database, SchemaError, applied_postgres};

use super::{Credentials, Hold, HoldError, in_time};
use crate::shop::schema;

/// Connections for the shops of one cell. With those of the platform a server with its usual hundred has room for
/// four processes.
const CONNECTIONS: NonZeroU16 = NonZeroU16::new(20).expect("it is not 0");

/// Why a cell in Postgres cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenCellError {
    /// Its database does not isolate, or this is not the application's way in.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// Its tables are not this program's.
    #[error("look at the version of its tables")]
    Schema(#[from] SchemaError),
    /// Its database does not say in time of which version its tables are.
    #[error("ask for the version of its tables")]
    Asked(#[from] sqlx::Error),
    /// Its tables are older than this program.
    #[error(
        "its tables are of version {found} and this program needs {needed}: run `storefront cell init` again"
    )]
    Behind {
        /// The cell's version.
        found: usize,
        /// The program's.
        needed: usize,
    },
    /// Another process serves it, or that cannot be found out.
    #[error(transparent)]
    Hold(#[from] HoldError),
    /// The mover's way in does not work.
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl OpenCellError {
    /// Whether another process serves the cell.
    #[must_use]
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Hold(HoldError::Taken))
    }
}

/// Opens a cell to be served: audited, with the tables of this program, and by no other process.
///
/// # Errors
/// [`OpenCellError`].
pub async fn open(credentials: &Credentials) -> Result<(PostgresCell, Hold), OpenCellError> {
    let app = credentials.app.options();
    let key = credentials.key.key();
    let receipt = audit::boot(app, &credentials.isolation(), Some(key)).await?;
    let mover = credentials.mover.options();
    let applied = in_time(async { Ok::<_, OpenCellError>(applied_postgres(&mover).await?) });
    let applied = applied.await?;
    let pending = schema::migrations();
    let pending = pending.pending(Database::Postgres, &applied)?;
    if !pending.is_empty() {
        return Err(OpenCellError::Behind {
            found: applied.len(),
            needed: applied.len() + pending.len(),
        });
    }
    let hold = Hold::take(credentials.cell, mover.clone()).await?;
    let cell = PostgresCell::open(receipt, mover, CellOptions::new(CONNECTIONS)).await?;
    Ok((cell, hold))
}

/// Whether an error, or one behind it, says that no server answers now.
#[must_use]
pub fn is_away(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        match error.downcast_ref::<sqlx::Error>() {
            Some(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => return true,
            Some(sqlx::Error::Database(refusal)) => {
                // Starting or stopping, or no connection is free.
                return matches!(refusal.code().as_deref(), Some("57P01" | "57P03" | "53300"));
            }
            _ => next = error.source(),
        }
    }
    false
}
