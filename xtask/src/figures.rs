//! `cargo xtask figures`: measures ours against the peer and holds the targets.

mod laxer;
mod measure;
mod report;
mod set_up;
mod verdict;

use anyhow::{Result, bail};
use clap::Args;

use crate::machine::Machine;
use set_up::Figure;
use verdict::Outcome;

/// Measure the project's figures and compare them with their targets.
///
/// Set-ups and targets live in xtask/figures.toml, whose head explains them. Ours and the peer take
/// turns, one process per round; the gate is the median of the rounds' ratios, so a slow machine
/// changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask figures                    all of them
  cargo xtask figures gcra-check --json
  cargo xtask figures --quick            one small round each: do they still run?
  cargo xtask figures --write            and put the table into docs/benchmarks.md

JSON: [{name,value,unit,target,peer,ratio,rounds,pass}], value and peer being medians.

Exit codes: 0 all targets reached (or --quick and everything ran), 1 a target missed or a set-up
broken, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Only these figures
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// One small round of each, and no gate
    #[arg(long)]
    quick: bool,
    /// Answer as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Update the generated section of docs/benchmarks.md
    #[arg(long, conflicts_with_all = ["quick", "names"])]
    write: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let text = set_up::read()?;
    let figures = set_up::parse(&text)?;
    laxer::check(&text, &figures)?;
    let chosen = choose(figures, &arguments.names)?;
    let outcomes: Vec<Outcome> = chosen
        .into_iter()
        .map(|figure| measure::measure(figure, arguments.quick))
        .collect::<Result<_>>()?;
    let machine = Machine::here()?;
    if arguments.json {
        println!("{}", report::json(&outcomes)?);
    } else {
        print!("{}", report::table(&outcomes, &machine));
    }
    if arguments.write {
        report::write(&outcomes, &machine)?;
    }
    let missed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| !outcome.pass())
        .map(Outcome::name)
        .collect();
    if !missed.is_empty() && !arguments.quick {
        bail!("missed: {}", missed.join(", "));
    }
    Ok(())
}

fn choose(figures: Vec<Figure>, names: &[String]) -> Result<Vec<Figure>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| figures.iter().all(|figure| figure.name != **name))
    {
        let known: Vec<&str> = figures.iter().map(|figure| figure.name.as_str()).collect();
        bail!("no figure `{unknown}`; there are: {}", known.join(", "));
    }
    Ok(figures
        .into_iter()
        .filter(|figure| names.is_empty() || names.contains(&figure.name))
        .collect())
}
