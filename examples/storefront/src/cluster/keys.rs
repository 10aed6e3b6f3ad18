//! Keys that the processes share, from files that are read again when they have changed.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use tenancy_core::keys::{Keyring, KeyringError, LiveKeyring};

use crate::random;

/// How often is looked whether the file has changed.
const EVERY: Duration = Duration::from_secs(1);

/// Reads a keyring, and reads it again when its file has changed. One that cannot be used any more changes nothing, and the
/// log says why.
///
/// # Errors
/// When it cannot be used at first.
pub fn follow_keys(path: &Path) -> Result<LiveKeyring, KeyringError> {
    let mut seen = changed(path);
    let live = LiveKeyring::new(Keyring::read(path)?);
    let (keys, path) = (live.clone(), path.to_owned());
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(EVERY).await;
            let found = changed(&path);
            if found == seen {
                continue;
            }
            seen = found;
            match Keyring::read(&path) {
                Ok(ring) => keys.replace(ring),
                Err(error) => {
                    tracing::error!(%error, path = %path.display(), "the keys stay as they were");
                }
            }
        }
    });
    Ok(live)
}

/// Makes a file with one key, unless it is there.
///
/// # Errors
/// What the operating system says.
pub fn make_keys(path: &Path, id: &str) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let unfinished = path.with_extension("keys.new");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    writeln!(file, "sign {id} {}", random::hex::<32>())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}
