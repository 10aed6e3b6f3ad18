//! `cargo xtask guards`: how much the audit of the isolation is worth.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;

use crate::process::cargo;

/// Break the isolation of a fresh cell in each known way, and count how many the audit finds.
///
/// The ways are the tests' own list in tenancy-core, at least one for each check of the audit. The test
/// servers must be installed; `cargo xtask test --install` gets them.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask guards
  cargo xtask guards --list    also prints each mutation

Exit codes: 0 all were caught, 1 one was missed or a test failed, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Print each mutation, too
    #[arg(long)]
    list: bool,
}

/// The tests say what became of each mutation, and which there are, in lines of their own.
const TESTS: [&str; 9] = [
    "test",
    "--package",
    "tenancy-core",
    "--all-features",
    "--test",
    "it",
    "--",
    "isolation::audit::",
    "--nocapture",
];

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let output = cargo(TESTS).output()?;
    let score = Score::of(&String::from_utf8_lossy(&output.stdout));
    if arguments.list {
        for name in &score.caught {
            println!("caught {name}");
        }
    }
    println!(
        "guards: {}/{} caught",
        score.caught.len(),
        score.listed.len()
    );
    for name in score.listed.difference(&score.caught) {
        eprintln!("MISSED {name}");
    }
    if !output.status.success() || score.caught != score.listed || score.listed.is_empty() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr).trim());
        bail!("not all mutations were caught");
    }
    Ok(())
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    listed: BTreeSet<String>,
    caught: BTreeSet<String>,
}

impl Score {
    /// The runner of the tests writes into the same lines, before them.
    fn of(output: &str) -> Self {
        let mut score = Self::default();
        for line in output.lines() {
            let Some((_, said)) = line.split_once("guard ") else {
                continue;
            };
            if let Some(name) = said.strip_prefix("listed: ") {
                score.listed.insert(name.to_owned());
            } else if let Some(name) = said.strip_prefix("caught: ") {
                score.caught.insert(name.to_owned());
            }
        }
        score
    }
}

#[cfg(test)]
mod tests {
    use super::Score;

    #[test]
    fn a_score_is_of_names_from_lines_among_others() {
        let score = Score::of(
            "running 3 tests\ntest a ... guard caught: T3 x\nguard missed: T4 guard\nok\n\
             test b ... guard listed: T3 x\nguard listed: T4 guard\nok\n",
        );
        assert_eq!(Vec::from_iter(&score.listed), ["T3 x", "T4 guard"]);
        assert_eq!(Vec::from_iter(&score.caught), ["T3 x"]);
        assert_eq!(Score::of("test result: ok"), Score::default());
    }
}
