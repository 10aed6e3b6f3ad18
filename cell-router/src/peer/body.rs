use std::{
    fmt,
    fs::File,
    io::{self, Read},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use http_body::{Body, Frame, SizeHint};
use tokio::task::spawn_blocking;

const CHUNK: usize = 1 << 17;

/// What a [`SnapshotService`](super::SnapshotService) answers: files, one after the other, or nothing.
pub struct SnapshotBody {
    chunks: BoxStream<'static, io::Result<Bytes>>,
    left: u64,
}

impl SnapshotBody {
    pub(super) fn empty() -> Self {
        Self {
            chunks: stream::empty().boxed(),
            left: 0,
        }
    }

    /// So many bytes of each file. They are read beside the runtime, when the client is ready for them.
    pub(super) fn files(files: Vec<(File, u64)>) -> Self {
        let left = files.iter().map(|(_, bytes)| bytes).sum();
        let files = files.into_iter().map(|(file, bytes)| file.take(bytes));
        let chunks = stream::iter(files).flat_map(|file| {
            stream::try_unfold(file, async |mut file| {
                let read = spawn_blocking(move || chunk(&mut file).map(|chunk| (chunk, file)));
                let (chunk, file) = read.await.map_err(io::Error::other)??;
                Ok((!chunk.is_empty()).then_some((chunk, file)))
            })
        });
        let chunks = chunks.boxed();
        Self { chunks, left }
    }
}

fn chunk(file: &mut impl Read) -> io::Result<Bytes> {
    let mut chunk = Vec::with_capacity(CHUNK);
    file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk)?;
    Ok(chunk.into())
}

impl Body for SnapshotBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = self.chunks.as_mut().poll_next(cx);
        next.map_ok(|chunk| {
            self.left = self.left.saturating_sub(chunk.len() as u64);
            Frame::data(chunk)
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

impl fmt::Debug for SnapshotBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotBody({} bytes)", self.left)
    }
}
