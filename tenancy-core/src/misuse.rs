//! What must not compile. Each case stands beside the same code without the misuse, which compiles: so it is
//! the misuse that fails, and not a name that has changed. (rustdoc compares the codes on a nightly compiler
//! only; on stable, any error will do.)

/// Nobody opens a cell that was not audited.
///
/// ```
/// # use sqlx::postgres::PgConnectOptions;
/// # use tenancy_core::db::{CellOptions, OpenError, PostgresCell};
/// use tenancy_core::isolation::AuditReceipt;
///
/// async fn open(receipt: AuditReceipt, mover: PgConnectOptions, options: CellOptions) -> Result<PostgresCell, OpenError> {
///     PostgresCell::open(receipt, mover, options).await
/// }
/// ```
/// ```compile_fail,E0308
/// # use sqlx::postgres::PgConnectOptions;
/// # use tenancy_core::db::{CellOptions, OpenError, PostgresCell};
/// async fn open(app: PgConnectOptions, mover: PgConnectOptions, options: CellOptions) -> Result<PostgresCell, OpenError> {
///     PostgresCell::open(app, mover, options).await
/// }
/// ```
struct CellWithoutReceipt;

/// A receipt comes from an audit.
///
/// ```
/// # use sqlx::postgres::PgConnectOptions;
/// use tenancy_core::isolation::{AuditError, AuditReceipt, Isolation, audit};
///
/// async fn receipt(app: PgConnectOptions, isolation: &Isolation) -> Result<AuditReceipt, AuditError> {
///     audit::boot(app, isolation, None).await
/// }
/// ```
/// ```compile_fail,E0451
/// # use sqlx::postgres::PgConnectOptions;
/// use tenancy_core::isolation::AuditReceipt;
///
/// fn receipt(app: PgConnectOptions) -> AuditReceipt {
///     AuditReceipt { app, key: None, findings: Vec::new() }
/// }
/// ```
struct ReceiptOfOnesOwn;

/// A transaction ends once.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn once(tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.commit().await
/// }
/// ```
/// ```compile_fail,E0382
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn twice(tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.commit().await?;
///     tx.commit().await
/// }
/// ```
struct CommitTwice;

/// After its end a transaction runs nothing.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn before(mut tx: CellTx<ReadWrite>) -> Result<(), DbError> {
///     tx.sql("delete from product").run().await?;
///     tx.commit().await
/// }
/// ```
/// ```compile_fail,E0382
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn after(mut tx: CellTx<ReadWrite>) -> Result<u64, DbError> {
///     tx.commit().await?;
///     tx.sql("delete from product").run().await
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
/// fn less(ctx: &TenantContext<ReadWrite>) -> TenantContext<ReadOnly> {
///     ctx.to_read_only()
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
/// use tenancy_core::{ReadWrite, TenantContext};
///
/// fn copy(ctx: &TenantContext<ReadWrite>) -> TenantContext<ReadWrite> {
///     ctx.clone()
/// }
/// ```
/// ```compile_fail,E0599
/// use tenancy_core::{ReadWrite, db::CellTx};
///
/// fn copy(tx: CellTx<ReadWrite>) -> [CellTx<ReadWrite>; 2] {
///     [tx.clone(), tx]
/// }
/// ```
struct TransactionTwice;

/// A transaction belongs to its handler: extensions are copied, and it cannot be.
///
/// ```
/// use tenancy_core::Admitted;
///
/// fn keep(extensions: &mut http::Extensions, admitted: Admitted) {
///     extensions.insert(admitted);
/// }
/// ```
/// ```compile_fail,E0277
/// use tenancy_core::{ReadWrite, db::CellTx};
///
/// fn keep(extensions: &mut http::Extensions, tx: CellTx<ReadWrite>) {
///     extensions.insert(tx);
/// }
/// ```
#[cfg(feature = "http")]
struct TransactionInExtensions;

/// There are two accesses, and no third that would allow more.
///
/// ```
/// use tenancy_core::{Access, ReadWrite};
///
/// fn writes<A: Access>(_: A) -> bool {
///     A::WRITES
/// }
/// assert!(writes(ReadWrite));
/// ```
/// ```compile_fail,E0277
/// use tenancy_core::Access;
///
/// #[derive(Debug)]
/// struct Everything;
///
/// impl Access for Everything {
///     const WRITES: bool = true;
/// }
/// ```
struct AccessOfOnesOwn;

/// Only admission makes a context.
///
/// ```
/// use tenancy_core::{Admitted, ReadWrite, Refusal, TenantContext};
///
/// fn ask(admitted: Admitted) -> Result<TenantContext<ReadWrite>, Refusal> {
///     admitted.read_write()
/// }
/// ```
/// ```compile_fail,E0451
/// use std::marker::PhantomData;
/// use tenancy_core::{Admitted, ReadWrite, TenantContext};
///
/// fn forge(admitted: Admitted) -> TenantContext<ReadWrite> {
///     TenantContext { admitted, access: PhantomData }
/// }
/// ```
struct ContextOfOnesOwn;

/// A reader has no way to write.
///
/// ```
/// use tenancy_core::{ReadWrite, db::{CellTx, DbError}};
///
/// async fn write(tx: &mut CellTx<ReadWrite>) -> Result<u64, DbError> {
///     tx.sql("delete from product").run().await
/// }
/// ```
/// ```compile_fail,E0599
/// use tenancy_core::{ReadOnly, db::{CellTx, DbError}};
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
///     tx.sql("select id from product").all().await
/// }
/// ```
/// ```compile_fail,E0716
/// use tenancy_core::{ReadOnly, db::{CellTx, DbError}};
///
/// async fn inject(tx: &mut CellTx<ReadOnly>, table: String) -> Result<Vec<(i64,)>, DbError> {
///     tx.sql(&format!("select id from {table}")).all().await
/// }
/// ```
struct SqlFromAString;
