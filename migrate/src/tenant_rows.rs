use std::num::NonZeroU32;

use tenancy_core::{
    Manifest, ReadOnly, ReadWrite, Table, TenantContext,
    db::{CellDb, DbError},
};

use crate::TableCounts;

/// Counts the tenant's rows in every table of the manifest that holds tenants' rows, in one snapshot.
///
/// The context is one that only reads, so that nobody's writes wait for it on SQLite.
///
/// # Errors
/// As any statement's.
pub async fn count_rows(
    cell: &CellDb,
    ctx: &TenantContext<ReadOnly>,
    manifest: &Manifest,
) -> Result<TableCounts, DbError> {
    cell.scope(ctx, async |tx| {
        let mut counts = Vec::new();
        for table in manifest.tenant_tables() {
            counts.push((table.name().into(), tx.count_of(table).await?));
        }
        Ok(counts.into_iter().collect())
    })
    .await
}

/// Deletes the tenant's rows from every table of the manifest that holds tenants' rows, children before
/// parents, and says how many of each.
///
/// Each batch of rows is a transaction of its own, and between two of them other tenants' writers get their
/// turn. A batch must end within the cell's maximum age of a write transaction, or no repetition helps; a few
/// hundred rows do, also where Postgres has no statistics of a table and checks foreign keys slowly. A table
/// that is its own parent can be emptied in batches only if its foreign key deletes the children, and then those
/// are not among the rows that this counts.
///
/// # Errors
/// As any statement's; what was deleted before stays deleted. [`DbError::StaleEpoch`] when the tenant was
/// changed meanwhile.
///
/// # Cancel safety
/// When the future is dropped, a part of the rows is deleted, in whole batches. Delete again.
pub async fn delete_rows(
    cell: &CellDb,
    ctx: &TenantContext<ReadWrite>,
    manifest: &Manifest,
    batch: NonZeroU32,
) -> Result<TableCounts, DbError> {
    let mut deleted = Vec::new();
    let tables: Vec<&Table> = manifest.tenant_tables().collect();
    for table in tables.into_iter().rev() {
        let mut rows = 0;
        loop {
            let now = cell
                .scope(ctx, async |tx| tx.delete_from(table, batch).await)
                .await?;
            rows += now;
            // A batch may be small although rows are left: a view or a trigger has its own mind.
            if now == 0 {
                break;
            }
            // Where answers come at once, nothing else would make this task give way.
            tokio::task::yield_now().await;
        }
        deleted.push((table.name().into(), rows));
    }
    Ok(deleted.into_iter().collect())
}
