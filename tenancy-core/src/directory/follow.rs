use futures_core::stream::BoxStream;
use futures_util::stream;
use tenancy_types::{LogEntry, Revision};
use tokio::sync::watch;

use super::DirectoryError;

/// How many entries are read at once.
const BATCH: usize = 256;

/// A stored change log.
pub(super) trait StoredLog: Send + Sync + 'static {
    /// The last revision.
    fn newest(&self) -> impl Future<Output = Result<Revision, DirectoryError>> + Send;

    /// The entries behind `after` in order, at most `limit`; [`LogGap`](DirectoryError::LogGap) when `after` is
    /// inside the life of a tenant that is forgotten.
    fn read(
        &self,
        after: Revision,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<LogEntry>, DirectoryError>> + Send;
}

/// Follows a log for ever. The log is the truth; `wake` only says when to look again, and may do so for
/// nothing.
pub(super) fn follow(
    log: impl StoredLog,
    wake: watch::Receiver<Revision>,
    after: Revision,
) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
    let start = Follow {
        log,
        wake,
        after,
        batch: Vec::new().into_iter(),
        checked: false,
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
    after: Revision,
    batch: std::vec::IntoIter<LogEntry>,
    checked: bool,
}

impl<L: StoredLog> Follow<L> {
    async fn next(&mut self) -> Result<LogEntry, DirectoryError> {
        self.check_start().await?;
        loop {
            if let Some(entry) = self.batch.next() {
                self.after = entry.revision;
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

    /// A follower ahead of the log follows another log, such as the one before a restore.
    async fn check_start(&mut self) -> Result<(), DirectoryError> {
        if !self.checked {
            let newest = self.log.newest().await?;
            if self.after > newest {
                return Err(DirectoryError::LogGap {
                    after: self.after,
                    newest,
                });
            }
            self.checked = true;
        }
        Ok(())
    }
}
