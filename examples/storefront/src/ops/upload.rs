//! Files that are read as they arrive.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::OpsError;

/// How much of a refused file is read on, so that its sender hears of the refusal.
const DISCARDED: usize = 64 << 20;

/// The longest pause between two parts of a file. A client that lost its power must not keep its key busy.
const PAUSE: Duration = Duration::from_secs(60);

/// A body that is hashed and measured as it is read.
pub(super) struct Upload {
    body: axum::body::BodyDataStream,
    hasher: blake3::Hasher,
    received: usize,
    most: usize,
}

impl Upload {
    /// A body of at most so many bytes.
    pub(super) fn new(body: Body, most: usize) -> Self {
        Self {
            body: body.into_data_stream(),
            hasher: blake3::Hasher::new(),
            received: 0,
            most,
        }
    }

    pub(super) fn chunks(&mut self) -> impl Stream<Item = Result<Bytes, OpsError>> + Send {
        futures_util::stream::try_unfold(self, async |upload| {
            Ok(upload.chunk().await?.map(|chunk| (chunk, upload)))
        })
    }

    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, OpsError> {
        let Some(chunk) = self.next().await? else {
            return Ok(None);
        };
        if self.received > self.most {
            return Err(OpsError::BodyTooLarge { most: self.most });
        }
        self.hasher.update(&chunk);
        Ok(Some(chunk))
    }

    async fn next(&mut self) -> Result<Option<Bytes>, OpsError> {
        let stalled = |_| OpsError::invalid("the file stopped arriving");
        let chunk = timeout(PAUSE, self.body.next()).await.map_err(stalled)?;
        let broken = |error| OpsError::invalid(format!("the body did not arrive whole: {error}"));
        let chunk = chunk.transpose().map_err(broken)?;
        self.received += chunk.as_ref().map_or(0, Bytes::len);
        Ok(chunk)
    }

    /// Reads on for a while after a refusal: a connection that is closed while the client still sends is
    /// reset, and the client never sees why.
    pub(super) async fn discard(&mut self) {
        let most = self.received + DISCARDED;
        while self.received < most && matches!(self.next().await, Ok(Some(_))) {}
    }

    /// The hash of the whole body: what has not been read yet is read now.
    pub(super) async fn hash(&mut self) -> Result<blake3::Hash, OpsError> {
        while self.chunk().await?.is_some() {}
        Ok(self.hasher.finalize())
    }
}
