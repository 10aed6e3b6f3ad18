use std::{
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::{Stream, stream::BoxStream};
use tenancy_core::directory::{Directory, DirectoryError};
use tenancy_types::{LogEntry, Position};

use super::{ChangeSource, SourceSnapshot};
use crate::Error;

impl<D: Directory> ChangeSource for D {
    async fn newest(&self) -> Result<Position, Error> {
        Directory::newest(self).await.map_err(own_error)
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        let snapshot = Directory::snapshot(self).await.map_err(own_error)?;
        Ok(SourceSnapshot {
            position: snapshot.position,
            facts: Box::pin(OwnErrors(snapshot.facts)),
        })
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        Box::pin(OwnErrors(Directory::changes(self, after)))
    }
}

/// The directory's stream with this crate's error.
struct OwnErrors(BoxStream<'static, Result<LogEntry, DirectoryError>>);

impl Stream for OwnErrors {
    type Item = Result<LogEntry, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.as_mut().poll_next(cx);
        next.map(|item| item.map(|entry| entry.map_err(own_error)))
    }
}

fn own_error(error: DirectoryError) -> Error {
    match error {
        DirectoryError::LogGap { .. } => Error::LogGap,
        error => Error::directory(error),
    }
}
