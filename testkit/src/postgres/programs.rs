//! The installed programs of Postgres.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Database;
use crate::Error;
use crate::program;
use crate::server_user::ServerUser;

/// The oldest major version that the tests are written for.
const OLDEST: u32 = 15;

const NEEDED: [&str; 4] = ["initdb", "pg_ctl", "postgres", "createdb"];

/// A folder with the server and its tools.
#[derive(Debug)]
pub(super) struct Programs {
    folder: PathBuf,
    /// What `postgres --version` says.
    version: String,
}

impl Programs {
    /// The first complete installation that is new enough: from `PATH`, then where the packages of
    /// Debian and its kin put it, newest first.
    pub(super) fn find() -> Result<Self, Error> {
        let mut packaged = packaged_folders();
        packaged.sort_by_key(|folder| std::cmp::Reverse(version_in_path(folder)));
        on_path()
            .into_iter()
            .chain(packaged)
            .filter_map(Self::at)
            .find(|programs| major(&programs.version).is_some_and(|major| major >= OLDEST))
            .ok_or(Error::Missing {
                what: "Postgres 15 or newer",
                how: "apt-get install postgresql",
            })
    }

    fn at(folder: PathBuf) -> Option<Self> {
        if !NEEDED.iter().all(|name| folder.join(name).is_file()) {
            return None;
        }
        let answer = Command::new(folder.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let version = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
        Some(Self { folder, version })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    /// Makes an empty data folder.
    pub(super) fn init(
        &self,
        data: &Path,
        arguments: &[&str],
        user: ServerUser,
    ) -> Result<(), Error> {
        let mut command = Command::new(self.folder.join("initdb"));
        user.apply(&mut command).arg("-D").arg(data).args(arguments);
        run("initdb", command)
    }

    /// Makes an empty database in a running cluster.
    pub(super) fn create(&self, database: &Database) -> Result<(), Error> {
        let mut command = Command::new(self.folder.join("createdb"));
        command
            .arg("--host")
            .arg(&database.socket_dir)
            .args(["--port", &database.port.to_string()])
            .args(["--username", database.user, "--no-password"])
            .args(["--maintenance-db", "postgres", &database.name]);
        run("createdb", command)
    }
}

/// Runs to the end; the caller's own `PG…` variables must not lead it to another server.
fn run(what: &'static str, mut command: Command) -> Result<(), Error> {
    for (name, _) in env::vars_os().filter(|(name, _)| is_libpq(name)) {
        command.env_remove(name);
    }
    let output = command.output().map_err(Error::io(format!("run {what}")))?;
    if output.status.success() {
        return Ok(());
    }
    let report = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Failed { what, report })
}

fn is_libpq(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"PG")
}

/// The folder of the real `pg_ctl`, behind any link.
fn on_path() -> Option<PathBuf> {
    let pg_ctl = program::find(&["pg_ctl"])?.canonicalize().ok()?;
    pg_ctl.parent().map(Path::to_owned)
}

fn packaged_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect()
}

/// 15 from `/usr/lib/postgresql/15/bin`.
fn version_in_path(folder: &Path) -> Option<u32> {
    folder.parent()?.file_name()?.to_str()?.parse().ok()
}

/// 15 from `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits = number.split(|sign: char| !sign.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major;

    #[track_caller]
    fn check(version: &str, expect: Option<u32>) {
        assert_eq!(major(version), expect, "{version}");
    }

    #[test]
    fn the_major_version_is_read_from_every_form() {
        check(
            "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
            Some(15),
        );
        check("postgres (PostgreSQL) 18beta2", Some(18));
        check("postgres (PostgreSQL) 9.6.24", Some(9));
        check("postgres", None);
        check("", None);
    }
}
