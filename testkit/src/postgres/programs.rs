//! The installed programs of Postgres.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::psql::{Psql, use_libraries};
use crate::Error;
use crate::program;
use crate::server_user::ServerUser;

/// The oldest major version that the tests are written for.
const OLDEST: u32 = 15;

const NEEDED: [&str; 6] = [
    "initdb",
    "pg_ctl",
    "postgres",
    "psql",
    "pg_basebackup",
    "pg_isready",
];

/// Names a folder of programs, to run the tests with another server than the system's.
const CHOSEN: &str = "TENANCY_TEST_POSTGRES";

/// A folder with the server and its tools.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// For a server that is not installed where the system's linker looks.
    libraries: Option<PathBuf>,
    /// What `postgres --version` says.
    version: String,
}

impl Programs {
    /// The installation that the environment chooses, else the first one of the system.
    pub(super) fn find(user: ServerUser) -> Result<Self, Error> {
        match env::var_os(CHOSEN) {
            Some(folder) => Self::chosen(Path::new(&folder), user),
            None => Self::installed(user),
        }
    }

    fn chosen(folder: &Path, user: ServerUser) -> Result<Self, Error> {
        let unusable = |why: String| Error::Unusable {
            variable: CHOSEN,
            path: folder.to_owned(),
            why,
        };
        // Servers run in another folder, which a relative path would not survive.
        let found = folder
            .canonicalize()
            .map_err(|error| unusable(error.to_string()))?;
        let libraries = Some(found.with_file_name("lib")).filter(|folder| folder.is_dir());
        let programs = Self::at(found, libraries, user).map_err(unusable)?;
        if programs.is_new_enough() {
            return Ok(programs);
        }
        Err(unusable(format!(
            "it has {}, and the tests need {OLDEST} or newer",
            programs.version
        )))
    }

    /// The first complete installation that is new enough: from `PATH`, then where the packages of
    /// Debian and its kin put it, newest first.
    fn installed(user: ServerUser) -> Result<Self, Error> {
        let mut packaged = packaged_folders();
        packaged.sort_by_key(|folder| std::cmp::Reverse(version_in_path(folder)));
        on_path()
            .into_iter()
            .chain(packaged)
            .filter_map(|folder| Self::at(folder, None, user).ok())
            .find(Self::is_new_enough)
            .ok_or(Error::Missing {
                what: "Postgres 15 or newer",
                how: "apt-get install postgresql",
            })
    }

    /// What is in a folder, or what is wrong with it.
    fn at(folder: PathBuf, libraries: Option<PathBuf>, user: ServerUser) -> Result<Self, String> {
        if let Some(name) = NEEDED.iter().find(|name| !folder.join(name).is_file()) {
            return Err(format!("there is no {name} in it"));
        }
        let mut command = Command::new(folder.join("postgres"));
        use_libraries(user.apply(&mut command), libraries.as_deref());
        let answer = command
            .arg("--version")
            .output()
            .map_err(|error| format!("run its postgres as the server's user: {error}"))?;
        let version = String::from_utf8_lossy(&answer.stdout).trim().to_owned();
        if !answer.status.success() {
            let report = String::from_utf8_lossy(&answer.stderr);
            return Err(format!("its postgres does not run: {}", report.trim()));
        }
        Ok(Self {
            folder,
            libraries,
            version,
        })
    }

    fn is_new_enough(&self) -> bool {
        major(&self.version).is_some_and(|major| major >= OLDEST)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The folder of libraries as an argument, empty for none.
    pub(crate) fn libraries(&self) -> &OsStr {
        self.libraries
            .as_deref()
            .map_or(OsStr::new(""), Path::as_os_str)
    }

    pub(super) fn version(&self) -> &str {
        &self.version
    }

    pub(super) fn psql(&self) -> Psql {
        Psql {
            program: self.folder.join("psql"),
            libraries: self.libraries.clone(),
        }
    }

    /// Makes an empty data folder.
    pub(super) fn init(
        &self,
        data: &Path,
        arguments: &[&str],
        user: ServerUser,
    ) -> Result<(), Error> {
        let mut command = Command::new(self.folder.join("initdb"));
        use_libraries(user.apply(&mut command), self.libraries.as_deref());
        program::without_libpq(&mut command)
            .arg("-D")
            .arg(data)
            .args(arguments);
        let output = command.output().map_err(Error::io("run initdb"))?;
        if output.status.success() {
            return Ok(());
        }
        let report = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let what = "initdb";
        Err(Error::Failed { what, report })
    }
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
