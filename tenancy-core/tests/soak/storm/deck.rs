//! Which trouble comes next.

use fastrand::Rng;

use super::Line;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// The application's connections are reset.
    Cut,
    /// They go silent for a moment.
    Hang,
    /// The server ends some of them, or all.
    Terminate,
    /// A tenant is suspended, may only be read, or is active again.
    Lifecycle,
    /// A tenant is fenced for a moment.
    Fence,
    /// The server dies and comes back.
    Crash,
}

/// How often each comes before all of them are dealt again.
const CARDS: [(Fault, usize); 6] = [
    (Fault::Cut, 2),
    (Fault::Hang, 1),
    (Fault::Terminate, 2),
    (Fault::Lifecycle, 3),
    (Fault::Fence, 3),
    (Fault::Crash, 1),
];

/// Deals them in an order of chance, so that each comes early even in a short storm.
pub(super) struct Deck {
    line: Line,
    random: Rng,
    left: Vec<Fault>,
}

impl Deck {
    pub(super) fn new(line: Line, random: Rng) -> Self {
        let left = Vec::new();
        Self { line, random, left }
    }

    pub(super) fn deal(&mut self) -> Fault {
        if self.left.is_empty() {
            let cards = CARDS.iter().filter(|(fault, _)| fault.is_of(self.line));
            let cards = cards.flat_map(|(fault, count)| std::iter::repeat_n(*fault, *count));
            self.left = cards.collect();
            self.random.shuffle(&mut self.left);
        }
        self.left.pop().expect("a deck has cards")
    }
}

impl Fault {
    /// After a crash PgBouncer lets nobody in for 15 seconds.
    fn is_of(self, line: Line) -> bool {
        self != Self::Crash || line == Line::Direct
    }
}

#[test]
fn each_fault_is_dealt_as_often_as_it_is_there() {
    for (line, size) in [(Line::Direct, 12), (Line::Pooled, 11)] {
        for seed in 0..50 {
            let mut deck = Deck::new(line, Rng::with_seed(seed));
            for _ in 0..3 {
                let mut dealt: Vec<Fault> = (0..size).map(|_| deck.deal()).collect();
                dealt.sort_unstable();
                for (fault, count) in CARDS {
                    let found = dealt.iter().filter(|it| **it == fault).count();
                    let expected = if fault.is_of(line) { count } else { 0 };
                    assert_eq!(found, expected, "{fault:?} through {line:?}");
                }
            }
        }
    }
}

#[test]
fn one_seed_deals_the_same() {
    let deal = |seed| {
        let mut deck = Deck::new(Line::Direct, Rng::with_seed(seed));
        (0..60).map(|_| deck.deal()).collect::<Vec<_>>()
    };
    assert_eq!(deal(7), deal(7));
    assert_ne!(deal(7), deal(8));
}
