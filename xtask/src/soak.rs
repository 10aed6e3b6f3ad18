//! `cargo xtask soak`: long proofs.

mod record;
mod state;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::process::{self, Shown, program};
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
  cargo xtask soak checkout --seed 7 --minutes 5
  cargo xtask soak isolation    a round of four minutes with a seed of chance
  SOAK_SEED=7 SOAK_ROUND=12 cargo test --release ...   repeats one round; a failure prints the line

Exit codes: 0 all rounds passed, 1 one failed (the others still ran), 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Which proof
    #[arg(value_parser = names())]
    name: String,
    /// Together with the round's number decides everything random [default: one of chance, which is printed]
    #[arg(long, default_value_t = seed(), hide_default_value = true)]
    seed: u64,
    /// How long, over all parts of this proof
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// Forget what was done with this seed before
    #[arg(long)]
    restart: bool,
}

/// One long proof: those tests of one test binary that have its name in theirs, with `_` for `-`, ignored ones too.
struct Soak {
    name: &'static str,
    /// Arguments of `cargo test` that choose the binary.
    binary: &'static [&'static str],
}

const SOAKS: [Soak; 7] = [
    Soak {
        name: "kill9",
        binary: STOREFRONT,
    },
    Soak {
        name: "checkout",
        binary: STOREFRONT,
    },
    Soak {
        name: "models",
        binary: &["--release", "--package", "tenancy-core", "--test", "it"],
    },
    Soak {
        name: "routes",
        binary: &[
            "--release",
            "--package",
            "tenancy-cell-router",
            "--features",
            "layer",
            "--test",
            "it",
        ],
    },
    Soak {
        name: "gateway",
        binary: &[
            "--release",
            "--package",
            "tenancy-cell-router",
            "--features",
            "layer,handover",
            "--test",
            "soak",
        ],
    },
    Soak {
        name: "static-stability",
        binary: &[
            "--release",
            "--package",
            "tenancy-cell-router",
            "--features",
            "layer",
            "--test",
            "soak",
        ],
    },
    Soak {
        name: "isolation",
        // Not optimized: what is proven does not depend on how fast it is, and more overlaps.
        binary: &[
            "--package",
            "tenancy-core",
            "--features",
            "postgres",
            "--test",
            "soak",
        ],
    },
];

const STOREFRONT: &[&str] = &["--release", "--package", "storefront", "--test", "soak"];

impl Soak {
    /// Apart from the rounds, so that code that does not build is no failed round.
    fn build(&self) -> Command {
        let mut command = process::cargo(["test", "--no-run"]);
        command.args(self.binary);
        command
    }

    fn round(&self, seed: u64, round: u64) -> Command {
        let mut command = process::cargo(["test"]);
        command
            .args(self.binary)
            .args(["--", "--include-ignored", &self.name.replace('-', "_")])
            .env("SOAK_SEED", seed.to_string())
            .env("SOAK_ROUND", round.to_string());
        command
    }
}

/// Of chance: the standard library's maps hash with keys that nobody knows.
fn seed() -> u64 {
    use std::hash::{BuildHasher as _, RandomState};
    RandomState::new().hash_one("seed") % 1_000_000
}

fn names() -> Vec<&'static str> {
    SOAKS.iter().map(|soak| soak.name).collect()
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let soak = SOAKS
        .iter()
        .find(|soak| soak.name == arguments.name)
        .context("a name that was checked")?;
    let file = state::File::of(soak.name, arguments.seed)?;
    if arguments.restart {
        file.forget()?;
    }
    let mut state = resume(&file, &commit()?)?;
    let wanted = Duration::from_secs(arguments.minutes * 60);
    if state.spent() >= wanted {
        println!("already done: {state}");
        return state.verdict();
    }
    println!("{} with --seed {}", soak.name, arguments.seed);
    process::run(&mut soak.build())?;
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

/// What is being proven. The pages of results do not count: a proof adds to them.
fn commit() -> Result<String> {
    let head = process::output(&mut program("git", ["rev-parse", "--short", "HEAD"]))?;
    let status = ["status", "--porcelain", "--", ".", ":!docs/soak"];
    let changes = process::output(&mut program("git", status))?;
    let mark = if changes.is_empty() { "" } else { "-dirty" };
    Ok(format!("{}{mark}", head.trim()))
}

/// What was done with this seed before, for the same code.
fn resume(file: &state::File, commit: &str) -> Result<State> {
    let state = file.load()?.unwrap_or_else(|| State::new(commit));
    if state.commit != commit {
        bail!(
            "this seed was begun at {}, this is {commit}; finish it there or use --restart",
            state.commit
        );
    }
    Ok(state)
}

/// Whether one round passes. A round that tests nothing fails.
fn round(soak: &Soak, seed: u64, round: u64) -> Result<bool> {
    let mut command = soak.round(seed, round);
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
