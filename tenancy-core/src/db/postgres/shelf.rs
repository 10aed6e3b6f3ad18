//! Which of the connections that nobody uses is taken next, and which are too old. Pure.

use std::time::Duration;

use tenancy_types::Nanos;

/// A server gives back what a connection has collected only when it ends: catalogs and plans of every table
/// that it ever touched. The 30 minutes are those of sqlx's own pool.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A connection that nobody has needed for this long is one more than are needed.
const REST: Duration = Duration::from_secs(10 * 60);

/// Under load a connection comes back and goes out within milliseconds.
const NAP: Duration = Duration::from_secs(1);

/// Connections outside any transaction, the one that was used last on top: what is warm stays in use, and
/// what is not needed grows old below.
#[derive(Debug)]
pub(super) struct Shelf<C> {
    /// Raised when the connections that are there, or in use, are of no use any more.
    generation: u64,
    /// How many connections were ever made.
    made: u64,
    idle: Vec<Link<C>>,
}

/// A connection and what is known of it.
#[derive(Debug)]
pub(super) struct Link<C> {
    pub(super) session: C,
    generation: u64,
    retires: Nanos,
    /// Since when nobody has used it, while it lies there.
    since: Nanos,
    /// How long it lay there before it was taken.
    rested: Duration,
}

/// Where a connection comes from.
#[derive(Debug)]
pub(super) enum Taken<C> {
    Idle(Link<C>),
    /// One must be made, of this generation.
    None(u64),
}

impl<C> Shelf<C> {
    pub(super) fn new() -> Self {
        Self {
            generation: 0,
            made: 0,
            idle: Vec::new(),
        }
    }

    /// The connection that was used last. Those that are too old are put into `worn`.
    pub(super) fn take(&mut self, now: Nanos, worn: &mut Vec<C>) -> Taken<C> {
        while let Some(mut link) = self.idle.pop() {
            if link.is_worn(now) {
                worn.push(link.session);
            } else {
                link.rested = now.since(link.since);
                return Taken::Idle(link);
            }
        }
        Taken::None(self.generation)
    }

    /// A connection whose making began in this generation, for its first user.
    pub(super) fn made(&mut self, session: C, generation: u64, now: Nanos) -> Link<C> {
        self.made += 1;
        Link {
            session,
            generation,
            retires: now.after(lifetime(self.made)),
            since: now,
            rested: Duration::ZERO,
        }
    }

    /// Takes a connection back that is outside any transaction, unless it is of no use any more. Those that
    /// are too old are put into `worn`: among the others at most one, the oldest, since many come back.
    pub(super) fn put(&mut self, mut link: Link<C>, now: Nanos, worn: &mut Vec<C>) {
        if link.generation != self.generation || now >= link.retires {
            worn.push(link.session);
            return;
        }
        link.since = now;
        if self.idle.first().is_some_and(|oldest| oldest.is_worn(now)) {
            worn.push(self.idle.remove(0).session);
        }
        self.idle.push(link);
    }

    /// Gives up all connections of a generation. Whoever finds out next, with one of them, gives up nothing.
    #[must_use = "the connections are closed by their drop, which is better done outside the lock"]
    pub(super) fn outdate(&mut self, generation: u64) -> Vec<Link<C>> {
        if generation != self.generation {
            return Vec::new();
        }
        self.generation += 1;
        std::mem::take(&mut self.idle)
    }

    pub(super) fn len(&self) -> usize {
        self.idle.len()
    }
}

