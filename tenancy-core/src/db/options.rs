use std::{num::NonZeroU16, time::Duration};

use super::{gate::Patience, reaper::Reaper};

/// How a cell's connections are shared.
#[derive(Clone, Copy, Debug)]
pub struct CellOptions {
    pub(super) connections: NonZeroU16,
    pub(super) max_write_age: Duration,
    pub(super) max_read_age: Duration,
    pub(super) wait: Duration,
    pub(super) line: usize,
    pub(super) max_replica_lag: Duration,
    pub(super) statements: Statements,
}

/// How a connection to Postgres remembers the statements that it has prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statements {
    /// By name, so that each is prepared once. So is the call of the guard, unless a pooler turns out not to carry
    /// that name along, which it finds out by itself.
    Named,
    /// Not at all: each is prepared when it runs. For a pooler that gives transactions of one client to
    /// different connections and does not carry names along, such as PgBouncer before 1.21, where one
    /// client's names collide with another's. `prepare` names its statement even so: do without it there.
    /// `docs/operations/poolers.md` has what else such a pooler needs.
    Unnamed,
}

impl CellOptions {
    /// That many connections (on SQLite: readers, beside the one writer). A write transaction may be open
    /// for 10 s and a read transaction for 5 minutes, a request waits 5 s for its turn, 256 requests of
    /// one tenant may wait, a replica is at most 30 s behind, and statements have names.
    #[must_use]
    pub const fn new(connections: NonZeroU16) -> Self {
        Self {
            connections,
            max_write_age: Duration::from_secs(10),
            max_read_age: Duration::from_secs(5 * 60),
            wait: Duration::from_secs(5),
            line: 256,
            max_replica_lag: Duration::from_secs(30),
            statements: Statements::Named,
        }
    }

    /// How long a write transaction may be open before it is rolled back.
    #[must_use]
    pub const fn max_write_age(mut self, age: Duration) -> Self {
        self.max_write_age = age;
        self
    }

    /// How long a read transaction may be open before it is ended: it keeps a connection, and what is deleted
    /// meanwhile must be kept for it.
    #[must_use]
    pub const fn max_read_age(mut self, age: Duration) -> Self {
        self.max_read_age = age;
        self
    }

    /// How long a request waits for its turn at a connection before it is [`Busy`](super::DbError::Busy), and
    /// again how long for a new connection, if its turn brings none that is there. A replica is asked before, for up
    /// to 250 ms each; a connection that was found dead is replaced once, and a fence whose deadline has passed is
    /// lifted, which takes up to 5 s of its own. So this bounds each wait, and not their sum.
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

    /// How far a replica may be behind and still answer who has seen no more: by its own clock, since the last
    /// commit that it shows was made. One that has shown all it received, and is connected, is not behind; on a
    /// line that broke without a word it takes itself for connected until its `wal_receiver_timeout`, which is 60 s
    /// where nobody has set it, and is to be added to this.
    #[must_use]
    pub const fn max_replica_lag(mut self, lag: Duration) -> Self {
        self.max_replica_lag = lag;
        self
    }

    /// How connections remember statements; SQLite's always do.
    #[must_use]
    pub const fn statements(mut self, statements: Statements) -> Self {
        self.statements = statements;
        self
    }

    pub(super) fn reaper(&self) -> Reaper {
        Reaper::new(self.max_write_age.min(self.max_read_age))
    }

    pub(super) const fn patience(&self) -> Patience {
        Patience {
            wait: self.wait,
            line: self.line,
        }
    }
}
