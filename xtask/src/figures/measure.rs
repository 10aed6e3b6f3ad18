//! Runs the rounds.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::set_up::Figure;
use super::verdict::{Outcome, Round};
use crate::process;

/// Tells the commands to do as little as shows that they work.
const QUICK: &str = "FIGURES_QUICK";

/// Measures one figure: a first round that only builds and warms up, then ours and the peer by
/// turns, each going first in every other round.
pub(super) fn measure(figure: Figure, quick: bool) -> Result<Outcome> {
    eprintln!("measuring {}: {}", figure.name, figure.about);
    let rounds = if quick { 1 } else { figure.rounds };
    if !quick {
        round(&figure, 0, quick)?;
    }
    let rounds = (0..rounds)
        .map(|number| round(&figure, number, quick))
        .collect::<Result<_>>()?;
    Ok(Outcome::new(figure, rounds))
}

fn round(figure: &Figure, number: usize, quick: bool) -> Result<Round> {
    let run =
        |command: &[String]| run(command, quick).with_context(|| format!("figure {}", figure.name));
    let Some(peer) = &figure.peer else {
        let Answer { value, peer } = run(&figure.ours)?;
        ensure!(
            peer.is_some() == figure.against.is_some(),
            "figure {}: its command says {peer:?} of a peer, and it is compared with {:?}",
            figure.name,
            figure.against
        );
        return Ok(Round { ours: value, peer });
    };
    let (ours, peer) = if number.is_multiple_of(2) {
        let ours = run(&figure.ours)?;
        (ours, run(peer)?)
    } else {
        let peer = run(peer)?;
        (run(&figure.ours)?, peer)
    };
    Ok(Round {
        ours: ours.value,
        peer: Some(peer.value),
    })
}

fn run(words: &[String], quick: bool) -> Result<Answer> {
    let mut command = process::program(&words[0], &words[1..]);
    // What it says besides its answer is for whoever watches.
    command.stderr(Stdio::inherit());
    if quick {
        command.env(QUICK, "1");
    }
    let text = process::output(&mut command)?;
    answer(&text).with_context(|| format!("the answer of {}", process::Shown(&command)))
}

#[derive(Debug, Deserialize, PartialEq)]
struct Answer {
    value: f64,
    /// Where one command measures both sides by turns.
    #[serde(default)]
    peer: Option<f64>,
}

/// What the last line says.
fn answer(text: &str) -> Result<Answer> {
    let line = text.lines().next_back().context("nothing printed")?;
    let answer: Answer = serde_json::from_str(line)
        .with_context(|| format!("`{line}` is not like {{\"value\": 1.5}}"))?;
    for number in [answer.value].into_iter().chain(answer.peer) {
        ensure!(
            number.is_finite() && number > 0.0,
            "{number} is no measurement"
        );
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::{Answer, answer, measure};
    use crate::figures::set_up::tests::{absolute, figure};

    #[test]
    fn the_last_line_is_the_answer() {
        #[track_caller]
        fn check(text: &str, value: f64, peer: Option<f64>) {
            assert_eq!(answer(text).unwrap(), Answer { value, peer });
        }
        check("warming up\n{\"value\": 2.5}\n", 2.5, None);
        check("{\"value\": 2.5, \"peer\": 5}", 2.5, Some(5.0));
        for broken in [
            "",
            "2.5",
            "{\"value\": 0}",
            "{\"value\": -1}",
            "{\"value\": 1, \"peer\": 0}",
            "{\"value\": 1}\ndone",
        ] {
            assert!(answer(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn commands_are_run_and_compared() {
        let outcome = measure(figure(), false).unwrap();
        assert_eq!((outcome.rounds(), outcome.ratio()), (7, Some(0.4)));
        assert!(outcome.pass());
        let alone = measure(absolute(), false).unwrap();
        assert_eq!(
            (alone.ours(), alone.peer(), alone.pass()),
            (1.0, None, false)
        );
        assert_eq!(measure(figure(), true).unwrap().rounds(), 1);
    }

    #[test]
    fn one_command_may_measure_both_sides() {
        let mut both = figure();
        both.peer = None;
        both.ours = ["echo", "{\"value\": 2, \"peer\": 8}"]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(measure(both.clone(), true).unwrap().ratio(), Some(0.25));
        both.against = None;
        assert!(measure(both, true).is_err(), "a peer that nobody asked for");
        let mut one = figure();
        one.peer = None;
        assert!(measure(one, true).is_err(), "a peer is missing");
    }

    #[test]
    fn quick_runs_say_so_to_the_commands() {
        let mut figure = figure();
        figure.ours = ["sh", "-c", "echo \"{\\\"value\\\": ${FIGURES_QUICK:-5}}\""]
            .map(str::to_owned)
            .to_vec();
        assert_eq!(measure(figure.clone(), false).unwrap().ours(), 5.0);
        assert_eq!(measure(figure, true).unwrap().ours(), 1.0);
    }

    #[test]
    fn a_failing_command_is_named() {
        let mut figure = figure();
        figure.peer = Some(vec!["false".to_owned()]);
        let error = format!("{:#}", measure(figure, true).unwrap_err());
        assert!(
            error.contains("figure check: `false` ended with"),
            "{error}"
        );
    }
}
