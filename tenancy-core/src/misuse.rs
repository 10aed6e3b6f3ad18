//! What must not compile. Each case stands beside the same code without the misuse, which compiles: so it is
//! the misuse that fails, and not a name that has changed. (The codes are compared where rustdoc can.)

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
