//! Finding installed programs.

use std::env;
use std::path::PathBuf;

/// The folders of `PATH`, in order.
pub(crate) fn search_path() -> Vec<PathBuf> {
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
