//! What is done to a folder, so that tests can let each step fail.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read, Write},
    path::PathBuf,
};

/// A flat folder.
pub(crate) trait Disk: fmt::Debug + Send + Sync + 'static {
    /// A file that is being written.
    type File: fmt::Debug + Write + Send + Sync;

    /// The names of the files.
    fn names(&self) -> io::Result<Vec<String>>;
    fn open(&self, name: &str) -> io::Result<impl Read>;
    /// Makes a file that must not be there.
    fn create(&self, name: &str) -> io::Result<Self::File>;
    /// Returns when the file's content will outlive the power.
    fn sync(&self, file: &Self::File) -> io::Result<()>;
    /// The same of a file that another process may have written.
    fn sync_named(&self, name: &str) -> io::Result<()>;
    /// Returns when the folder's names will outlive the power.
    fn sync_names(&self) -> io::Result<()>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn remove(&self, name: &str) -> io::Result<()>;
}

/// A folder of the file system. It is made when it is first written to.
#[derive(Clone, Debug)]
pub(crate) struct RealDisk(pub(super) PathBuf);

impl Disk for RealDisk {
    type File = File;

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        // What is not UTF-8 is none of ours.
        let names = entries.filter_map(|entry| match entry {
            Ok(entry) => entry.file_name().into_string().ok().map(Ok),
            Err(error) => Some(Err(error)),
        });
        names.collect()
    }

    fn open(&self, name: &str) -> io::Result<impl Read> {
        File::open(self.0.join(name))
    }

    fn create(&self, name: &str) -> io::Result<File> {
        fs::create_dir_all(&self.0)?;
        File::create_new(self.0.join(name))
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    /// Some systems bring only what can be written to the disk.
    fn sync_named(&self, name: &str) -> io::Result<()> {
        let file = File::options().append(true).open(self.0.join(name))?;
        file.sync_all()
    }

    /// Elsewhere than on Unix a folder cannot be opened; there the file system must see to its names.
    fn sync_names(&self) -> io::Result<()> {
        if cfg!(unix) {
            File::open(&self.0)?.sync_all()?;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.0.join(from), self.0.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }
}
