use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::PathBuf,
};

use tenancy_core::{
    Access, Manifest, ReadOnly, ReadWrite, Table, TenantContext,
    db::{CellDb, CellTx, DbError, TableRefused, TableRows},
};
use tenancy_types::Lifecycle;

use super::{
    Archive, ArchiveError, ArchivedTable, BATCH, Flaw, entry_of, fingerprint::Fingerprint,
    off_the_runtime, row, table::TableReader,
};
use crate::count_rows;

type Lines = TableReader<BufReader<std::io::Take<File>>>;

impl Archive {
    /// Writes the rows into a tenant that is being provisioned, in the cell of the context.
    ///
    /// Loading twice is loading once. What an attempt that was interrupted has written is the beginning of
    /// the archive, table by table; the next one compares it and goes on behind it. So nothing is ever deleted
    /// here, and a loader that was stopped and wakes up late finds its rows there already.
    ///
    /// The tenant must have no rows but those of this archive: it is a new one, or one that was emptied.
    ///
    /// # Errors
    /// Before anything is written: [`NotProvisioning`](ArchiveError::NotProvisioning), and
    /// what [`check`](Self::check) says. Later:
    /// [`Occupied`](ArchiveError::Occupied), [`Invalid`](ArchiveError::Invalid) when a row does not keep a
    /// constraint of the schema, whose line it names, or the file was changed since it was opened;
    /// [`File`](ArchiveError::File), [`Database`](ArchiveError::Database).
    ///
    /// # Cancel safety
    /// When the future is dropped, a beginning of the rows is there. Load again.
    pub async fn load(
        &self,
        cell: &CellDb,
        ctx: &TenantContext<ReadWrite>,
        manifest: &Manifest,
        schema_version: u32,
    ) -> Result<(), ArchiveError> {
        let lifecycle = ctx.placement().lifecycle;
        if lifecycle != Lifecycle::Provisioning {
            return Err(ArchiveError::NotProvisioning { lifecycle });
        }
        let read_only = ctx.to_read_only();
        self.check(cell, &read_only, manifest, schema_version)
            .await?;
        for (table, archived, offset) in self.pairs(manifest)? {
            let there = cell
                .scope(&read_only, async |tx| rows_there(tx, table, archived).await)
                .await?;
            let lines = self.lines(archived.clone(), offset, there).await?;
            load_table(cell, ctx, table, lines).await?;
        }
        self.check_counts(cell, &read_only, manifest).await
    }

    /// Says whether the archive can be loaded into a cell: it has the cell's schema version, tables and columns,
    /// and every value is of its column's type. It reads the whole file again, and of the cell only what its
    /// tables are like; the tenant is any that can be read there.
    ///
    /// What is left to find out when it is loaded are the constraints of the schema, and how long values may be:
    /// Postgres takes about 2,700 bytes in an entry of an index, SQLite a gigabyte. Rows that were exported from the same
    /// schema version and database keep to both, but a file can be written by anybody: who must know before
    /// anything is deleted loads it into a tenant of a cell that is thrown away. One of the other database says
    /// nothing of the lengths, so an application bounds what it indexes by itself.
    ///
    /// # Errors
    /// Those for which [`ArchiveError::is_verdict`] says so are the answer: it cannot. Others leave it open.
    ///
    /// # Cancel safety
    /// Nothing is changed anywhere.
    pub async fn check(
        &self,
        cell: &CellDb,
        ctx: &TenantContext<ReadOnly>,
        manifest: &Manifest,
        schema_version: u32,
    ) -> Result<(), ArchiveError> {
        let (expected, found) = (schema_version, self.manifest().schema_version);
        if expected != found {
            return Err(ArchiveError::SchemaVersion { expected, found });
        }
        let pairs = self.pairs(manifest)?;
        cell.scope(ctx, async |tx| {
            for (table, archived, _) in &pairs {
                check_columns(tx, table, archived).await?;
            }
            Ok::<_, ArchiveError>(())
        })
        .await?;
        for (table, archived, offset) in pairs {
            let nothing = Fingerprint::default();
            let lines = self.lines(archived.clone(), offset, nothing).await?;
            check_values(cell, ctx, table, lines).await?;
        }
        Ok(())
    }

    /// The cell's tables, parents first, each with the archive's.
    fn pairs<'t>(
        &'t self,
        manifest: &'t Manifest,
    ) -> Result<Vec<(&'t Table, &'t ArchivedTable, u64)>, ArchiveError> {
        let archived = |table: &'t Table| {
            let (archived, offset) = self
                .tables()
                .find(|(found, _)| *found.name == *table.name())?;
            Some((table, archived, offset))
        };
        let own_parent = |table: &&Table| {
            table
                .parents()
                .iter()
                .any(|parent| **parent == *table.name())
        };
        if let Some(table) = manifest.tenant_tables().find(own_parent) {
            let table = table.name().into();
            return Err(ArchiveError::OwnParent { table });
        }
        let pairs: Vec<_> = manifest.tenant_tables().filter_map(archived).collect();
        let count = manifest.tenant_tables().count();
        if pairs.len() == count && self.tables().count() == count {
            return Ok(pairs);
        }
        Err(ArchiveError::Tables {
            expected: sorted(manifest.tenant_tables().map(Table::name)),
            found: sorted(self.tables().map(|(table, _)| &*table.name)),
        })
    }

    /// A table's lines behind the first ones, which must be those that are there.
    async fn lines(
        &self,
        table: ArchivedTable,
        offset: u64,
        there: Fingerprint,
    ) -> Result<Lines, ArchiveError> {
        let path = self.path().to_path_buf();
        off_the_runtime(move || {
            let reader = section(path, offset, table.bytes);
            let reader = reader.map_err(ArchiveError::file("read an archive"))?;
            let name = table.name.clone();
            let mut lines = TableReader::new(table, reader);
            if lines.skip(there.rows)? == there {
                Ok(lines)
            } else {
                Err(occupied(&name))
            }
        })
        .await
    }

    async fn check_counts(
        &self,
        cell: &CellDb,
        ctx: &TenantContext<ReadOnly>,
        manifest: &Manifest,
    ) -> Result<(), ArchiveError> {
        let there = count_rows(cell, ctx, manifest).await?;
        let other = |table: &&ArchivedTable| there.rows(&table.name) != Some(table.rows);
        match self.manifest().tables.iter().find(other) {
            None => Ok(()),
            Some(table) => Err(occupied(&table.name)),
        }
    }
}