impl<C> Link<C> {
    pub(super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it lay here for so long that what is said of it is said of those below as well.
    pub(super) fn has_rested(&self) -> bool {
        self.rested >= NAP
    }

    fn is_worn(&self, now: Nanos) -> bool {
        now >= self.retires || now.since(self.since) >= REST
    }
}

/// How long the connection of this number lives: between three quarters of the lifetime and all of it, so
/// that those which were made together do not go together. Multiples of the golden ratio spread any few
/// numbers in sequence evenly.
fn lifetime(number: u64) -> Duration {
    const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
    let spread = u32::try_from(number.wrapping_mul(GOLDEN) >> 48).expect("16 bits");
    LIFETIME - LIFETIME / 4 * spread / 0x1_0000
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Nanos = Nanos::new(1);

    fn idle(taken: Taken<u32>) -> Option<u32> {
        match taken {
            Taken::Idle(link) => Some(link.session),
            Taken::None(_) => None,
        }
    }

    /// Connections of these numbers, put back in this order at the start.
    fn shelf(numbers: impl IntoIterator<Item = u32>) -> Shelf<u32> {
        let mut shelf = Shelf::new();
        for number in numbers {
            let link = shelf.made(number, 0, START);
            let mut worn = Vec::new();
            shelf.put(link, START, &mut worn);
            assert!(worn.is_empty());
        }
        shelf
    }

    #[test]
    fn what_was_used_last_is_taken_first() {
        let (mut shelf, mut worn) = (shelf([1, 2]), Vec::new());
        assert_eq!(idle(shelf.take(START, &mut worn)), Some(2));
        assert_eq!(idle(shelf.take(START, &mut worn)), Some(1));
        assert_eq!(idle(shelf.take(START, &mut worn)), None);
        assert!(worn.is_empty());
    }

    #[test]
    fn what_lay_there_for_a_while_has_rested() {
        let (mut shelf, mut worn) = (shelf([1]), Vec::new());
        for (rest, has_rested) in [(NAP / 2, false), (NAP, true), (NAP / 2, false)] {
            let put = shelf.idle[0].since;
            let Taken::Idle(link) = shelf.take(put.after(rest), &mut worn) else {
                panic!("there is one");
            };
            assert_eq!(link.has_rested(), has_rested, "{rest:?}");
            shelf.put(link, put.after(rest), &mut worn);
        }
        let new = shelf.made(2, 0, START);
        assert!(!new.has_rested());
    }

    #[test]
    fn what_nobody_needs_goes_when_others_come_back() {
        let (mut shelf, mut worn) = (shelf([1, 2]), Vec::new());
        let Taken::Idle(used) = shelf.take(START, &mut worn) else {
            panic!("there are two");
        };
        shelf.put(used, START.after(REST), &mut worn);
        assert_eq!((worn, shelf.len()), (vec![1], 1));
    }

    #[test]
    fn what_is_too_old_is_not_taken() {
        let (mut shelf, mut worn) = (shelf([1, 2]), Vec::new());
        assert_eq!(idle(shelf.take(START.after(REST), &mut worn)), None);
        assert_eq!(worn, [2, 1]);
    }

    #[test]
    fn a_generation_that_is_given_up_comes_back_no_more() {
        let (mut shelf, mut worn) = (shelf([1, 2, 3]), Vec::new());
        let Taken::Idle(used) = shelf.take(START, &mut worn) else {
            panic!("there are three");
        };
        let generation = used.generation();
        assert_eq!(shelf.outdate(generation).len(), 2);
        let Taken::None(next) = shelf.take(START, &mut worn) else {
            panic!("all are gone");
        };
        let new = shelf.made(4, next, START);
        shelf.put(new, START, &mut worn);
        // The second to find out takes nothing of the next generation away.
        assert!(shelf.outdate(generation).is_empty());
        shelf.put(used, START, &mut worn);
        assert_eq!(worn, [3]);
        assert_eq!(idle(shelf.take(START, &mut worn)), Some(4));
    }

    #[test]
    fn a_busy_connection_retires_within_its_lifetime_and_not_with_its_neighbours() {
        let mut lifetimes: Vec<Duration> = (1..=8).map(lifetime).collect();
        lifetimes.sort();
        assert!(lifetimes[0] >= LIFETIME * 3 / 4 && lifetimes[7] <= LIFETIME);
        // Evenly spread they would be a thirty-second apart.
        let apart = lifetimes.windows(2).map(|pair| pair[1] - pair[0]).min();
        assert!(apart >= Some(LIFETIME / 100), "{lifetimes:?}");
        let mut shelf = Shelf::new();
        let mut worn = Vec::new();
        let mut link = shelf.made(1, 0, START);
        let (step, mut now) = (REST / 2, START);
        while worn.is_empty() {
            now = now.after(step);
            shelf.put(link, now, &mut worn);
            link = match shelf.take(now, &mut worn) {
                Taken::Idle(link) => link,
                Taken::None(_) => break,
            };
        }
        assert_eq!(worn, [1]);
        assert!(now.since(START) <= LIFETIME + step);
    }

    proptest! {
        /// Whatever is taken, put back and given up: a connection is in one place, and none that is worn or
        /// of a past generation is handed out.
        #[test]
        fn a_connection_is_in_one_place(steps in proptest::collection::vec((0..8_u8, 0..400_u64), 1..200)) {
            let mut shelf = Shelf::new();
            let (mut now, mut made) = (START, 0_u32);
            let (mut out, mut gone) = (Vec::<Link<u32>>::new(), Vec::new());
            for (step, seconds) in steps {
                now = now.after(Duration::from_secs(seconds));
                match step {
                    0..3 => match shelf.take(now, &mut gone) {
                        Taken::Idle(link) => {
                            prop_assert!(!link.is_worn(now));
                            prop_assert_eq!(link.generation, shelf.generation);
                            out.push(link);
                        }
                        Taken::None(generation) => {
                            made += 1;
                            out.push(shelf.made(made, generation, now));
                        }
                    },
                    3..7 if !out.is_empty() => {
                        let link = out.swap_remove(seconds as usize % out.len());
                        shelf.put(link, now, &mut gone);
                    }
                    7 if !out.is_empty() => {
                        let generation = out[seconds as usize % out.len()].generation;
                        gone.extend(shelf.outdate(generation).into_iter().map(|link| link.session));
                    }
                    _ => {}
                }
                let mut everywhere: Vec<u32> = shelf.idle.iter().chain(&out).map(|link| link.session).collect();
                everywhere.extend(&gone);
                everywhere.sort_unstable();
                prop_assert_eq!(everywhere, (1..=made).collect::<Vec<_>>());
            }
        }
    }
}
