use std::time::Duration;

/// How far behind the end of the log a follower is: a measure to watch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// How many revisions it has not seen.
    pub revisions: u64,
    /// How long ago the first entry that it has not seen was written, on the directory's clock; zero when it has seen all.
    /// Entries from before the directory kept times count from when it began to.
    pub age: Duration,
}
