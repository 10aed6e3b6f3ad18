use std::{num::NonZeroU16, time::Duration};

use super::gate::Patience;

/// How a cell's connections are shared.
#[derive(Clone, Copy, Debug)]
pub struct CellOptions {
    pub(super) connections: NonZeroU16,
    pub(super) max_write_age: Duration,
    pub(super) wait: Duration,
    pub(super) line: usize,
}

impl CellOptions {
    /// That many connections (on SQLite: readers, beside the one writer). A write transaction may be open
    /// for 10 s, a request waits 5 s for a connection, and 256 requests of one tenant may wait.
    #[must_use]
    pub const fn new(connections: NonZeroU16) -> Self {
        Self {
            connections,
            max_write_age: Duration::from_secs(10),
            wait: Duration::from_secs(5),
            line: 256,
        }
    }

    /// How long a write transaction may be open before it is rolled back.
    #[must_use]
    pub const fn max_write_age(mut self, age: Duration) -> Self {
        self.max_write_age = age;
        self
    }

    /// How long a request waits for a connection before it is [`Busy`](super::DbError::Busy).
    #[must_use]
    pub const fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How many requests of one tenant may wait for a connection; the next is [`Busy`](super::DbError::Busy)
    /// at once.
    #[must_use]
    pub const fn line(mut self, requests: usize) -> Self {
        self.line = requests;
        self
    }

    pub(super) const fn patience(&self) -> Patience {
        Patience {
            wait: self.wait,
            line: self.line,
        }
    }
}
