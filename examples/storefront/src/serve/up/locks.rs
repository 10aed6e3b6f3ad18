//! Waiting for processes of a platform that was killed: they end by themselves when they notice, and have files until then.

use std::{
    fs::{self, File, TryLockError},
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep};

/// How long others may take to end. Who has the files then is no child of a platform that was killed.
const PATIENCE: Duration = Duration::from_secs(5);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Returns when nobody has locked a file of the folder any more, or does not give it up.
pub(super) async fn until_free(folder: &Path) {
    let start = Instant::now();
    while has_locked_file(folder) && start.elapsed() < PATIENCE {
        sleep(BETWEEN_LOOKS).await;
    }
}

fn has_locked_file(folder: &Path) -> bool {
    let Ok(files) = fs::read_dir(folder) else {
        return false;
    };
    let mut paths = files.flatten().map(|file| file.path());
    paths.any(|path| is_lock(&path) && is_locked(&path))
}

fn is_lock(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name == "lock" || name.ends_with(".lock"))
}

fn is_locked(path: &Path) -> bool {
    let locked = File::open(path).map(|file| file.try_lock());
    matches!(locked, Ok(Err(TryLockError::WouldBlock)))
}
