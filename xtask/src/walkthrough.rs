//! `cargo xtask walkthrough`: does what README and guides tell a newcomer to do.

mod block;
mod shell;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::process::{self, program};
use crate::workspace;
use block::{Block, Way};
use shell::{Background, Environment};

/// Execute the command blocks of README.md and docs/guides/*.md on a clean clone.
///
/// Each page gets its own clone of HEAD and runs from top to bottom; the first failure ends it. A
/// fenced block takes part when the word behind its language says so:
///
///   ```sh walkthrough              runs with `sh -eu` in the clone and must exit 0
///
///   ```sh walkthrough-background   is started and kept until the page ends, then stopped with
///                                  SIGTERM; the page goes on when a line of its output contains
///                                  the text behind its comment `# wait-for: TEXT`
///
///   ```text walkthrough            each of its lines must occur, in order, in the output of the
///                                  `sh walkthrough` block before it; a line `...` stands for any
///
/// Blocks without such a word are for reading.
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  cargo xtask walkthrough
  cargo xtask walkthrough --target-dir /tmp/target README.md

Exit codes: 0 every command worked, 1 one failed (page and line are named), 2 wrong usage."
)]
pub(crate) struct Arguments {
    /// Only these pages, by their path from the root
    #[arg(value_name = "PAGE")]
    pages: Vec<String>,
    /// Where Cargo puts what it builds; without it a newcomer's first build is repeated
    #[arg(long, value_name = "FOLDER")]
    target_dir: Option<PathBuf>,
    /// How long a background command may take until it is ready
    #[arg(long, default_value_t = 30, value_name = "MINUTES")]
    patience: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let scratch = tempfile::tempdir().context("make a folder for the clones")?;
    let target = match &arguments.target_dir {
        Some(folder) => std::path::absolute(folder).context("find the target folder")?,
        None => scratch.path().join("target"),
    };
    let probe = clone(scratch.path(), "pages")?;
    let pages = if arguments.pages.is_empty() {
        pages(&probe)?
    } else {
        arguments.pages.clone()
    };
    let mut executed = 0;
    for (number, page) in pages.iter().enumerate() {
        let text =
            fs::read_to_string(probe.join(page)).with_context(|| format!("read {page} at HEAD"))?;
        let blocks = block::parse(&text).with_context(|| page.clone())?;
        if blocks.is_empty() {
            continue;
        }
        let environment = Environment {
            folder: clone(scratch.path(), &format!("page-{number}"))?,
            target: target.clone(),
            patience: std::time::Duration::from_secs(arguments.patience * 60),
        };
        executed += blocks.len();
        walk(page, &blocks, &environment)?;
    }
    if executed == 0 {
        bail!(
            "no page has a block marked `walkthrough`: {}",
            pages.join(", ")
        );
    }
    println!("{executed} command blocks work");
    Ok(())
}

/// A clone of HEAD; changes that are not committed are not in it.
fn clone(scratch: &Path, name: &str) -> Result<PathBuf> {
    let folder = scratch.join(name);
    let mut command = program("git", ["clone", "--quiet"]);
    command.arg(workspace::root()).arg(&folder);
    process::output(&mut command)?;
    Ok(folder)
}

fn pages(clone: &Path) -> Result<Vec<String>> {
    let mut command = program("git", ["ls-files", "README.md", "docs/guides/*.md"]);
    let listing = process::output(command.current_dir(clone))?;
    Ok(listing.lines().map(str::to_owned).collect())
}

/// Executes one page; what it left running ends with it, in reverse order.
fn walk(page: &str, blocks: &[Block], environment: &Environment) -> Result<()> {
    let mut running: Vec<Background> = Vec::new();
    for block in blocks {
        let place = || format!("{page}:{}", block.line);
        println!("\n== {}", place());
        match &block.way {
            Way::Run { expect } => {
                let output = environment.run(&block.script).with_context(place)?;
                if let Some(missing) = block::first_missing(expect, &output) {
                    bail!(
                        "{}: the output has no (further) line with `{missing}`",
                        place()
                    );
                }
            }
            Way::Background { wait_for } => {
                running.push(
                    environment
                        .start(&block.script, wait_for)
                        .with_context(place)?,
                );
            }
        }
        for background in &mut running {
            ensure!(
                background.is_running()?,
                "{}: a background command ended by itself",
                place()
            );
        }
    }
    while let Some(background) = running.pop() {
        background
            .stop()
            .with_context(|| format!("stop a background command of {page}"))?;
    }
    Ok(())
}
