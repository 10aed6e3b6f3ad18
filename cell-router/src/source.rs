#[cfg(feature = "core")]
mod directory;
#[cfg(feature = "tokio")]
mod lazy;

use std::fmt;

use futures_core::stream::BoxStream;
use tenancy_types::{LogEntry, Position};

use crate::Error;

#[cfg(feature = "tokio")]
pub use lazy::LazySource;

/// Where a table learns of tenants: the directory, seen from a follower.
///
/// With feature `core` every `tenancy_core::directory::Directory` is one.
///
/// # Consistency
/// Neither [`newest`](Self::newest) nor [`snapshot`](Self::snapshot) is ever behind what [`changes`](Self::changes) or one
/// of them has said before: a source that is behind has lost changes, and is not believed again until its incarnation
/// rises. So it reads where is written, not a replica or a cache.
pub trait ChangeSource: Send + Sync + 'static {
    /// Where the log ends now, as cheaply as the source can say it.
    fn newest(&self) -> impl Future<Output = Result<Position, Error>> + Send;

    /// Everything as of one position.
    fn snapshot(&self) -> impl Future<Output = Result<SourceSnapshot, Error>> + Send;

    /// The entries behind `after` in the order of their revisions: those there are, then those to come.
    /// Ends with an error when it cannot go on: with [`Error::LogGap`] when the log is of another history, or does
    /// not reach back so far, so that only a snapshot helps.
    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, Error>>;
}

/// The facts that hold at one position.
pub struct SourceSnapshot {
    /// Every entry up to here is contained.
    pub position: Position,
    /// The facts, the placement of each tenant before its names.
    pub facts: BoxStream<'static, Result<LogEntry, Error>>,
}

impl fmt::Debug for SourceSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SourceSnapshot")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
