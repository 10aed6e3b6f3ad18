use std::path::{Path, PathBuf};

use super::{Guards, disk::RealDisk, keeper::Keeper};

/// A folder where a process keeps its routes over restarts. It is the process's own: two must not share one.
///
/// It takes about 45 bytes for a tenant with a plan and one domain, times the bases that are kept.
#[derive(Clone, Debug)]
pub struct SnapshotFolder {
    path: PathBuf,
    keep: usize,
}

impl SnapshotFolder {
    /// A folder. It is made when something is written to it.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            keep: 3,
        }
    }

    /// Sets how many bases are kept, at least 1: the older ones are for when the newest cannot be read. By default 3.
    #[must_use]
    pub fn with_keep(mut self, bases: usize) -> Self {
        self.keep = bases;
        self
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keeper(&self, guards: Guards) -> Keeper<RealDisk> {
        Keeper::new(RealDisk(self.path.clone()), self.keep, guards)
    }
}
