use std::{fs::File, path::Path};

use tenancy_core::{
    Manifest, ReadOnly, Table, TenantContext,
    db::{CellDb, CellTx},
};
use tenancy_types::UnixMicros;

use super::{ArchiveError, ArchiveManifest, BATCH, off_the_runtime, spool::Spool};

/// What goes into an archive beside the rows.
#[derive(Clone, Copy, Debug)]
pub struct Export<'a> {
    /// The cell's tables.
    pub manifest: &'a Manifest,
    /// The version of the cell's schema.
    pub schema_version: u32,
    /// What the application says about the tenant, for whoever loads the archive: the text of a JSON object.
    pub about: &'a str,
    /// Now.
    pub exported_at: UnixMicros,
    /// Where there is room for twice the tenant's rows as text. Nothing stays there.
    pub folder: &'a Path,
}

/// An archive that was made.
#[derive(Debug)]
pub struct ExportedArchive {
    /// The file, to be read from its beginning. It has no name in any folder: its room is free again when it
    /// is closed, also by a crash.
    pub file: File,
    /// How long it is, in bytes.
    pub bytes: u64,
    /// What it says of itself.
    pub manifest: ArchiveManifest,
}

/// Archives all rows of a tenant as they are at one moment.
///
/// The rows are read in one transaction, hence from one snapshot, and written to a file before anybody gets
/// any of it: a slow client does not keep the snapshot open, and an error is an error, not half a stream. A
/// few hundred rows at a time are in memory.
///
/// # Errors
/// [`ArchiveError::Unfit`] when a row has a float that is not finite or is longer than 8 MiB as text,
/// [`About`](ArchiveError::About), [`File`](ArchiveError::File), [`Database`](ArchiveError::Database).
///
/// # Cancel safety
/// When the future is dropped, nothing is left.
pub async fn export(
    cell: &CellDb,
    ctx: &TenantContext<ReadOnly>,
    export: &Export<'_>,
) -> Result<ExportedArchive, ArchiveError> {
    let manifest = ArchiveManifest {
        exported_at: export.exported_at,
        tenant: ctx.tenant(),
        cell: ctx.placement().cell,
        epoch: ctx.epoch(),
        schema_version: export.schema_version,
        about: export.about.into(),
        tables: Vec::new(),
    };
    let folder = export.folder.to_path_buf();
    let mut spool = off_the_runtime(move || Spool::create(folder)).await?;
    spool = cell
        .scope(ctx, async |tx| {
            for table in export.manifest.tenant_tables() {
                spool = read_table(tx, table, spool).await?;
            }
            Ok::<_, ArchiveError>(spool)
        })
        .await?;
    let (file, manifest) = off_the_runtime(move || spool.into_archive(manifest)).await?;
    let bytes = file.metadata();
    let bytes = bytes
        .map_err(ArchiveError::file("ask how long an archive is"))?
        .len();
    Ok(ExportedArchive {
        file,
        bytes,
        manifest,
    })
}

async fn read_table(
    tx: &mut CellTx<ReadOnly>,
    table: &Table,
    mut spool: Spool,
) -> Result<Spool, ArchiveError> {
    let mut page = tx.rows_of(table, None, BATCH).await?;
    spool.begin_table(table.name(), &page.columns);
    loop {
        let last = page.last_key(table);
        spool = off_the_runtime(move || spool.rows(&page.rows).map(|()| spool)).await?;
        let Some(last) = last else {
            return Ok(spool);
        };
        page = tx.rows_of(table, Some(&last), BATCH).await?;
    }
}
