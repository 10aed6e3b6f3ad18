//! The measured figures as tables and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::set_up::Better;
use super::verdict::Outcome;
use crate::machine::Machine;

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

/// A part for each group in Markdown, which is also readable in a terminal.
pub(super) fn parts(outcomes: &[Outcome], machine: &Machine) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    for outcome in outcomes {
        let group = &outcome.figure.group;
        let part = parts.entry(group.clone()).or_insert_with(|| {
            let head = "figure | ours | peer | ratio (spread) | target | rounds | ";
            let line = " --- |".repeat(7);
            format!("### {group}\n\n{machine}\n\n| {head}|\n|{line}\n")
        });
        let _ = writeln!(part, "{}", row(outcome));
    }
    parts
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

#[cfg(test)]
mod tests {
    use super::{json, row};
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
}
