use std::{num::NonZeroU16, time::Duration};

/// How a process uses a [`PostgresDirectory`](super::PostgresDirectory).
#[derive(Clone, Copy, Debug)]
pub struct PostgresDirectoryOptions {
    pub(super) connections: NonZeroU16,
    pub(super) patience: Duration,
    pub(super) look_every: Duration,
}

impl Default for PostgresDirectoryOptions {
    fn default() -> Self {
        Self {
            connections: NonZeroU16::new(8).expect("not zero"),
            patience: Duration::from_secs(10),
            look_every: Duration::from_secs(1),
        }
    }
}

impl PostgresDirectoryOptions {
    /// Sets how many operations run at one time, each with a connection; by default 8. One more listens, and each
    /// snapshot that is being read has its own.
    #[must_use]
    pub fn with_connections(self, connections: NonZeroU16) -> Self {
        Self {
            connections,
            ..self
        }
    }

    /// Sets how long an operation waits for a connection, how long it then may take, and how long the server lets a
    /// transaction wait for its client; by default 10 s.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets how often the log is looked at when no notification comes; by default every second. It bounds how late an
    /// entry is seen while no connection listens, and costs one small query in each stream of changes.
    #[must_use]
    pub fn with_look_every(self, look_every: Duration) -> Self {
        Self { look_every, ..self }
    }
}
