//! A tenant's transaction: the only door to its rows.
//!
//! (essay follows)

#[cfg(feature = "portable")]
mod cell_db;
#[cfg(feature = "portable")]
mod cell_tx;
mod database;
mod error;
mod fence;
mod gate;
mod open_error;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stmt;
mod turns;
mod tx;
#[cfg(feature = "portable")]
mod value;

#[cfg(feature = "portable")]
pub use cell_db::CellDb;
#[cfg(feature = "portable")]
pub use cell_tx::{CellStmt, CellTx};
pub use database::CellDatabase;
pub use error::DbError;
pub use open_error::OpenError;
pub use options::CellOptions;
#[cfg(feature = "postgres")]
pub use postgres::PostgresCell;
pub use sql::SqlRefused;
#[cfg(feature = "sqlite")]
pub use sqlite::{SchemaFinding, SqliteCell};
pub use stmt::TxStmt;
pub use tx::TenantTx;
#[cfg(feature = "portable")]
pub use value::{CellRow, CellValue};
