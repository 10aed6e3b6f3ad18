//! Who has the folder of a cluster that stays.
//!
//! Two locks, since two things live for different times: the process that wants the cluster, and the supervisor that
//! still stops it when that process was killed. While the first lives, another is refused. While only the second does,
//! it is waited for, or it would stop the next one's cluster in the place of its own.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::Error;

/// Between two looks at a supervisor that is ending.
const PAUSE: Duration = Duration::from_millis(20);

/// For two minutes: a start that recovers takes one at most, and so does the stop after it.
const LOOKS: u32 = 6000;

/// The lock of this process, and that of the supervisor, for it to inherit.
pub(super) fn take(folder: &Path) -> Result<(File, File), Error> {
    let owner = file(&folder.join("owner.lock"))?;
    if !locked(&owner)? {
        return Err(failed("another process has it", folder));
    }
    let supervisor = file(&folder.join("supervisor.lock"))?;
    for _ in 0..LOOKS {
        if locked(&supervisor)? {
            return Ok((owner, supervisor));
        }
        thread::park_timeout(PAUSE);
    }
    Err(failed("a killed process's server does not end in", folder))
}

fn file(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create(true).truncate(false).open(path);
    opened.map_err(Error::io("open the lock of a server's folder"))
}

fn locked(file: &File) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(source)) => Err(Error::io("lock a server's folder")(source)),
    }
}

fn failed(why: &str, folder: &Path) -> Error {
    Error::Failed {
        what: "Postgres",
        report: format!("{why}: {}", folder.display()),
    }
}
