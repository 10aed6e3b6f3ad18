//! A tenant's transaction: the only door to its rows.
//!
//! A query that forgets its tenant predicate is one line in a review and a disaster in production. So the
//! pools here are private, there is no autocommit, and a statement can only be had from a [`TenantTx`],
//! which is made from a [`TenantContext`](crate::TenantContext), which only admission makes. Before its
//! first statement a transaction does three things in one message: it begins, it tells the database its
//! tenant, and it asks the [fence](crate::protocol) whether this cell may serve that tenant at the epoch at
//! which the request was let in.
//!
//! ```
//! # #[cfg(feature = "portable")] mod example {
//! use tenancy_core::{ReadOnly, ReadWrite, TenantContext, db::{CellDb, DbError}};
//!
//! async fn rename(cell: &CellDb, ctx: &TenantContext<ReadWrite>, id: i64, title: &str) -> Result<u64, DbError> {
//!     cell.scope(ctx, async |tx| {
//!         let tenant = tx.tenant().as_i64();
//!         tx.sql("update product set title = $3 where tenant_id = $1 and id = $2")
//!             .bind(tenant)
//!             .bind(id)
//!             .bind(title.to_owned())
//!             .run()
//!             .await
//!     })
//!     .await
//! }
//!
//! async fn count(cell: &CellDb, ctx: &TenantContext<ReadOnly>) -> Result<i64, DbError> {
//!     let mut tx = cell.begin(ctx);
//!     let (count,) = tx.sql("select count(*) from product where tenant_id = $1")
//!         .bind(ctx.tenant().as_i64())
//!         .one()
//!         .await?;
//!     tx.commit().await?;
//!     Ok(count)
//! }
//! # }
//! ```
//!
//! # What isolates
//!
//! Statements name their tenant, for the indexes and for the reader. What is below holds when one forgets.
//!
//! | | SQLite | Postgres |
//! | --- | --- | --- |
//! | read transactions | see tenants' tables only through views of the transaction's tenant | row security |
//! | writes | triggers refuse inserts, updates and deletes of others' rows | row security |
//! | reads inside a write transaction | **the statement's own predicate** | row security |
//! | the platform's tables | hidden from readers, unchangeable by writers | no right to them |
//! | a read-only context | the file is opened read-only | `READ ONLY` transaction |
//! | a fence that changes meanwhile | cannot: there is one writer | waits for open writers (a drain is set first, and then waits); new ones are `Fenced` |
//!
//! What is bold is weaker than it should be: on SQLite a write transaction reads the tables themselves,
//! because a view under the table's name would take the writes, and `UPSERT` and `RETURNING` do not work on
//! views; so what is written after a careless read is still refused when it touches another's row, but the
//! read has seen it. What stands in a Postgres cell, and what each of its two modes stops, is
//! [`isolation`](crate::isolation)'s matter; a cell opens only with the receipt of an audit.
//!
//! On Postgres one message begins the transaction and asks the guard, which sets the tenant for this
//! transaction alone and reads the fence, under a lock that writers share and a change of the fence that
//! others rely on holds alone. One message ends it, which commits only what is still the tenant's. A connection that died while
//! nobody used it, and one whose prepared statements a changed table has outdated, is replaced together with
//! all of its pool, so that one request notices, or none. So is one whose server has become a replica; a server that
//! replays another's log is no primary, also for readers.
//!
//! A reader that says [what it has seen](TenantTx::after) may be answered by a replica that has come as far;
//! every other read goes to the primary.
//!
//! A fence is changed by [`change_fence`](PostgresCell::change_fence), which waits for open writers, or by
//! [`drain`](PostgresCell::drain), which sets it first and says what becomes of those that do not end. One
//! whose deadline has passed, by the database's clock, is lifted by the first writer that finds it, and counts
//! as lifted where the platform asks which tenants have work.
//!
//! In both, the text of a statement is looked at before it runs: it is one statement that reads or changes
//! rows (a `COMMIT` or `SET` inside would end or change what was set up), it does not name the schemas behind
//! the views or the platform's own, and a value is bound to each of its parameters. On Postgres
//! `&mut TenantTx` is also an executor for `sqlx::query` and its macros, whose texts are looked at alike.
//!
//! # Cancel safety
//!
//! Handlers are dropped in the middle: a client goes away, a timeout passes. The rule that makes this safe
//! is that *dropping a connection closes it*, and only an acknowledged commit or rollback gives it back.
//! While a statement runs, the connection is inside its future; a future that is dropped takes it along. So
//! there is no moment at which another tenant could borrow a connection that is in a transaction, knows a
//! tenant, or still runs something. On SQLite the statement that runs is interrupted; on Postgres it ends when
//! the server looks after its client, which it does twice a second, and until then its connection counts as in use. sqlx's `Transaction` is not used: a begin that is cancelled while it waits
//! for its reply would leave its connection in the pool inside the transaction (transact-rs/sqlx issue 4393).
//!
//! # Sharing
//!
//! Connections are given to tenants by max-min fairness: of those who wait, the one that holds fewest is
//! next. A tenant holds no more than its [`WorkBudget`](tenancy_types::WorkBudget) says, a statement runs no
//! longer than it says, and a transaction is ended at the cell's maximum age, which is one for
//! [writers](CellOptions::max_write_age) and another for [readers](CellOptions::max_read_age), whatever its user
//! does meanwhile. On SQLite the writer is counted apart from the readers.
//!
//! # One text of SQL
//!
//! `CellTx` (feature `portable`) runs the common subset of both databases: numbered parameters, `RETURNING`, `ON CONFLICT … DO
//! UPDATE`, `bigint`, `text` and `double precision`, `cast(sum(x) as bigint)`, explicit `nulls first|last`,
//! `lower()` before `LIKE`, time as microseconds in a `bigint`. A statement that fails, fails its
//! transaction: Postgres insists on that, so SQLite does the same here. A read transaction sees one snapshot
//! of the cell, however many statements it has (on Postgres: `REPEATABLE READ`).
//!
//! What an export, an import or a purge does with whole tables needs no text at all: `CellTx` reads, counts,
//! inserts and deletes the tenant's rows of a table as the [manifest](crate::Manifest) declares it.

#[cfg(feature = "portable")]
mod bulk;
#[cfg(feature = "portable")]
mod cell_db;
#[cfg(feature = "portable")]
mod cell_tx;
mod database;
mod drain;
mod error;
mod explain;
mod fence;
mod gate;
mod open_error;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod reaper;
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod state;
mod stmt;
mod survey;
mod table_refused;
mod text;
mod turns;
mod tx;
#[cfg(feature = "portable")]
mod value;

#[cfg(feature = "portable")]
pub use bulk::{Datum, TableRows};
#[cfg(feature = "portable")]
pub use cell_db::CellDb;
#[cfg(feature = "portable")]
pub use cell_tx::{CellStmt, CellTx};
pub use database::{CellDatabase, IsolationLevel};
pub use drain::{Drain, Stragglers};
pub use error::{BrokenConstraint, DbError};
pub use open_error::OpenError;
pub use options::{CellOptions, Statements};
#[cfg(feature = "postgres")]
pub use postgres::{ExternalKeyError, PostgresCell};
pub use sql::SqlRefused;
#[cfg(feature = "sqlite")]
pub use sqlite::{SchemaFinding, SqliteCell};
pub use stmt::TxStmt;
pub use table_refused::TableRefused;
pub use tx::TenantTx;
#[cfg(feature = "portable")]
pub use value::{CellRow, CellValue};
