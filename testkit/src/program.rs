//! Finding and running installed programs.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

/// Where packages put servers. Not every user has these in `PATH`.
const SERVERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The folders of `PATH`, in order.
fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map_or_else(Vec::new, |path| env::split_paths(&path).collect())
}

/// The first of `names` that some folder of `PATH` holds.
pub(crate) fn find(names: &[&str]) -> Option<PathBuf> {
    let folders = search_path();
    names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|program| program.is_file())
}

/// The program `name` in `PATH`, or where packages put servers.
pub(crate) fn find_server(name: &str) -> Option<PathBuf> {
    find(&[name]).or_else(|| {
        SERVERS
            .iter()
            .map(|folder| PathBuf::from(folder).join(name))
            .find(|program| program.is_file())
    })
}

/// Takes the caller's own `PG…` variables away, which would lead a program of Postgres to another
/// server.
pub(crate) fn without_libpq(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os().filter(|(name, _)| is_libpq(name)) {
        command.env_remove(name);
    }
    command
}

fn is_libpq(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"PG")
}
