use futures_core::stream::BoxStream;
use futures_util::stream;
use tenancy_types::{LogEntry, Position, Revision};
use tokio::sync::watch;

use super::DirectoryError;

/// How many entries are read at once.
const BATCH: usize = 256;

/// A stored change log.
pub(super) trait StoredLog: Send + Sync + 'static {
    /// The entries behind `after` in order, at most `limit`; [`LogGap`](DirectoryError::LogGap) when they would not lead
    /// a follower on: the log's extent says so, or `after` is inside the life of a tenant that is forgotten.
    fn read(
        &self,
        after: Position,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LogEntry>, DirectoryError>> + Send;
}

/// Follows a log for ever. The log is the truth; `wake` only says when to look again, and may do so for
/// nothing.
pub(super) fn follow(
    log: impl StoredLog,
    wake: watch::Receiver<Revision>,
    after: Position,
) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
    let start = Follow {
        log,
        wake,
        after,
        batch: Vec::new().into_iter(),
    };
    Box::pin(stream::unfold(Some(start), async |follow| {
        let mut follow = follow?;
        match follow.next().await {
            Ok(entry) => Some((Ok(entry), Some(follow))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

struct Follow<L> {
    log: L,
    wake: watch::Receiver<Revision>,
    after: Position,
    batch: std::vec::IntoIter<LogEntry>,
}

impl<L: StoredLog> Follow<L> {
    async fn next(&mut self) -> Result<LogEntry, DirectoryError> {
        loop {
            if let Some(entry) = self.batch.next() {
                self.after = self.after.at(entry.revision);
                return Ok(entry);
            }
            // Marked as seen before the log is read: an entry written in between wakes us again.
            self.wake.mark_unchanged();
            self.batch = self.log.read(self.after, BATCH).await?.into_iter();
            if self.batch.len() == 0 {
                self.wake
                    .changed()
                    .await
                    .map_err(|source| DirectoryError::Unavailable {
                        source: source.into(),
                    })?;
            }
        }
    }
}
