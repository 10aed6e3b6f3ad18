//! Data folders: the prepared one that every cluster of a test starts as a copy of, and those that stay.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::programs::Programs;
use crate::Error;
use crate::server_user::ServerUser;
use crate::workspace::Workspace;

/// No password, since only the owner of the folder reaches the socket; small log segments, since
/// the folder is copied for each cluster; one sort order on every machine.
const INIT: [&str; 7] = [
    "--username=postgres",
    "--auth=trust",
    "--no-sync",
    "--no-instructions",
    "--locale=C.UTF-8",
    "--encoding=UTF8",
    "--wal-segsize=1",
];

/// The same for data that stays: forced to the disk, and with log segments of the usual size.
const INIT_KEPT: [&str; 5] = [
    "--username=postgres",
    "--auth=trust",
    "--no-instructions",
    "--locale=C.UTF-8",
    "--encoding=UTF8",
];

/// Everything else is as Postgres has it, and so safe.
const SETTINGS_KEPT: &str = "
listen_addresses = ''
unix_socket_directories = '..'
port = 5432
";

/// Fast, and able to replicate. Nothing is forced to the disk, so a machine that loses its power loses
/// data; a commit that was answered is with the operating system, so a crash of the server does not.
const SETTINGS: &str = "
listen_addresses = ''
# Beside the data folder: a copy needs no setting of its own, and a replica copies no socket.
unix_socket_directories = '..'
port = 5432
max_connections = 200
shared_buffers = 32MB
fsync = off
full_page_writes = off
wal_level = logical
max_wal_senders = 10
max_replication_slots = 10
max_prepared_transactions = 4
min_wal_size = 2MB
max_wal_size = 64MB
jit = off
";

/// The data folder of a cluster that was never started: made once for each machine, server version
/// and text of settings, which takes seconds where a copy takes a fifth of one.
pub(super) fn prepare(
    programs: &Programs,
    workspace: &Workspace,
    user: ServerUser,
) -> Result<PathBuf, Error> {
    let path = workspace.join(&format!("template-{:016x}", key(programs)));
    let _lock = workspace.lock()?;
    if !path.exists() {
        make(programs, &path, user, (&INIT, SETTINGS))?;
    }
    Ok(path)
}

/// The data of a cluster that stays, in this folder of the server's user; made where it is missing.
pub(super) fn keep(programs: &Programs, folder: &Path, user: ServerUser) -> Result<(), Error> {
    let data = folder.join("data");
    if data.exists() {
        return Ok(());
    }
    make(programs, &data, user, (&INIT_KEPT, SETTINGS_KEPT))
}

/// Made aside and renamed, so that a data folder is whole or not there.
fn make(
    programs: &Programs,
    path: &Path,
    user: ServerUser,
    (init, settings): (&[&str], &str),
) -> Result<(), Error> {
    let unfinished = path.with_extension("unfinished");
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished).map_err(Error::io("remove an unfinished data folder"))?;
    }
    programs.init(&unfinished, init, user)?;
    OpenOptions::new()
        .append(true)
        .open(unfinished.join("postgresql.conf"))
        .and_then(|mut file| {
            file.write_all(settings.as_bytes())?;
            file.sync_all()
        })
        .map_err(Error::io("write postgresql.conf"))?;
    fs::rename(&unfinished, path).map_err(Error::io("finish a data folder"))
}

/// Another toolchain may hash differently; that only makes a second template.
fn key(programs: &Programs) -> u64 {
    let mut hasher = DefaultHasher::new();
    (programs.folder(), programs.version(), INIT, SETTINGS).hash(&mut hasher);
    hasher.finish()
}
