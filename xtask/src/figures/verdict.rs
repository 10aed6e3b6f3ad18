//! What the rounds say. Pure.

use super::set_up::Figure;

/// One turn of each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Round {
    pub(super) ours: f64,
    /// Nothing when the target is a value.
    pub(super) peer: Option<f64>,
}

impl Round {
    /// What the target is about: the ratio, or the value of a figure without a peer.
    fn score(self) -> f64 {
        self.ours / self.peer.unwrap_or(1.0)
    }
}

/// A measured figure.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) figure: Figure,
    rounds: Vec<Round>,
}

impl Outcome {
    /// `rounds` are at least one.
    pub(super) fn new(figure: Figure, rounds: Vec<Round>) -> Self {
        Self { figure, rounds }
    }

    pub(super) fn name(&self) -> &str {
        &self.figure.name
    }

    pub(super) fn rounds(&self) -> usize {
        self.rounds.len()
    }

    pub(super) fn ours(&self) -> f64 {
        median(self.each(|round| round.ours))
    }

    pub(super) fn peer(&self) -> Option<f64> {
        let values: Option<Vec<f64>> = self.rounds.iter().map(|round| round.peer).collect();
        values.map(median)
    }

    /// The median of the rounds' ratios: unlike the ratio of the medians it compares only what was
    /// measured side by side.
    pub(super) fn ratio(&self) -> Option<f64> {
        self.figure.against.is_some().then(|| self.score())
    }

    /// The lowest and the highest ratio, or value where there is no peer.
    pub(super) fn spread(&self) -> (f64, f64) {
        let scores = self.each(Round::score);
        let low = scores.iter().copied().fold(f64::INFINITY, f64::min);
        (low, scores.iter().copied().fold(0.0, f64::max))
    }

    pub(super) fn pass(&self) -> bool {
        self.figure.better.reaches(self.score(), self.figure.target)
    }

    fn score(&self) -> f64 {
        median(self.each(Round::score))
    }

    fn each(&self, pick: impl Fn(Round) -> f64) -> Vec<f64> {
        self.rounds.iter().copied().map(pick).collect()
    }
}

/// The middle value, or the mean of the two in the middle. Panics without values.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    if values.len() % 2 == 1 {
        values[upper]
    } else {
        f64::midpoint(values[upper - 1], values[upper])
    }
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Round, median};
    use crate::figures::set_up::Better;
    use crate::figures::set_up::tests::{absolute, figure};

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(median(vec![3.0]), 3.0);
        assert_eq!(median(vec![9.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 100.0]), 3.0);
    }

    fn outcome(rounds: &[(f64, f64)], better: Better, target: f64) -> Outcome {
        let mut figure = figure();
        (figure.better, figure.target) = (better, target);
        Outcome::new(
            figure,
            rounds
                .iter()
                .map(|&(ours, peer)| Round {
                    ours,
                    peer: Some(peer),
                })
                .collect(),
        )
    }

    #[track_caller]
    fn check(rounds: &[(f64, f64)], better: Better, target: f64, expect: (f64, bool)) {
        let outcome = outcome(rounds, better, target);
        assert_eq!((outcome.ratio().unwrap(), outcome.pass()), expect);
    }

    #[test]
    fn the_gate_is_the_median_of_the_ratios() {
        // The machine became four times slower half way: the ratios do not care.
        let rounds = [(1.0, 2.0), (4.0, 8.0), (4.0, 8.0)];
        check(&rounds, Better::Lower, 0.5, (0.5, true));
        check(&rounds, Better::Lower, 0.49, (0.5, false));
        check(&rounds, Better::Higher, 0.5, (0.5, true));
        check(&rounds, Better::Higher, 0.51, (0.5, false));
        // One wild round decides nothing.
        check(
            &[(1.0, 1.0), (90.0, 1.0), (1.0, 1.0)],
            Better::Lower,
            1.0,
            (1.0, true),
        );
    }

    #[test]
    fn without_a_peer_the_value_is_the_gate() {
        let values = |values: [f64; 3]| {
            let rounds = values.map(|ours| Round { ours, peer: None });
            Outcome::new(absolute(), rounds.to_vec())
        };
        let fast = values([0.4, 0.5, 9.0]);
        assert_eq!((fast.ours(), fast.peer(), fast.ratio()), (0.5, None, None));
        assert_eq!((fast.spread(), fast.pass()), ((0.4, 9.0), true));
        assert!(!values([0.4, 0.6, 0.6]).pass());
    }

    #[test]
    fn the_spread_shows_the_wild_round() {
        assert_eq!(
            outcome(&[(1.0, 1.0), (90.0, 1.0), (1.0, 2.0)], Better::Lower, 1.0).spread(),
            (0.5, 90.0)
        );
    }
}
