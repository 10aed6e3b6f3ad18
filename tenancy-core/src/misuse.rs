//! What must not compile. Each case stands beside the same code without the misuse, which compiles: so it is
//! the misuse that fails, and not a name that has changed. rustdoc compares the codes on a nightly compiler
//! only; on stable any error will do, so the two differ in as little as can be.

/// Nobody opens a cell that was not audited.
///
/// ```
/// use sqlx::postgres::PgConnectOptions;
/// use tenancy_core::{db::{CellOptions, OpenError, PostgresCell}, isolation::AuditReceipt};
///
/// type App = AuditReceipt;
///
/// async fn open(app: App, mover: PgConnectOptions, options: CellOptions) -> Result<PostgresCell, OpenError> {
///     PostgresCell::open(app, mover, options).await
/// }
/// ```
/// ```compile_fail,E0308
/// use sqlx::postgres::PgConnectOptions;
/// use tenancy_core::{db::{CellOptions, OpenError, PostgresCell}, isolation::AuditReceipt};
///
/// type App = PgConnectOptions;
///
/// async fn open(app: App, mover: PgConnectOptions, options: CellOptions) -> Result<PostgresCell, OpenError> {
///     PostgresCell::open(app, mover, options).await
/// }
/// ```
struct CellWithoutReceipt;

/// A receipt comes from an audit: it is handed on whole, and cannot be put together, not even of another's parts.
///
/// ```
/// use tenancy_core::isolation::AuditReceipt;
///
/// fn receipt(it: AuditReceipt) -> AuditReceipt {
///     AuditReceipt::from(it)
/// }
/// ```
/// ```compile_fail,E0451
/// use tenancy_core::isolation::AuditReceipt;
///
/// fn receipt(it: AuditReceipt) -> AuditReceipt {
///     AuditReceipt { ..it }
/// }
/// ```
struct ReceiptOfOnesOwn;

/// A transaction ends once.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn end(tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
/// ```compile_fail,E0382
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn end(tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.commit().await?;
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
struct CommitTwice;

/// After its end a transaction runs nothing.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn order(mut tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.sql("delete from product").run().await?;
///     tx.commit().await?;
///     Ok(())
/// }
/// ```
/// ```compile_fail,E0382
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn order(mut tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.commit().await?;
///     tx.sql("delete from product").run().await?;
///     Ok(())
/// }
/// ```
struct UseAfterCommit;

/// A transaction runs one statement at a time.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn one_by_one(tx: &mut CellTx<ReadWrite>) -> Result<u64, DbError> {
///     let first = tx.sql("delete from product").run().await?;
///     let second = tx.sql("delete from slug").run().await?;
///     Ok(first + second)
/// }
/// ```
/// ```compile_fail,E0499
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn at_once(tx: &mut CellTx<ReadWrite>) -> Result<u64, DbError> {
///     let first = tx.sql("delete from product").run();
///     let second = tx.sql("delete from slug").run();
///     Ok(first.await? + second.await?)
/// }
/// ```
struct TwoStatementsAtOnce;

/// A reader does not become a writer.
///
/// ```
/// use tenancy_core::{ReadOnly, ReadWrite, TenantContext};
///
/// fn more(ctx: TenantContext<ReadWrite>) -> TenantContext<ReadWrite> {
///     ctx
/// }
/// ```
/// ```compile_fail,E0308
/// use tenancy_core::{ReadOnly, ReadWrite, TenantContext};
///
/// fn more(ctx: TenantContext<ReadOnly>) -> TenantContext<ReadWrite> {
///     ctx
/// }
/// ```
struct MorePower;

/// A context may be copied, a transaction may not.
///
/// ```
/// use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
///
/// type It = TenantContext<ReadWrite>;
///
/// fn copy(it: It) -> [It; 2] {
///     [it.clone(), it]
/// }
/// ```
/// ```compile_fail,E0599
/// use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
///
/// type It = CellTx<ReadWrite>;
///
/// fn copy(it: It) -> [It; 2] {
///     [it.clone(), it]
/// }
/// ```
struct TransactionTwice;

/// A transaction belongs to its handler: extensions are copied, and it cannot be.
///
/// ```
/// use tenancy_core::{Admitted, ReadWrite, db::CellTx};
///
/// type It = Admitted;
///
/// fn keep(extensions: &mut http::Extensions, it: It) {
///     extensions.insert(it);
/// }
/// ```
/// ```compile_fail,E0277
/// use tenancy_core::{Admitted, ReadWrite, db::CellTx};
///
/// type It = CellTx<ReadWrite>;
///
/// fn keep(extensions: &mut http::Extensions, it: It) {
///     extensions.insert(it);
/// }
/// ```
#[cfg(feature = "http")]
struct TransactionInExtensions;

/// There are two accesses, and no third that would allow more. The other trait has the same items, so it is not
/// those that are missing.
///
/// ```
/// mod other {
///     pub trait Access {
///         const WRITES: bool;
///     }
/// }
/// use other::Access;
///
/// struct Everything;
///
/// impl Access for Everything {
///     const WRITES: bool = <tenancy_core::ReadWrite as tenancy_core::Access>::WRITES;
/// }
/// ```
/// ```compile_fail,E0277
/// use tenancy_core::Access;
///
/// struct Everything;
///
/// impl Access for Everything {
///     const WRITES: bool = <tenancy_core::ReadWrite as tenancy_core::Access>::WRITES;
/// }
/// ```
struct AccessOfOnesOwn;

/// Only admission makes a context: it is handed on whole, and cannot be put together, not even of another's parts.
///
/// ```
/// use tenancy_core::{ReadWrite, TenantContext};
///
/// fn context(it: TenantContext<ReadWrite>) -> TenantContext<ReadWrite> {
///     TenantContext::clone(&it)
/// }
/// ```
/// ```compile_fail,E0451
/// use tenancy_core::{ReadWrite, TenantContext};
///
/// fn context(it: TenantContext<ReadWrite>) -> TenantContext<ReadWrite> {
///     TenantContext { ..it }
/// }
/// ```
struct ContextOfOnesOwn;

/// A reader has no way to write.
///
/// ```
/// use tenancy_core::{ReadOnly, ReadWrite, db::{CellTx, DbError}};
///
/// async fn write(tx: &mut CellTx<ReadWrite>) -> Result<u64, DbError> {
///     tx.sql("delete from product").run().await
/// }
/// ```
/// ```compile_fail,E0599
/// use tenancy_core::{ReadOnly, ReadWrite, db::{CellTx, DbError}};
///
/// async fn write(tx: &mut CellTx<ReadOnly>) -> Result<u64, DbError> {
///     tx.sql("delete from product").run().await
/// }
/// ```
struct RunOnReadOnly;

/// A statement's text is written, not made.
///
/// ```
/// use tenancy_core::{ReadOnly, db::{CellTx, DbError}};
///
/// async fn read(tx: &mut CellTx<ReadOnly>) -> Result<Vec<(i64,)>, DbError> {
///     let sql = "select id from product";
///     tx.sql(&sql).all().await
/// }
/// ```
/// ```compile_fail,E0597
/// use tenancy_core::{ReadOnly, db::{CellTx, DbError}};
///
/// async fn read(tx: &mut CellTx<ReadOnly>) -> Result<Vec<(i64,)>, DbError> {
///     let sql = format!("select id from {}", "product");
///     tx.sql(&sql).all().await
/// }
/// ```
struct SqlFromAString;
