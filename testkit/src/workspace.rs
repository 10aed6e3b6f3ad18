//! The folder in which all servers of one user live.

use std::env;
use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sys::statvfs::statvfs;

use crate::Error;
use crate::server_user::ServerUser;

/// Memory that must be free for servers to live in it.
const ENOUGH_MEMORY: u64 = 1 << 30;

/// `tenancy-testkit-UID` in memory where there is enough, else among the temporary files. Closed to
/// everybody but its owner, since its servers ask for no password.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    path: PathBuf,
}

impl Workspace {
    /// Makes the folder unless it is there.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignFolder`] when somebody else made it first.
    pub(crate) fn open(user: ServerUser) -> Result<Self, Error> {
        let path = base().join(format!("tenancy-testkit-{}", user.uid()));
        // Made by the user itself, so that it belongs to it from the first moment.
        let made = user
            .apply(&mut Command::new("mkdir"))
            .args(["-p", "-m", "700"])
            .arg(&path)
            .output()
            .map_err(Error::io("run mkdir"))?;
        if !made.status.success() {
            return Err(Error::Failed {
                what: "mkdir",
                report: String::from_utf8_lossy(&made.stderr).trim().to_owned(),
            });
        }
        check_owner(&path, user)?;
        Ok(Self { path })
    }

    /// A name in this folder that no other server has, now or in another process.
    pub(crate) fn unique(&self, kind: &str) -> PathBuf {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Containers have the same process ids, and may share the folder.
        let others = RandomState::new().build_hasher().finish() as u32;
        self.path
            .join(format!("{kind}-{}-{number}-{others:08x}", process::id()))
    }

    /// The path of `name` in this folder.
    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Keeps other processes out of the same step until the answer is dropped.
    pub(crate) fn lock(&self) -> Result<File, Error> {
        let folder = File::open(&self.path).map_err(Error::io("open the servers' folder"))?;
        folder
            .lock()
            .map_err(Error::io("lock the servers' folder"))?;
        Ok(folder)
    }
}

/// A folder that this user may enter and not list, made where it is missing.
pub(crate) fn let_in(folder: &Path, user: ServerUser) -> Result<(), Error> {
    let failed = Error::io("let a server into a folder");
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.and_then(|()| user.let_in(folder)).map_err(failed)
}

/// A folder for a server of this user's alone, made where it is missing. Its absolute path.
pub(crate) fn own_folder(folder: &Path, user: ServerUser) -> Result<PathBuf, Error> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(Error::io("make a server's folder"))?;
    user.give(folder)
        .map_err(Error::io("give a server's folder to its user"))?;
    check_owner(folder, user)?;
    let folder = folder.canonicalize();
    folder.map_err(Error::io("find a server's folder"))
}

/// Where temporary servers are fastest.
fn base() -> PathBuf {
    let memory = Path::new("/dev/shm");
    let free = statvfs(memory).map_or(0, |facts| facts.blocks_available() * facts.fragment_size());
    if free >= ENOUGH_MEMORY {
        memory.to_owned()
    } else {
        env::temp_dir()
    }
}

fn check_owner(path: &Path, user: ServerUser) -> Result<(), Error> {
    let facts = fs::symlink_metadata(path).map_err(Error::io("look at the servers' folder"))?;
    let is_private = facts.is_dir() && facts.permissions().mode() & 0o077 == 0;
    if facts.uid() != user.uid() || !is_private {
        return Err(Error::ForeignFolder {
            path: path.to_owned(),
            owner: facts.uid(),
            expected: user.uid(),
        });
    }
    Ok(())
}
