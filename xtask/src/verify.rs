//! `cargo xtask verify`: everything that can be checked without running the tests.

mod arrows;
mod commands;
mod error_codes;
mod light;
mod package;
mod purity;
mod qualified_tables;
mod sizes;
mod test_util;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::stopwatch::Stopwatch;

/// Check everything that needs no test run; change nothing.
///
/// All checks run, also after one has failed; the end sums up.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask verify
  cargo xtask verify --only arrows,sizes
  cargo xtask verify --list

Exit codes: 0 all checks pass, 1 one failed, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Only these checks
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = names())]
    only: Vec<String>,
    /// Name the checks and end
    #[arg(long)]
    list: bool,
}

/// What one check found.
#[derive(Debug, Default)]
struct Report {
    /// Each of these fails the check.
    problems: Vec<String>,
    /// These are for a person to think about.
    warnings: Vec<String>,
}

/// One check: quick ones come first.
struct Check {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Report>,
}

const CHECKS: [Check; 12] = [
    Check {
        name: "fmt",
        about: "every file has the house's format",
        run: commands::fmt,
    },
    Check {
        name: "arrows",
        about: "crates depend on each other as drawn in ARCHITECTURE.md",
        run: arrows::run,
    },
    Check {
        name: "sizes",
        about: "no file is too long to be read in one go",
        run: sizes::run,
    },
    Check {
        name: "purity",
        about: "decision code knows no runtime, database or clock",
        run: purity::run,
    },
    Check {
        name: "qualified-tables",
        about: "no SQL of the storefront reaches around a cell's tenant views",
        run: qualified_tables::run,
    },
    Check {
        name: "error-codes",
        about: "docs/errors.md and the sources name the same codes",
        run: error_codes::run,
    },
    Check {
        name: "light",
        about: "the rate limiter stays a small dependency",
        run: light::run,
    },
    Check {
        name: "test-util",
        about: "only tests have what makes contexts without admission",
        run: test_util::run,
    },
    Check {
        name: "clippy",
        about: "no lint complains, with all features and in all targets",
        run: commands::clippy,
    },
    Check {
        name: "docs",
        about: "the documentation builds without warnings",
        run: commands::docs,
    },
    Check {
        name: "features",
        about: "each published crate builds with no feature, with each alone, and with all",
        run: commands::features,
    },
    Check {
        name: "package",
        about: "each published crate can be packaged and built from its package",
        run: package::run,
    },
];

fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.name).collect()
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        CHECKS
            .iter()
            .for_each(|check| println!("{:18}{}", check.name, check.about));
        return Ok(());
    }
    let wanted = |check: &&Check| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == check.name)
    };
    let ended: Vec<Ended> = CHECKS.iter().filter(wanted).map(perform).collect();

    println!("\nsummary");
    ended.iter().for_each(Ended::print);
    let failed: Vec<&str> = ended
        .iter()
        .filter(|check| check.problems > 0)
        .map(|check| check.name)
        .collect();
    if !failed.is_empty() {
        bail!(
            "{} of {} checks failed: {}",
            failed.len(),
            ended.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

/// A check's line in the summary.
struct Ended {
    name: &'static str,
    problems: usize,
    took: Duration,
}

impl Ended {
    fn print(&self) {
        let verdict = if self.problems == 0 { "ok" } else { "FAILED" };
        println!(
            "  {:18}{:8}{:>7.1} s",
            self.name,
            verdict,
            self.took.as_secs_f64()
        );
    }
}

fn perform(check: &Check) -> Ended {
    println!("\n== {}: {}", check.name, check.about);
    let watch = Stopwatch::start();
    let report = (check.run)().unwrap_or_else(|error| Report {
        problems: vec![format!("{error:#}")],
        warnings: Vec::new(),
    });
    report
        .warnings
        .iter()
        .for_each(|warning| println!("warning: {warning}"));
    report
        .problems
        .iter()
        .for_each(|problem| println!("error: {problem}"));
    let ended = Ended {
        name: check.name,
        problems: report.problems.len(),
        took: watch.elapsed(),
    };
    ended.print();
    ended
}