fn section(
    path: PathBuf,
    offset: u64,
    bytes: u64,
) -> std::io::Result<BufReader<std::io::Take<File>>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    Ok(BufReader::new(file.take(bytes)))
}

async fn check_columns<A: Access>(
    tx: &mut CellTx<A>,
    table: &Table,
    archived: &ArchivedTable,
) -> Result<(), ArchiveError> {
    let live = tx.rows_of(table, None, std::num::NonZeroU32::MIN).await?;
    let expected: Vec<Box<str>> = live.columns.into_iter().map(Into::into).collect();
    if expected == archived.columns {
        return Ok(());
    }
    Err(ArchiveError::Columns {
        table: table.name().into(),
        expected,
        found: archived.columns.clone(),
    })
}

/// The tenant's rows as the archive would have them.
async fn rows_there<A: Access>(
    tx: &mut CellTx<A>,
    table: &Table,
    archived: &ArchivedTable,
) -> Result<Fingerprint, ArchiveError> {
    let mut there = Fingerprint::default();
    let mut line = Vec::new();
    let mut page = tx.rows_of(table, None, BATCH).await?;
    while let Some(last) = page.last_key(table) {
        for values in &page.rows {
            line.clear();
            // A row that no archive can have is not this one's.
            row::write(&mut line, &archived.columns, values)
                .map_err(|_| occupied(&archived.name))?;
            there.add(&line);
        }
        page = tx.rows_of(table, Some(&last), BATCH).await?;
    }
    Ok(there)
}

async fn load_table(
    cell: &CellDb,
    ctx: &TenantContext<ReadWrite>,
    table: &Table,
    mut lines: Lines,
) -> Result<(), ArchiveError> {
    loop {
        let before = lines.rows();
        let (rows, rest) = next_batch(lines).await?;
        if rows.rows.is_empty() {
            return Ok(());
        }
        lines = rest;
        match insert(cell, ctx, table, &rows).await {
            Err(DbError::Duplicate { .. } | DbError::Constraint { .. }) => {
                load_each(cell, ctx, table, (before, rows)).await?;
            }
            inserted => inserted?,
        }
    }
}

async fn insert(
    cell: &CellDb,
    ctx: &TenantContext<ReadWrite>,
    table: &Table,
    rows: &TableRows,
) -> Result<(), DbError> {
    cell.scope(ctx, async |tx| tx.insert_into(table, rows).await.map(drop))
        .await
}

/// Loads a batch that does not go as a whole row by row, to find the line that is in the way.
async fn load_each(
    cell: &CellDb,
    ctx: &TenantContext<ReadWrite>,
    table: &Table,
    (before, batch): (u64, TableRows),
) -> Result<(), ArchiveError> {
    for (line, row) in (before + 1..).zip(batch.rows) {
        let rows = TableRows {
            columns: batch.columns.clone(),
            rows: vec![row],
        };
        let flaw = match insert(cell, ctx, table, &rows).await {
            Err(DbError::Constraint { broken, .. }) => Flaw::Constraint { broken },
            Err(DbError::Duplicate { .. }) => {
                let count = async |tx: &mut CellTx<ReadOnly>| tx.count_of(table).await;
                let there = cell.scope(&ctx.to_read_only(), count).await?;
                // Otherwise another loader is further than this one.
                if there != line - 1 {
                    return Err(occupied(table.name()));
                }
                Flaw::Repeated
            }
            inserted => {
                inserted?;
                continue;
            }
        };
        return Err(flaw.at_line(&entry_of(table.name()), line));
    }
    Ok(())
}

async fn check_values(
    cell: &CellDb,
    ctx: &TenantContext<ReadOnly>,
    table: &Table,
    mut lines: Lines,
) -> Result<(), ArchiveError> {
    loop {
        let before = lines.rows();
        let (rows, rest) = next_batch(lines).await?;
        if rows.rows.is_empty() {
            return Ok(());
        }
        lines = rest;
        let fit = cell
            .scope(ctx, async |tx| tx.check_rows(table, &rows).await)
            .await;
        fit.map_err(|error| match error {
            DbError::Table {
                table,
                source:
                    TableRefused::Value {
                        row,
                        column,
                        expected,
                    },
            } => ArchiveError::Value {
                table,
                line: before + row as u64 + 1,
                column,
                expected,
            },
            error => error.into(),
        })?;
    }
}

async fn next_batch(mut lines: Lines) -> Result<(TableRows, Lines), ArchiveError> {
    off_the_runtime(move || Ok((lines.batch()?, lines))).await
}

fn occupied(table: &str) -> ArchiveError {
    let table = table.into();
    ArchiveError::Occupied { table }
}

fn sorted<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Box<str>> {
    let mut names: Vec<Box<str>> = names.map(Into::into).collect();
    names.sort();
    names
}
