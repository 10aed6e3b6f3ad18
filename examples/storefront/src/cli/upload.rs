//! A file that is sent while it is read.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::TryStreamExt;
use indicatif::ProgressBar;
use reqwest::Body;
use tokio::{fs::File, io::AsyncRead};
use tokio_util::io::ReaderStream;

use super::{
    client::{Answer, ClientError},
    error::CliError,
    progress,
};

/// How much of the file is held in memory at a time.
const CHUNK: usize = 64 * 1024;

/// An open file, or standard input.
pub(super) struct Upload {
    path: PathBuf,
    source: Box<dyn AsyncRead + Send + Unpin>,
    bar: ProgressBar,
}

impl Upload {
    pub(super) async fn open(path: &Path) -> Result<Self, CliError> {
        if path == "-" {
            return Ok(Self {
                path: path.into(),
                source: Box::new(tokio::io::stdin()),
                bar: progress::bar(None),
            });
        }
        let unread = |source| CliError::Read {
            path: path.into(),
            source,
        };
        let file = File::open(path).await.map_err(unread)?;
        let facts = file.metadata().await.map_err(unread)?;
        // A pipe that has a name tells no length either.
        let length = facts.is_file().then_some(facts.len());
        Ok(Self {
            path: path.into(),
            source: Box::new(file),
            bar: progress::bar(length),
        })
    }

    /// Sends the file. On a terminal a bar shows how much of it the server has taken.
    pub(super) async fn send(
        self,
        send: impl AsyncFnOnce(Body) -> Result<Answer, ClientError>,
    ) -> Result<Answer, CliError> {
        // A read that fails ends the request, and the client only knows that it ended.
        let unread: Arc<Mutex<Option<io::Error>>> = Arc::default();
        let (failure, bar) = (Arc::clone(&unread), self.bar.clone());
        let chunks = ReaderStream::with_capacity(self.source, CHUNK)
            .inspect_ok(move |chunk| bar.inc(chunk.len() as u64))
            .map_err(move |error| {
                let kind = error.kind();
                *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                io::Error::from(kind)
            });
        let answer = send(Body::wrap_stream(chunks)).await;
        self.bar.finish_and_clear();
        let unread = unread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match unread {
            Some(source) => Err(CliError::Read {
                path: self.path,
                source,
            }),
            None => Ok(answer?),
        }
    }
}
