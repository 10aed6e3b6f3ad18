//! `cargo xtask soak`: long proofs.

mod record;
mod state;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::{self, Shown};
use crate::stopwatch::Stopwatch;
use state::State;

/// Run a long proof: rounds with other random numbers each, until the time is over.
///
/// A round is one run of the proof's command with SOAK_SEED and SOAK_ROUND in its environment; it
/// passes when it exits 0. What was done is kept in target/soak/NAME-SEED.json, so an interrupted
/// proof goes on where it stopped; the minutes count over all parts. A finished proof adds a line to
/// docs/soak/NAME.md.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask soak kill9 --seed 7 --minutes 60
  cargo xtask soak kill9 --seed 7 --minutes 120    goes on for another hour
  SOAK_SEED=7 SOAK_ROUND=12 cargo test --release ...   repeats one round; a failure prints the line

Exit codes: 0 all rounds passed, 1 one failed (the others still ran), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Which proof
    #[arg(value_parser = names())]
    name: String,
    /// Together with the round's number decides everything random
    #[arg(long)]
    seed: u64,
    /// How long, over all parts of this proof
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Forget what was done with this seed before
    #[arg(long)]
    restart: bool,
}

/// One long proof.
struct Soak {
    name: &'static str,
    /// Arguments of Cargo.
    command: &'static [&'static str],
}

/// The proofs. A libtest binary runs both ordinary and ignored tests that contain the name.
const SOAKS: [Soak; 1] = [Soak {
    name: "kill9",
    command: &[
        "test",
        "--release",
        "--package",
        "storefront",
        "--test",
        "soak",
        "--",
        "--include-ignored",
        "kill9",
    ],
}];

fn names() -> Vec<&'static str> {
    SOAKS.iter().map(|soak| soak.name).collect()
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let soak = SOAKS
        .iter()
        .find(|soak| soak.name == arguments.name)
        .context("a name that was checked")?;
    let commit = process::output(&mut process::program(
        "git",
        ["describe", "--always", "--dirty"],
    ))?;
    let file = state::File::of(soak.name, arguments.seed)?;
    if arguments.restart {
        file.forget()?;
    }
    let mut state = file.load()?.unwrap_or_else(|| State::new(commit.trim()));
    if state.commit != commit.trim() {
        bail!(
            "seed {} was begun at {}, this is {}; finish it there or use --restart",
            arguments.seed,
            state.commit,
            commit.trim()
        );
    }
    let wanted = Duration::from_secs(arguments.minutes * 60);
    if state.spent() >= wanted {
        println!("already done: {state}");
        return state.verdict();
    }
    while state.spent() < wanted {
        let watch = Stopwatch::start();
        let passed = round(soak, arguments.seed, state.next_round())?;
        state.record(passed, watch.elapsed());
        file.save(&state)?;
    }
    record::append(soak.name, arguments.seed, &state)?;
    println!("{}: {state}", soak.name);
    state.verdict()
}

/// Whether one round passes. A round that tests nothing fails.
fn round(soak: &Soak, seed: u64, round: u64) -> Result<bool> {
    let mut command = process::cargo(soak.command);
    command
        .env("SOAK_SEED", seed.to_string())
        .env("SOAK_ROUND", round.to_string());
    let output = command
        .output()
        .with_context(|| format!("run {}", Shown(&command)))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let tested_nothing = text.lines().any(|line| line == "running 0 tests");
    let passed = output.status.success() && !tested_nothing;
    if passed {
        println!("round {round} passed");
    } else {
        println!("{text}{}", String::from_utf8_lossy(&output.stderr));
        println!(
            "round {round} FAILED; repeat it with: SOAK_SEED={seed} SOAK_ROUND={round} {}",
            Shown(&command)
        );
    }
    Ok(passed)
}
