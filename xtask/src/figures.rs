//! `cargo xtask figures`: measures ours against the peer and holds the targets.

mod laxer;
mod measure;
mod page;
mod report;
mod set_up;
mod verdict;

use std::collections::BTreeSet;

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
  cargo xtask figures storefront         a whole group
  cargo xtask figures --quick            one small round each: do they still run?
  cargo xtask figures storefront --write and put its table into docs/benchmarks.md

JSON: [{name,value,unit,target,peer,ratio,rounds,pass}], value and peer being medians; peer and ratio
are null where the target is a value.

Exit codes: 0 all targets reached (or --quick and everything ran), 1 a target missed or a set-up
broken, 2 wrong usage.")]
pub(crate) struct Arguments {
    /// Only these figures, or groups of figures
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// One small round of each, and no gate
    #[arg(long)]
    quick: bool,
    /// Answer as JSON on standard output
    #[arg(long)]
    json: bool,
    /// Put the tables of these groups into docs/benchmarks.md
    #[arg(long, conflicts_with = "quick")]
    write: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let text = set_up::read()?;
    let figures = set_up::parse(&text)?;
    laxer::check(&text, &figures)?;
    let groups = groups(&figures);
    if arguments.write {
        check_whole(&arguments.names, &groups)?;
    }
    let chosen = choose(figures, &arguments.names)?;
    let outcomes: Vec<Outcome> = chosen
        .into_iter()
        .map(|figure| measure::measure(figure, arguments.quick))
        .collect::<Result<_>>()?;
    let parts = report::parts(&outcomes, &Machine::here()?);
    if arguments.json {
        println!("{}", report::json(&outcomes)?);
    } else {
        let parts: Vec<&str> = parts.values().map(String::as_str).collect();
        print!("{}", parts.join("\n"));
    }
    if arguments.write {
        page::write(&parts, &groups)?;
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

/// The groups in the order of the set-ups.
fn groups(figures: &[Figure]) -> Vec<String> {
    let mut groups: Vec<String> = figures.iter().map(|figure| figure.group.clone()).collect();
    groups.dedup();
    groups
}

/// A table of some of a group's figures would take the place of the whole one.
fn check_whole(names: &[String], groups: &[String]) -> Result<()> {
    if let Some(name) = names.iter().find(|name| !groups.contains(name)) {
        let groups = groups.join(", ");
        bail!("--write takes whole groups, and `{name}` is none; there are: {groups}");
    }
    Ok(())
}

/// Those that have one of these names, or belong to a group that has; all when no name is given.
fn choose(figures: Vec<Figure>, names: &[String]) -> Result<Vec<Figure>> {
    let is_called = |figure: &Figure, name: &String| figure.name == *name || figure.group == *name;
    if let Some(unknown) = names
        .iter()
        .find(|name| !figures.iter().any(|figure| is_called(figure, name)))
    {
        let known: BTreeSet<&str> = figures
            .iter()
            .flat_map(|figure| [figure.group.as_str(), figure.name.as_str()])
            .collect();
        let known: Vec<&str> = known.into_iter().collect();
        bail!("no figure `{unknown}`; there are: {}", known.join(", "));
    }
    let is_chosen =
        |figure: &Figure| names.is_empty() || names.iter().any(|name| is_called(figure, name));
    Ok(figures.into_iter().filter(is_chosen).collect())
}

#[cfg(test)]
mod tests {
    use super::{check_whole, choose};
    use crate::figures::set_up::tests::figure;

    #[track_caller]
    fn check(names: &[&str], expect: Result<&[&str], &str>) {
        let figures = [("check", "limits"), ("refill", "limits"), ("page", "shops")];
        let figures = figures.map(|(name, group)| {
            let mut figure = figure();
            (figure.name, figure.group) = (name.to_owned(), group.to_owned());
            figure
        });
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let chosen = choose(figures.to_vec(), &names).map_err(|error| error.to_string());
        let chosen = chosen.map(|figures| figures.into_iter().map(|figure| figure.name));
        match expect {
            Ok(expect) => assert_eq!(chosen.unwrap().collect::<Vec<_>>(), expect),
            Err(expect) => assert_eq!(chosen.err().unwrap(), expect),
        }
    }

    #[test]
    fn figures_are_chosen_by_name_or_group() {
        check(&[], Ok(&["check", "refill", "page"]));
        check(&["page"], Ok(&["page"]));
        check(&["limits"], Ok(&["check", "refill"]));
        check(
            &["limits", "check", "page"],
            Ok(&["check", "refill", "page"]),
        );
        let known = "no figure `speed`; there are: check, limits, page, refill, shops";
        check(&["page", "speed"], Err(known));
    }

    #[test]
    fn only_whole_groups_are_written() {
        let groups = ["limits", "shops"].map(str::to_owned);
        let check = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_whole(&names, &groups).map_err(|error| error.to_string())
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&["shops"]), Ok(()));
        let none = "--write takes whole groups, and `check` is none; there are: limits, shops";
        assert_eq!(check(&["shops", "check"]), Err(none.to_owned()));
    }
}
