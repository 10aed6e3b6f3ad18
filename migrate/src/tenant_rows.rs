use std::num::NonZeroU32;

use tenancy_core::{
    Access, Manifest, ReadWrite, Table, TenantContext,
    db::{CellDb, DbError},
};

use crate::TableCounts;

/// Counts the tenant's rows in every table of the manifest that holds tenants' rows, in one snapshot.
///
/// # Errors
/// As any statement's.
pub async fn count_rows<A: Access>(
    cell: &CellDb,
    ctx: &TenantContext<A>,
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
/// that is its own parent can be emptied in batches only if its foreign key is deferred or deletes the children.
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
            if now < u64::from(batch.get()) {
                break;
            }
        }
        deleted.push((table.name().into(), rows));
    }
    Ok(deleted.into_iter().collect())
}
