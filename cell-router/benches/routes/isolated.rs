//! One lookup at a time, as a request meets it.

use std::hint::black_box;

use crate::{Failure, Measured, clock::now, hosts::Hosts, is_quick};

/// How many lookups of a side there are between two of the other's.
const TURN: usize = 1_000;

/// The middle nanoseconds of both sides. Each is given a host's number and text.
pub(crate) fn compare<A, B>(
    hosts: Hosts,
    ours: impl Fn(u32, &str) -> A,
    peer: impl Fn(u32, &str) -> B,
) -> Result<Measured, Failure> {
    let mut draw = Draw::new(hosts);
    let turns = if is_quick() { 10 } else { 300 };
    let [mut empty, mut of_ours, mut of_peer] = [const { Vec::new() }; 3];
    for _ in 0..turns {
        draw.time(&mut empty, |_, _| ())?;
        draw.time(&mut of_ours, &ours)?;
        draw.time(&mut of_peer, &peer)?;
    }
    let empty = middle(&mut empty);
    Ok(Measured {
        value: middle(&mut of_ours) - empty,
        peer: Some(middle(&mut of_peer) - empty),
    })
}

struct Draw {
    hosts: Hosts,
    random: fastrand::Rng,
    text: String,
}

impl Draw {
    fn new(hosts: Hosts) -> Self {
        Self {
            hosts,
            random: fastrand::Rng::with_seed(7),
            text: String::new(),
        }
    }

    fn time<R>(
        &mut self,
        times: &mut Vec<i64>,
        lookup: impl Fn(u32, &str) -> R,
    ) -> Result<(), Failure> {
        for _ in 0..TURN {
            let n = self.random.u32(..self.hosts.count);
            self.hosts.write(n, &mut self.text);
            let text = black_box(self.text.as_str());
            let start = now()?;
            black_box(lookup(n, text));
            times.push(now()? - start);
        }
        Ok(())
    }
}

/// The mean of the fifth in the middle: the median, but finer than the clock's steps.
fn middle(times: &mut [i64]) -> f64 {
    times.sort_unstable();
    let middle = &times[times.len() * 2 / 5..times.len() * 3 / 5];
    middle.iter().sum::<i64>() as f64 / middle.len() as f64
}
