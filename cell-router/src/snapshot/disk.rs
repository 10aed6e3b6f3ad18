//! What is done to a folder, so that tests can let each step fail.

use std::{
    fmt,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use tenancy_types::{Clock, SystemClock};

/// A flat folder.
pub(crate) trait Disk: fmt::Debug + Send + Sync + 'static {
    /// A file that is being written.
    type File: fmt::Debug + Write + Send + Sync;

    /// The names of the files.
    fn names(&self) -> io::Result<Vec<String>>;
    fn open(&self, name: &str) -> io::Result<impl Read>;
    /// How long ago the file was written to; none when that is in the future, as the clock was set back.
    fn age(&self, name: &str) -> io::Result<Option<Duration>>;
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

    /// Files outlive processes, so this is the one place that needs the clock on the wall.
    fn age(&self, name: &str) -> io::Result<Option<Duration>> {
        let written = fs::metadata(self.0.join(name))?.modified()?;
        let now = u64::try_from(SystemClock.unix().get()).unwrap_or(0);
        let now = SystemTime::UNIX_EPOCH + Duration::from_micros(now);
        Ok(now.duration_since(written).ok())
    }

    fn create(&self, name: &str) -> io::Result<File> {
        private_folder().create(&self.0)?;
        private_file().open(self.0.join(name))
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

/// Names of tenants are nobody else's business.
fn private_folder() -> DirBuilder {
    let mut folder = DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
}

fn private_file() -> OpenOptions {
    let mut file = File::options();
    file.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut file, 0o600);
    file
}
