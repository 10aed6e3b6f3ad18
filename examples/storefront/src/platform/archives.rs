//! Archives on their way into a shop: files of the data folder, there until their rows are loaded.
//!
//! A file belongs to one workflow, whose journal names it. What no unfinished workflow names is removed.

use std::{
    fmt,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use tenancy_migrate::{Archive, ArchiveError, Flaw, Journal, JournalError};
use tenancy_types::CellId;
use tokio::io::AsyncWriteExt;

use super::{OpenError, rehearsal::rehearse};
use crate::{random, shop::schema};

/// The name of an archive that a workflow loads: letters and digits that say nothing of the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveName(Box<str>);

/// A text that names no archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an archive's name has 32 hexadecimal digits")]
pub struct InvalidArchiveName;

impl ArchiveName {
    /// The name for whoever repeats the request of this hash: the same one each time.
    #[must_use]
    pub fn of(request: blake3::Hash) -> Self {
        Self(request.to_hex()[..32].into())
    }

    /// A name that nobody has had.
    #[must_use]
    pub fn random() -> Self {
        Self(random::hex::<16>().into())
    }
}

impl FromStr for ArchiveName {
    type Err = InvalidArchiveName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Self(text.into())).ok_or(InvalidArchiveName)
    }
}

impl fmt::Display for ArchiveName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder of archives.
#[derive(Clone, Debug)]
pub struct Archives {
    folder: PathBuf,
}

impl Archives {
    /// The folder in the data folder, which is made where it is missing.
    pub(super) fn open(data: &Path) -> Result<Self, OpenError> {
        let folder = data.join("archives");
        let made = DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        match made {
            Ok(()) => Ok(Self { folder }),
            Err(source) => Err(OpenError::Folder {
                path: folder,
                source,
            }),
        }
    }

    /// The folder of a process of a cell, for archives while they are loaded. What is left there from before is removed.
    ///
    /// # Errors
    /// [`OpenError::Folder`].
    pub fn of_cell(data: &Path, cell: CellId) -> Result<Self, OpenError> {
        let archives = Self::open(&data.join("arriving").join(cell.to_string()))?;
        let left = fs::read_dir(&archives.folder).map_err(|source| OpenError::Folder {
            path: archives.folder.clone(),
            source,
        })?;
        for file in left.flatten() {
            remove(&file.path());
        }
        Ok(archives)
    }

    /// An empty file for an archive that arrives.
    ///
    /// # Errors
    /// [`ArchiveError::File`].
    pub async fn arrival(&self) -> Result<Arrival, ArchiveError> {
        let path = self.folder.join(format!("{}.part", random::hex::<16>()));
        let file = tokio::fs::File::create_new(&path).await;
        let file = file.map_err(not_written)?;
        Ok(Arrival {
            file,
            arrived: Arrived { path },
        })
    }

    /// Keeps an archive for the workflow that names it, durably.
    ///
    /// # Errors
    /// [`ArchiveError::File`].
    pub(super) async fn keep(
        &self,
        arrived: Arrived,
        name: &ArchiveName,
    ) -> Result<(), ArchiveError> {
        let (to, folder) = (self.path(name), self.folder.clone());
        let kept = tokio::task::spawn_blocking(move || {
            fs::rename(&arrived.path, to)?;
            File::open(folder)?.sync_all()
        });
        kept.await
            .expect("renaming a file does not panic")
            .map_err(not_written)
    }

    /// Loads an archive into a cell of its own, which is removed then, and so finds out whether it can be loaded
    /// at all. It needs as much room in the data folder as the shop will.
    ///
    /// # Errors
    /// [`ArchiveError::Invalid`] names the table and the line that is in the way, and other verdicts the table;
    /// [`ArchiveError::File`] and [`ArchiveError::Database`] leave it open.
    ///
    /// # Cancel safety
    /// Nothing is left.
    pub async fn rehearse(&self, archive: &Archive) -> Result<(), ArchiveError> {
        // Boxed, since it has the whole load in it.
        Box::pin(rehearse(archive, &self.folder)).await
    }

    /// Removes an archive that nobody needs any more. One that cannot be removed now is at the next start.
    pub(super) fn remove(&self, name: &ArchiveName) {
        remove(&self.path(name));
    }

    /// Removes all files but those that unfinished workflows of these journals name. Nothing must arrive
    /// meanwhile.
    pub(super) async fn sweep(&self, journals: [&impl Journal; 2]) -> Result<(), SweepError> {
        let mut named = Vec::new();
        for journal in journals {
            for key in journal.unfinished().await? {
                named.extend(journal.entries(&key).await?.into_iter().next());
            }
        }
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            let name = path.file_stem().and_then(|name| name.to_str());
            let is_named = |name| named.iter().any(|entry| entry.text.contains(name));
            if !name.is_some_and(is_named) {
                remove(&path);
            }
        }
        Ok(())
    }

    /// The file of a kept archive.
    pub(super) fn path(&self, name: &ArchiveName) -> PathBuf {
        self.folder.join(format!("{name}.tar"))
    }
}

/// Why it is not known which archives are needed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SweepError {
    /// A journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The folder cannot be read.
    #[error("list the archives")]
    Folder(#[from] io::Error),
}

/// An archive that arrives.
#[derive(Debug)]
pub struct Arrival {
    file: tokio::fs::File,
    arrived: Arrived,
}

impl Arrival {
    /// Adds bytes.
    ///
    /// # Errors
    /// [`ArchiveError::File`].
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), ArchiveError> {
        self.file.write_all(bytes).await.map_err(not_written)
    }

    /// All bytes are there: makes them durable.
    ///
    /// # Errors
    /// [`ArchiveError::File`].
    pub async fn finish(mut self) -> Result<Arrived, ArchiveError> {
        self.file.flush().await.map_err(not_written)?;
        self.file.sync_all().await.map_err(not_written)?;
        Ok(self.arrived)
    }
}

/// An archive that has arrived, which is removed unless a workflow keeps it.
#[derive(Debug)]
pub struct Arrived {
    path: PathBuf,
}

impl Arrived {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all of it and says what it is.
    ///
    /// # Errors
    /// [`ArchiveError::Invalid`] unless it is an archive, whole, of one shop; [`ArchiveError::SchemaVersion`] when this
    /// program cannot load it; [`ArchiveError::File`].
    pub async fn open(&self) -> Result<Archive, ArchiveError> {
        open(&self.path).await
    }
}

/// Opens an archive of this program's schema that has one shop.
pub(super) async fn open(path: &Path) -> Result<Archive, ArchiveError> {
    let archive = Archive::open(path).await?;
    let (expected, found) = (schema::newest(), archive.manifest().schema_version);
    if found != expected {
        return Err(ArchiveError::SchemaVersion { expected, found });
    }
    let mut tables = archive.manifest().tables.iter();
    match tables.find(|table| &*table.name == "shop") {
        Some(shop) if shop.rows != 1 => Err(ArchiveError::Invalid {
            entry: "tables/shop.jsonl".into(),
            line: None,
            flaw: Flaw::Rows {
                expected: 1,
                found: shop.rows,
            },
        }),
        _ => Ok(archive),
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn not_written(source: io::Error) -> ArchiveError {
    ArchiveError::File {
        doing: "write an archive",
        source,
    }
}

fn remove(path: &Path) {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::error!(%error, path = %path.display(), "archive could not be removed");
        }
        _ => {}
    }
}
