use std::io::{BufRead, Read as _};

use tenancy_core::db::{Datum, TableRows};

use super::{
    ArchiveError, ArchivedTable, BATCH, BATCH_BYTES, Flaw, MAX_LINE, clip::clip, entry_of,
    fingerprint::Fingerprint, row,
};

/// Reads a table's lines and checks them against what the manifest says of them.
pub(super) struct TableReader<R> {
    table: ArchivedTable,
    reader: R,
    /// Boxed, since it is large and is moved from one thread to the other with each batch.
    hasher: Box<blake3::Hasher>,
    line: Vec<u8>,
    rows: u64,
    bytes: u64,
}

impl<R: BufRead> TableReader<R> {
    pub(super) fn new(table: ArchivedTable, reader: R) -> Self {
        Self {
            table,
            reader,
            hasher: Box::default(),
            line: Vec::new(),
            rows: 0,
            bytes: 0,
        }
    }

    /// The next row; `None` behind the last one, and then the table is as it was written.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Datum>>, ArchiveError> {
        self.line.clear();
        let limit = MAX_LINE as u64 + 1;
        self.reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.line)
            .map_err(|error| self.flawed(not_tar(&error)))?;
        if self.line.is_empty() {
            return self.check().map(|()| None);
        }
        self.rows += 1;
        self.bytes += self.line.len() as u64;
        self.hasher.update(&self.line);
        if self.line.len() > MAX_LINE {
            let limit = MAX_LINE as u64;
            return Err(self.flawed(Flaw::TooLong { limit }));
        }
        if self.line.last() != Some(&b'\n') {
            return Err(self.flawed(Flaw::Unended));
        }
        row::read(&self.line, &self.table.columns)
            .map(Some)
            .map_err(|flaw| self.flawed(flaw))
    }

    /// Some rows; none behind the last one.
    pub(super) fn batch(&mut self) -> Result<TableRows, ArchiveError> {
        let columns = self.table.columns.iter();
        let columns = columns.map(ToString::to_string).collect();
        let mut rows = Vec::new();
        let full = self.bytes + BATCH_BYTES;
        while rows.len() < BATCH.get() as usize && self.bytes < full {
            let Some(row) = self.next()? else { break };
            rows.push(row);
        }
        Ok(TableRows { columns, rows })
    }

    /// How many rows have been read.
    pub(super) const fn rows(&self) -> u64 {
        self.rows
    }

    /// Leaves out the first rows, and says what they were.
    pub(super) fn skip(&mut self, rows: u64) -> Result<Fingerprint, ArchiveError> {
        let mut skipped = Fingerprint::default();
        let mut line = Vec::new();
        while skipped.rows < rows
            && let Some(values) = self.next()?
        {
            // Not the line that was read: what it says may be written in more than one way.
            line.clear();
            row::write(&mut line, &self.table.columns, &values)
                .map_err(|flaw| self.flawed(flaw))?;
            skipped.add(&line);
        }
        Ok(skipped)
    }

    /// At the end: all that there should be has been read, and it was what had been written.
    fn check(&self) -> Result<(), ArchiveError> {
        let (expected, found) = (self.table.bytes, self.bytes);
        if expected != found {
            return Err(self.flawed(Flaw::Size { expected, found }));
        }
        let (expected, found) = (self.table.rows, self.rows);
        if expected != found {
            return Err(self.flawed(Flaw::Rows { expected, found }));
        }
        if *self.hasher.finalize().to_hex() != *self.table.blake3 {
            return Err(Flaw::Checksum.at(&entry_of(&self.table.name)));
        }
        Ok(())
    }

    fn flawed(&self, flaw: Flaw) -> ArchiveError {
        flaw.at_line(&entry_of(&self.table.name), self.rows)
    }
}

/// What the tar reader says of a file that it does not understand, or cannot read.
pub(super) fn not_tar(error: &std::io::Error) -> Flaw {
    let reason = clip(&error.to_string());
    Flaw::NotTar { reason }
}
