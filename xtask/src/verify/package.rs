//! Each published crate can be packaged, and what is in its package is enough to build it.
//!
//! Cargo's own verification is not used: it serves our other crates from a temporary registry, and
//! takes what it once unpacked from there for good as long as the version stays the same. A crate
//! would be built against its siblings of some earlier day.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Report;
use super::commands::{LOCKED, all};
use crate::process::{self, cargo, output, program};
use crate::workspace::{self, Metadata, Package};

pub(super) fn run() -> Result<Report> {
    let metadata = Metadata::load()?;
    let packages: Vec<&Package> = metadata.publishable().collect();
    let mut command = cargo(["package", "--quiet", "--no-verify", "--allow-dirty", LOCKED]);
    for package in &packages {
        command.args(["--package", &package.name]);
    }
    process::run(&mut command)?;

    let folder = metadata.target_directory.join("package/unpacked");
    unpack(&packages, &folder)?;
    // One by one, since a feature that one of them asks for would help the others too.
    all(packages.iter().map(|package| {
        let mut command = cargo(["check", "--quiet", "--package", &package.name]);
        command
            .arg("--target-dir")
            .arg(&metadata.target_directory)
            .current_dir(&folder);
        command
    }))
}

/// Makes a workspace of the packages' contents, with the dependencies' versions of ours.
fn unpack(packages: &[&Package], folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).context("remove old packages");
        }
        _ => fs::create_dir_all(folder).context("make a folder for the packages")?,
    }
    for package in packages {
        let archive = folder.with_file_name(format!("{}.crate", full_name(package)));
        // With new times: those in a package are constant, so Cargo would see no change.
        output(program("tar", ["-xzmf"]).arg(archive).arg("-C").arg(folder))?;
    }
    fs::write(folder.join("Cargo.toml"), manifest(packages)).context("write Cargo.toml")?;
    let lock = workspace::root().join("Cargo.lock");
    fs::copy(lock, folder.join("Cargo.lock")).context("copy Cargo.lock")?;
    Ok(())
}

/// As if the packages were in the registry already.
fn manifest(packages: &[&Package]) -> String {
    let mut text =
        "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n[patch.crates-io]\n".to_owned();
    for package in packages {
        let _ = writeln!(
            text,
            "{} = {{ path = \"{}\" }}",
            package.name,
            full_name(package)
        );
    }
    text
}

fn full_name(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::manifest;
    use crate::workspace::Package;

    #[test]
    fn packages_stand_in_for_the_registry() {
        let package = Package {
            name: "one".to_owned(),
            version: "0.1.0".to_owned(),
            dependencies: Vec::new(),
            features: Default::default(),
            publish: None,
        };
        let expect = "[workspace]\nresolver = \"3\"\nmembers = [\"*-*\"]\n\n\
            [patch.crates-io]\none = { path = \"one-0.1.0\" }\n";
        assert_eq!(manifest(&[&package]), expect);
    }
}
