//! Requests at a server, and how long it takes.
//!
//! Threads with a connection each, because a thread wakes up within some 50 microseconds of when it wants to,
//! where a runtime's timer takes a millisecond.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use tenancy_types::{Clock as _, Nanos, SystemClock};

use crate::{
    Failure,
    http::{Answer, Connection},
    server::Server,
};

/// Parts of a load whose processor time is measured.
const PARTS: usize = 9;

/// What is asked and what a good answer is.
pub(crate) struct Load<'a> {
    pub(crate) address: &'a str,
    pub(crate) connections: usize,
    pub(crate) requests: &'a [Vec<u8>],
    pub(crate) status: u16,
}

/// How it went.
pub(crate) struct Outcome {
    /// How long each answer took, the shortest first.
    latencies: Vec<Duration>,
    /// From the first request to the last answer.
    pub(crate) took: Duration,
}

impl Outcome {
    /// The time within which so many of a hundred were answered.
    pub(crate) fn percentile(&self, percent: usize) -> Duration {
        let rank = (self.latencies.len() * percent).div_ceil(100);
        self.latencies[rank.max(1) - 1]
    }

    pub(crate) fn remark(&self, what: &str) {
        let [p50, p95, p99] =
            [50, 95, 99].map(|percent| self.percentile(percent).as_secs_f64() * 1e3);
        let rate = self.latencies.len() as f64 / self.took.as_secs_f64();
        eprintln!("{what}: {rate:.0}/s, p50 {p50:.2} ms, p95 {p95:.2} ms, p99 {p99:.2} ms");
    }
}

impl Load<'_> {
    /// Each connection sends as soon as it has its answer.
    pub(crate) fn closed(&self) -> Result<Outcome, Failure> {
        self.run(|_| None)
    }

    /// Requests come at moments of their own, at this many a second on average, whatever becomes of those
    /// before: the gaps are exponentially distributed. A latency counts from the moment at which its request
    /// was due, so a server that stalls pays for everybody whom it keeps waiting.
    pub(crate) fn open(&self, rate: f64) -> Result<Outcome, Failure> {
        let mut random = fastrand::Rng::with_seed(11);
        let mut due = Duration::ZERO;
        let schedule: Vec<Duration> = self
            .requests
            .iter()
            .map(|_| {
                due += Duration::from_secs_f64(-(1.0 - random.f64()).ln() / rate);
                due
            })
            .collect();
        self.run(|number| Some(schedule[number]))
    }

    /// The microseconds of processor time that the server takes for one request: the median of several
    /// parts of the load, because a neighbour on the machine makes some of them dearer.
    pub(crate) fn cpu(&self, server: &Server) -> Result<f64, Failure> {
        let mut values = Vec::with_capacity(PARTS);
        for part in self.requests.chunks(self.requests.len().div_ceil(PARTS)) {
            let before = server.processor_time()?;
            Load {
                requests: part,
                ..*self
            }
            .closed()?;
            let spent = server.processor_time()? - before;
            values.push(spent.as_secs_f64() * 1e6 / part.len() as f64);
        }
        values.sort_by(f64::total_cmp);
        Ok(values[values.len() / 2])
    }

    /// `due` says when a request is due after the start; at once without it.
    fn run(&self, due: impl Fn(usize) -> Option<Duration> + Sync) -> Result<Outcome, Failure> {
        let next = AtomicUsize::new(0);
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(self.address)?);
        }
        let start = SystemClock.now();
        let (next, due) = (&next, &due);
        let latencies: Result<Vec<Vec<Duration>>, Failure> = thread::scope(|scope| {
            let threads: Vec<_> = connections
                .into_iter()
                .map(|connection| scope.spawn(move || self.one(connection, start, next, due)))
                .collect();
            let ends = threads
                .into_iter()
                .map(|thread| thread.join().expect("it does not panic"));
            ends.collect()
        });
        let took = SystemClock.now().since(start);
        let mut latencies = latencies?.concat();
        latencies.sort_unstable();
        Ok(Outcome { latencies, took })
    }

    fn one(
        &self,
        mut connection: Connection,
        start: Nanos,
        next: &AtomicUsize,
        due: impl Fn(usize) -> Option<Duration>,
    ) -> Result<Vec<Duration>, Failure> {
        let mut latencies = Vec::with_capacity(self.requests.len());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = self.requests.get(number) else {
                return Ok(latencies);
            };
            let sent =
                due(number).map_or_else(|| SystemClock.now(), |due| wait_until(start.after(due)));
            let answer = connection.send(request)?;
            self.check(request, &answer)?;
            latencies.push(SystemClock.now().since(sent));
        }
    }

    fn check(&self, request: &[u8], answer: &Answer<'_>) -> Result<(), Failure> {
        if answer.status == self.status {
            return Ok(());
        }
        let (request, body) = (
            String::from_utf8_lossy(request),
            String::from_utf8_lossy(answer.body),
        );
        Err(format!(
            "{} instead of {}: {body}\n{request}",
            answer.status, self.status
        )
        .into())
    }
}

/// Waits for the moment, which may have passed, and returns it.
fn wait_until(due: Nanos) -> Nanos {
    let left = due.since(SystemClock.now());
    if !left.is_zero() {
        thread::sleep(left);
    }
    due
}
