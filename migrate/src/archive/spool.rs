use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use tenancy_core::db::Datum;

use super::{
    ArchiveError, ArchiveManifest, ArchivedTable, CHECKSUM, Flaw, MANIFEST, entry_of,
    manifest::checksum, row,
};

/// The tables' lines one after the other in a file, before their sizes and checksums are known: those stand
/// in the archive before them.
pub(super) struct Spool {
    folder: PathBuf,
    file: BufWriter<File>,
    text: Vec<u8>,
    /// Boxed, since it is large and is moved from one thread to the other with each batch.
    hasher: Box<blake3::Hasher>,
    tables: Vec<ArchivedTable>,
}

impl Spool {
    /// An empty spool in a file without a name: whatever dies, nothing is left of it.
    pub(super) fn create(folder: PathBuf) -> Result<Self, ArchiveError> {
        let file = unnamed(&folder)?;
        Ok(Self {
            folder,
            file: BufWriter::new(file),
            text: Vec::new(),
            hasher: Box::default(),
            tables: Vec::new(),
        })
    }

    /// The rows that follow are of this table.
    pub(super) fn begin_table(&mut self, name: &str, columns: &[String]) {
        self.end_table();
        self.tables.push(ArchivedTable {
            name: name.into(),
            columns: columns.iter().map(|column| (**column).into()).collect(),
            rows: 0,
            bytes: 0,
            blake3: Box::default(),
        });
    }

    pub(super) fn rows(&mut self, rows: &[Vec<Datum>]) -> Result<(), ArchiveError> {
        let table = self.tables.last_mut().expect("a table was begun");
        for values in rows {
            self.text.clear();
            let unfit = |flaw: Flaw| ArchiveError::Unfit {
                table: table.name.clone(),
                flaw,
            };
            row::write(&mut self.text, &table.columns, values).map_err(unfit)?;
            self.hasher.update(&self.text);
            self.file
                .write_all(&self.text)
                .map_err(ArchiveError::file("spool the rows of an archive"))?;
            table.bytes += self.text.len() as u64;
            table.rows += 1;
        }
        Ok(())
    }

    fn end_table(&mut self) {
        if let Some(table) = self.tables.last_mut() {
            table.blake3 = self.hasher.finalize().to_hex().as_str().into();
            self.hasher.reset();
        }
    }

    /// The archive as a file that has no name either, ready to be read from its beginning.
    pub(super) fn into_archive(
        mut self,
        mut manifest: ArchiveManifest,
    ) -> Result<(File, ArchiveManifest), ArchiveError> {
        self.end_table();
        manifest.tables = self.tables;
        let text = manifest.to_text()?;
        let archive = unnamed(&self.folder)?;
        let written = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|spool| write(archive, spool, &text, &manifest.tables));
        let file = written.map_err(ArchiveError::file("write an archive"))?;
        Ok((file, manifest))
    }
}

fn unnamed(folder: &Path) -> Result<File, ArchiveError> {
    tempfile::tempfile_in(folder).map_err(ArchiveError::file("make a file for an archive"))
}

fn write(
    archive: File,
    mut spool: File,
    manifest: &[u8],
    tables: &[ArchivedTable],
) -> io::Result<File> {
    spool.seek(SeekFrom::Start(0))?;
    let mut spool = BufReader::new(spool);
    let mut tar = tar::Builder::new(BufWriter::new(archive));
    append(&mut tar, MANIFEST, manifest.len() as u64, manifest)?;
    let checksum = checksum(manifest);
    append(
        &mut tar,
        CHECKSUM,
        checksum.len() as u64,
        checksum.as_bytes(),
    )?;
    for table in tables {
        let lines = spool.by_ref().take(table.bytes);
        append(&mut tar, &entry_of(&table.name), table.bytes, lines)?;
    }
    let mut file = tar.into_inner()?.into_inner()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

/// The header says nothing but name and size, so that equal rows make equal files.
fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    bytes: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(bytes);
    header.set_mode(0o600);
    tar.append_data(&mut header, name, content)
}
