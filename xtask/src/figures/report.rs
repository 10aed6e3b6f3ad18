//! The measured figures as a table, as JSON, and in `docs/benchmarks.md`.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::set_up::Better;
use super::verdict::Outcome;
use crate::machine::Machine;
use crate::workspace;

const PAGE: &str = "docs/benchmarks.md";
const BEGIN: &str = "<!-- figures: written by `cargo xtask figures --write` -->\n";
const END: &str = "<!-- end of figures -->\n";

/// A figure as scripts read it.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    /// Median of ours.
    value: f64,
    unit: &'a str,
    target: f64,
    /// Median of the peer, and the ratio to it; null where the target is a value.
    peer: Option<f64>,
    ratio: Option<f64>,
    rounds: usize,
    pass: bool,
}

pub(super) fn json(outcomes: &[Outcome]) -> Result<String> {
    let lines: Vec<Line<'_>> = outcomes
        .iter()
        .map(|outcome| Line {
            name: outcome.name(),
            value: outcome.ours(),
            unit: &outcome.figure.unit,
            target: outcome.figure.target,
            peer: outcome.peer(),
            ratio: outcome.ratio(),
            rounds: outcome.rounds(),
            pass: outcome.pass(),
        })
        .collect();
    serde_json::to_string_pretty(&lines).context("write JSON")
}

/// Markdown, which is also readable in a terminal.
pub(super) fn table(outcomes: &[Outcome], machine: &Machine) -> String {
    let mut text = format!("{machine}\n");
    let mut group = "";
    for outcome in outcomes {
        if outcome.figure.group != group {
            group = &outcome.figure.group;
            let head = "figure | ours | peer | ratio (spread) | target | rounds | ";
            let _ = write!(
                text,
                "\n### {group}\n\n| {head}|\n|{}\n",
                " --- |".repeat(7)
            );
        }
        let _ = writeln!(text, "{}", row(outcome));
    }
    if outcomes.is_empty() {
        text.push_str("\nno figures yet\n");
    }
    text
}

fn row(outcome: &Outcome) -> String {
    let figure = &outcome.figure;
    let (low, high) = outcome.spread();
    let limit = match figure.better {
        Better::Lower => "≤",
        Better::Higher => "≥",
    };
    let verdict = if outcome.pass() {
        "reached"
    } else {
        "**missed**"
    };
    let unit = &figure.unit;
    let (peer, score, target) = match (outcome.peer(), outcome.ratio(), &figure.against) {
        (Some(peer), Some(ratio), Some(against)) => (
            format!("{} {unit} ({against})", rounded(peer)),
            format!("{ratio:.3} ({low:.3}-{high:.3})"),
            figure.target.to_string(),
        ),
        _ => (
            "–".to_owned(),
            format!("– ({}-{} {unit})", rounded(low), rounded(high)),
            format!("{} {unit}", figure.target),
        ),
    };
    format!(
        "| `{}`: {} | {} {unit} | {peer} | {score} | {limit} {target} | {} | {verdict} |",
        figure.name,
        figure.about,
        rounded(outcome.ours()),
        outcome.rounds(),
    )
}

/// Four digits are more than any of these measurements is good for.
fn rounded(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}

/// Puts the table between the two marks of the page.
pub(super) fn write(outcomes: &[Outcome], machine: &Machine) -> Result<()> {
    let path = workspace::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("read {PAGE}"))?;
    let page = replace(&page, &table(outcomes, machine))?;
    fs::write(&path, page).with_context(|| format!("write {PAGE}"))
}

fn replace(page: &str, table: &str) -> Result<String> {
    let marks = || {
        format!(
            "{PAGE} needs the lines `{}` and `{}`",
            BEGIN.trim(),
            END.trim()
        )
    };
    let (head, rest) = page.split_once(BEGIN).with_context(marks)?;
    let (_, tail) = rest.split_once(END).with_context(marks)?;
    Ok(format!("{head}{BEGIN}\n{table}\n{END}{tail}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, json, replace, row};
    use crate::figures::set_up::tests::{absolute, figure};
    use crate::figures::verdict::{Outcome, Round};

    fn outcome() -> Outcome {
        Outcome::new(
            figure(),
            vec![
                Round {
                    ours: 1.0,
                    peer: Some(2.5)
                };
                7
            ],
        )
    }

    #[test]
    fn scripts_find_every_field() {
        let json: serde_json::Value = serde_json::from_str(&json(&[outcome()]).unwrap()).unwrap();
        let expect = serde_json::json!([{
            "name": "check", "value": 1.0, "unit": "ns", "target": 0.5,
            "peer": 2.5, "ratio": 0.4, "rounds": 7, "pass": true,
        }]);
        assert_eq!(json, expect);
    }

    #[test]
    fn a_row_tells_the_whole_story() {
        let expect = "| `check`: one check | 1.000 ns | 2.500 ns (a peer) | 0.400 (0.400-0.400) | ≤ 0.5 | 7 | reached |";
        assert_eq!(row(&outcome()), expect);
        let alone = Round {
            ours: 1.0,
            peer: None,
        };
        let expect = "| `check`: one check | 1.000 ns | – | – (1.000-1.000 ns) | ≤ 0.5 ns | 7 | **missed** |";
        assert_eq!(row(&Outcome::new(absolute(), vec![alone; 7])), expect);
    }

    #[test]
    fn only_the_generated_section_of_the_page_changes() {
        let page = format!("before\n{BEGIN}old\n{END}after\n");
        assert_eq!(
            replace(&page, "new").unwrap(),
            format!("before\n{BEGIN}\nnew\n{END}after\n")
        );
        assert!(replace("no marks", "new").is_err());
    }
}
