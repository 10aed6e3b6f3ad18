//! The workspace as Cargo and git see it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::process;

/// The folder that holds the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate lies in the workspace")
}

/// The folder of built things.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(Metadata::load()?.target_directory)
}

/// What `cargo metadata --no-deps` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target_directory: PathBuf,
}

/// One of our packages.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
    /// The registries it may be published to: none stands for all.
    pub(crate) publish: Option<Vec<String>>,
}

/// A line in one of the dependency tables.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    #[serde(deserialize_with = "kind")]
    pub(crate) kind: Kind,
    pub(crate) optional: bool,
}

/// Which table.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Normal,
    Dev,
    Build,
}

/// Cargo writes `null` for the ordinary table.
fn kind<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Kind, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(Kind::Normal))
}

impl Metadata {
    pub(crate) fn load() -> Result<Self> {
        let mut command = process::cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let text = process::output(&mut command)?;
        serde_json::from_str(&text).context("read the answer of cargo metadata")
    }

    /// The packages that users get.
    pub(crate) fn publishable(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| package.is_publishable())
    }
}

impl Package {
    pub(crate) fn is_publishable(&self) -> bool {
        self.publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty())
    }
}

/// A file of the project.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    /// From the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The project's files whose path ends in one of `endings`: those that git has, and those it would
/// take, so that a file is checked before it is committed.
pub(crate) fn files(endings: &[&str]) -> Result<Vec<SourceFile>> {
    let mut command = process::program(
        "git",
        [
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ],
    );
    let listing = process::output(&mut command)?;
    let mut paths: Vec<&str> = listing
        .split_terminator('\0')
        .filter(|path| endings.iter().any(|ending| path.ends_with(ending)))
        .filter(|path| root().join(path).is_file())
        .collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().map(read).collect()
}

fn read(path: &str) -> Result<SourceFile> {
    let text =
        std::fs::read_to_string(root().join(path)).with_context(|| format!("read {path}"))?;
    Ok(SourceFile {
        path: path.to_owned(),
        text,
    })
}
