//! The directory of a folder that nobody serves, for what is done to it after a restore.

use std::{fs::File, path::Path};

use tenancy_core::directory::{Directory, DirectoryError, SqliteDirectory};
use tenancy_types::{History, SystemClock};

use super::{OpenError, open};

/// A directory, held as long as this lives: no process can serve its folder.
#[derive(Debug)]
pub struct RestoredDirectory {
    directory: SqliteDirectory,
    _lock: File,
}

impl RestoredDirectory {
    /// Opens the directory of a data folder.
    ///
    /// # Errors
    /// [`OpenError::NoDirectory`] when there is none, [`OpenError::InUse`] while it is served.
    pub async fn open(folder: &Path) -> Result<Self, OpenError> {
        let path = folder.join("directory.db");
        if !path.is_file() {
            return Err(OpenError::NoDirectory { path });
        }
        Ok(Self {
            _lock: open::lock(folder)?,
            directory: SqliteDirectory::open(path, SystemClock).await?,
        })
    }

    /// Which directory it is, and how often it was restored.
    ///
    /// # Errors
    /// The directory's.
    pub async fn history(&self) -> Result<History, DirectoryError> {
        self.directory.history().await
    }

    /// Begins the incarnation behind the `expected` one, and returns it.
    ///
    /// # Errors
    /// The directory's: `IncarnationMismatch` when it has another one.
    pub async fn raise_incarnation(&self, expected: u16) -> Result<u16, DirectoryError> {
        self.directory.raise_incarnation(expected).await
    }
}
