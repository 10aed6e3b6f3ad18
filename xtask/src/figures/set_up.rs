//! What is measured: the entries of `xtask/figures.toml`.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::workspace;

pub(super) const FILE: &str = "xtask/figures.toml";

/// With fewer the median says little.
const FEWEST_ROUNDS: usize = 7;

/// One entry; the head of the file explains the fields.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) group: String,
    pub(super) about: String,
    pub(super) unit: String,
    pub(super) better: Better,
    pub(super) target: f64,
    pub(super) rounds: usize,
    /// The peer for people; without one the target is a value.
    pub(super) against: Option<String>,
    pub(super) ours: Vec<String>,
    /// Missing where `ours` measures the peer, too.
    pub(super) peer: Option<Vec<String>>,
}

/// Which values are good ones.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(super) enum Better {
    Lower,
    Higher,
}

impl Better {
    /// Whether a ratio or value reaches `target`.
    pub(super) fn reaches(self, found: f64, target: f64) -> bool {
        match self {
            Self::Lower => found <= target,
            Self::Higher => found >= target,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    #[serde(default)]
    figure: Vec<Figure>,
}

pub(super) fn read() -> Result<String> {
    std::fs::read_to_string(workspace::root().join(FILE)).with_context(|| format!("read {FILE}"))
}

pub(super) fn parse(text: &str) -> Result<Vec<Figure>> {
    let page: Page = toml::from_str(text).with_context(|| format!("read {FILE}"))?;
    let mut names = BTreeSet::new();
    for figure in &page.figure {
        check(figure).with_context(|| format!("figure `{}` in {FILE}", figure.name))?;
        ensure!(
            names.insert(&figure.name),
            "two figures `{}` in {FILE}",
            figure.name
        );
    }
    Ok(page.figure)
}

fn check(figure: &Figure) -> Result<()> {
    let is_word = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    ensure!(
        !figure.name.is_empty() && figure.name.chars().all(is_word),
        "a name is of lower case letters, digits and hyphens"
    );
    ensure!(
        figure.rounds >= FEWEST_ROUNDS,
        "{} rounds; at least {FEWEST_ROUNDS} are needed",
        figure.rounds
    );
    ensure!(
        figure.target.is_finite() && figure.target > 0.0,
        "target {} can not be reached",
        figure.target
    );
    ensure!(
        figure.against.is_some() || figure.peer.is_none(),
        "`peer` needs `against`"
    );
    ensure!(
        !figure.ours.is_empty() && figure.peer.as_ref().is_none_or(|peer| !peer.is_empty()),
        "a command is empty"
    );
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::{Better, Figure, parse};

    pub(in crate::figures) const ENTRY: &str = r#"
[[figure]]
name = "check"
group = "rate-limit"
about = "one check"
unit = "ns"
better = "lower"
target = 0.5
rounds = 7
against = "a peer"
ours = ["echo", '{"value": 1}']
peer = ["echo", '{"value": 2.5}']
"#;

    pub(in crate::figures) fn figure() -> Figure {
        parse(ENTRY).unwrap().remove(0)
    }

    /// The same with an absolute target.
    pub(in crate::figures) fn absolute() -> Figure {
        let mut figure = figure();
        (figure.against, figure.peer) = (None, None);
        figure
    }

    #[track_caller]
    fn refuse(from: &str, to: &str, expect: &str) {
        let text = ENTRY.replace(from, to);
        assert_ne!(text, ENTRY);
        let error = format!("{:#}", parse(&text).unwrap_err());
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn an_entry_is_read() {
        let figure = figure();
        assert_eq!(
            (figure.name.as_str(), figure.better, figure.rounds),
            ("check", Better::Lower, 7)
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn a_careless_entry_is_refused() {
        refuse("rounds = 7", "rounds = 6", "at least 7");
        refuse("target = 0.5", "target = 0.0", "can not be reached");
        refuse("target = 0.5", "target = inf", "can not be reached");
        refuse("against = \"a peer\"\n", "", "`peer` needs `against`");
        refuse("\"check\"", "\"a check\"", "hyphens");
        refuse("unit =", "units =", "units");
        refuse("better = \"lower\"", "better = \"equal\"", "equal");
        refuse("ours = [\"echo\", '{\"value\": 1}']", "ours = []", "empty");
        let twice = ENTRY.repeat(2);
        assert!(format!("{:#}", parse(&twice).unwrap_err()).contains("two figures `check`"));
    }
}
