use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{
    ArchiveError, ArchiveManifest, ArchivedTable, CHECKSUM, Flaw, MANIFEST, MAX_MANIFEST,
    clip::clip,
    entry_of,
    manifest::{CHECKSUM_BYTES, checksum, flawed},
    off_the_runtime,
    table::{TableReader, not_tar},
};

/// An archive in a file, all of which has been read and found to be as it was written.
#[derive(Clone, Debug)]
pub struct Archive {
    path: PathBuf,
    manifest: ArchiveManifest,
    /// Where each table's lines begin in the file.
    offsets: Vec<u64>,
}

impl Archive {
    /// Opens a file and reads all of it: its entries, sizes and checksums, and every row.
    ///
    /// # Errors
    /// [`ArchiveError::Missing`]; [`ArchiveError::Invalid`] says what is wrong and where, also of a line that is
    /// longer than 8 MiB; [`ArchiveError::File`].
    ///
    /// # Cancel safety
    /// Nothing is changed anywhere.
    pub async fn open(path: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let path = path.into();
        off_the_runtime(move || Self::read(path)).await
    }

    /// What the archive says of itself.
    #[must_use]
    pub const fn manifest(&self) -> &ArchiveManifest {
        &self.manifest
    }

    /// The tables, and where their lines begin.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&ArchivedTable, u64)> {
        self.manifest
            .tables
            .iter()
            .zip(self.offsets.iter().copied())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn read(path: PathBuf) -> Result<Self, ArchiveError> {
        let file = File::open(&path).map_err(not_opened)?;
        let length = file.metadata();
        let length = length
            .map_err(ArchiveError::file("ask how long an archive is"))?
            .len();
        let mut tar = tar::Archive::new(BufReader::new(file));
        // Raw: the extensions of tar, such as long names, are entries like any other then, and not ours.
        let entries = tar.entries().map_err(|error| flawed(not_tar(&error)))?;
        let mut entries = Entries(entries.raw(true));
        let manifest = entries.manifest(length)?;
        let mut offsets = Vec::with_capacity(manifest.tables.len());
        for table in &manifest.tables {
            offsets.push(entries.table(table)?);
        }
        entries.end()?;
        Ok(Self {
            path,
            manifest,
            offsets,
        })
    }
}

fn not_opened(error: io::Error) -> ArchiveError {
    match error.kind() {
        io::ErrorKind::NotFound => ArchiveError::Missing,
        _ => ArchiveError::file("open an archive")(error),
    }
}

/// The entries, each of which must be the one that comes next.
struct Entries<'a, R: Read>(tar::Entries<'a, R>);

impl<'a, R: Read> Entries<'a, R> {
    fn next(&mut self, name: &str) -> Result<tar::Entry<'a, R>, ArchiveError> {
        let entry = self.0.next().ok_or_else(|| Flaw::Missing.at(name))?;
        let entry = entry.map_err(|error| not_tar(&error).at(name))?;
        let found = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if found != name {
            let found = clip(&found);
            return Err(Flaw::Misplaced { found }.at(name));
        }
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(Flaw::NotAFile.at(name));
        }
        Ok(entry)
    }

    /// A whole entry of at most so many bytes.
    fn content(&mut self, name: &str, limit: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut entry = self.next(name)?;
        let expected = entry.size();
        if expected > limit {
            return Err(Flaw::TooLong { limit }.at(name));
        }
        let mut content = Vec::new();
        let read = entry.read_to_end(&mut content);
        read.map_err(|error| not_tar(&error).at(name))?;
        let found = content.len() as u64;
        if found != expected {
            return Err(Flaw::Size { expected, found }.at(name));
        }
        Ok(content)
    }

    /// The manifest of a file that is so many bytes long.
    fn manifest(&mut self, length: u64) -> Result<ArchiveManifest, ArchiveError> {
        let text = self.content(MANIFEST, MAX_MANIFEST)?;
        let written = self.content(CHECKSUM, CHECKSUM_BYTES)?;
        if written != checksum(&text).as_bytes() {
            return Err(flawed(Flaw::Checksum));
        }
        let manifest = ArchiveManifest::from_text(&text).map_err(flawed)?;
        let expected = manifest.file_bytes(text.len() as u64).unwrap_or(u64::MAX);
        if expected != length {
            let found = length;
            return Err(Flaw::Size { expected, found }.at("the whole file"));
        }
        Ok(manifest)
    }

    /// Reads a table to its end and says where it begins.
    fn table(&mut self, table: &ArchivedTable) -> Result<u64, ArchiveError> {
        let name = entry_of(&table.name);
        let entry = self.next(&name)?;
        let (expected, found) = (table.bytes, entry.size());
        if expected != found {
            return Err(Flaw::Size { expected, found }.at(&name));
        }
        let offset = entry.raw_file_position();
        let mut rows = TableReader::new(table.clone(), BufReader::new(entry));
        while rows.next()?.is_some() {}
        Ok(offset)
    }

    fn end(&mut self) -> Result<(), ArchiveError> {
        match self.0.next() {
            None => Ok(()),
            Some(_) => Err(Flaw::Trailing.at("the last entry")),
        }
    }
}
