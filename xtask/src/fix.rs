//! `cargo xtask fix`: repairs what a machine can.

use anyhow::Result;
use clap::Args;

use crate::process::{self, cargo};

/// Repair what a machine can: clippy's suggestions, then the format.
///
/// Works on a tree with uncommitted changes too; read the diff before committing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cargo xtask fix\n\nExit codes: 0 done, 1 something is left that only a person can repair."
)]
pub(crate) struct Arguments {}

pub(crate) fn run(_arguments: &Arguments) -> Result<()> {
    process::run(&mut cargo([
        "clippy",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
        "--workspace",
        "--all-targets",
        "--all-features",
    ]))?;
    process::run(&mut cargo(["fmt", "--all"]))
}
