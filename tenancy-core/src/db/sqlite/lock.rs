use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write as _,
    path::{Path, PathBuf},
    process,
};

use crate::db::OpenError;

/// The right of one process to one cell file.
///
/// The lock belongs to the open file, so the system lifts it however the process ends. The file beside the
/// cell's stays; what counts is the lock, and the text in it only tells a person who has it.
#[derive(Debug)]
pub(super) struct CellLock(#[expect(dead_code, reason = "holding it open is the lock")] File);

impl CellLock {
    pub(super) fn take(cell: &Path) -> Result<Self, OpenError> {
        let mut name = cell.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let io = |source| OpenError::Lock {
            path: path.clone(),
            source,
        };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: cell.to_owned(),
                    holder: holder(&path),
                });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        file.set_len(0)
            .and_then(|()| write!(file, "process {}", process::id()))
            .map_err(io)?;
        Ok(Self(file))
    }
}

fn holder(path: &Path) -> Box<str> {
    match fs::read_to_string(path) {
        Ok(text) if !text.is_empty() => text.into(),
        _ => "a process that has not said its name".into(),
    }
}
