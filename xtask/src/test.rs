//! `cargo xtask test`: every test, with the real servers they need.

mod other_postgres;
mod servers;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::process::{self, Shown, cargo};

/// Run every test and every documentation example.
///
/// Tests use real servers, which they start for themselves: Postgres (15 or newer), PgBouncer, Redis,
/// nghttp2's clients and a headless Chromium with its driver. When one is not installed this says what to install and ends; with
/// --install it gets them with the system's package manager (apt-get, through sudo unless root).
///
/// Which Postgres they start: with --postgres, one of that version; else the folder of programs that the
/// variable TENANCY_TEST_POSTGRES names, if any; else the system's.
///
/// Runs with cargo-nextest where that is installed, else with cargo's own runner.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask test
  cargo xtask test --install
  cargo xtask test -- gcra          only tests with `gcra` in their name
  cargo xtask test --postgres 17    on a Postgres that pip installs below target/

Exit codes: 0 all tests pass, 1 a test failed or a server is missing, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Install missing servers first
    #[arg(long)]
    install: bool,
    /// Run on this version of Postgres, which pip fetches when it is not there yet
    #[arg(long, value_name = "VERSION")]
    postgres: Option<other_postgres::Version>,
    /// For the test runner: a part of a test's name, or its own options. Documentation examples
    /// are then left out
    #[arg(last = true, value_name = "ARGS")]
    runner: Vec<String>,
}

/// One selection for everything, so that no dependency is built twice with other features.
const EVERYTHING: [&str; 3] = ["--workspace", "--all-targets", "--all-features"];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    servers::ensure(arguments.install)?;
    let postgres = arguments.postgres.map(other_postgres::choose).transpose()?;
    let runner: &[&str] = if process::find("cargo-nextest").is_some() {
        &["nextest", "run", "--no-fail-fast"]
    } else {
        &["test"]
    };
    let mut tests = cargo(runner);
    tests.args(EVERYTHING).args(&arguments.runner);
    process::run(tests.envs(postgres.clone()))?;
    if !arguments.runner.is_empty() {
        println!(
            "documentation examples were left out, because the runner got arguments of its own"
        );
        return Ok(());
    }
    let mut examples = cargo(["test", "--doc", "--workspace", "--all-features"]);
    documentation(examples.envs(postgres))
}

/// Runs the documentation's examples. Among them must be those that do not compile: without them nothing says
/// what a misuse is.
fn documentation(examples: &mut Command) -> Result<()> {
    eprintln!("$ {}", Shown(examples));
    let mut running = examples.stdout(Stdio::piped()).spawn()?;
    let said = running.stdout.take().context("its output was asked for")?;
    let mut misuses = 0;
    for line in BufReader::new(said).lines() {
        let line = line?;
        misuses += usize::from(is_misuse(&line));
        println!("{line}");
    }
    let status = running.wait()?;
    ensure!(
        status.success(),
        "`{}` ended with {status}",
        Shown(examples)
    );
    ensure!(misuses > 0, "no example of tenancy-core's `misuse` was run");
    Ok(())
}

fn is_misuse(line: &str) -> bool {
    line.contains("/misuse.rs") && line.ends_with("compile fail ... ok")
}

#[test]
fn examples_that_must_not_compile_are_counted() {
    let case = "test tenancy-core/src/misuse.rs - misuse::CommitTwice (line 57) - ";
    assert!(is_misuse(&format!("{case}compile fail ... ok")));
    assert!(!is_misuse(&format!("{case}compile fail ... FAILED")));
    assert!(!is_misuse(&format!("{case}compile ... ok")));
    assert!(!is_misuse("running 0 tests"));
}
