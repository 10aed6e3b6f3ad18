//! The tenants of a load, some at a time, and how long it waits for them.

use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::{DirectoryError, Import};

/// How many tenants are written at once, and held in memory.
pub(super) const CHUNK: usize = 2_048;

/// The next tenants to write, `None` behind the last.
///
/// Nobody else can write while they are waited for, so whoever yields them must not be silent for longer than `patience`.
pub(super) async fn next_chunk<S>(
    chunks: &mut S,
    patience: Duration,
) -> Result<Option<Vec<Import>>, DirectoryError>
where
    S: Stream<Item = Vec<Result<Import, DirectoryError>>> + Unpin,
{
    match timeout(patience, chunks.next()).await {
        Ok(chunk) => chunk.map(|chunk| chunk.into_iter().collect()).transpose(),
        Err(_) => Err(DirectoryError::unreadable(format!(
            "no tenant came for {patience:?}, and nobody else could write meanwhile"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_yields_nothing_for_too_long_ends_the_load() {
        let mut silent = stream::pending();
        let error = next_chunk(&mut silent, Duration::from_secs(10)).await;
        let error = error.unwrap_err();
        assert!(
            matches!(error, DirectoryError::Unreadable { .. }),
            "{error:?}"
        );
        let mut ended = stream::empty();
        let end = next_chunk(&mut ended, Duration::from_secs(10)).await;
        assert_eq!(end.unwrap(), None);
    }
}
