//! Facts from a body, as it comes.

use std::{future::poll_fn, pin::Pin};

use bytes::Buf;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body::Body;
use tenancy_types::{LogEntry, Position};
use tokio::time::{Instant, timeout_at};

use crate::{
    Damage, Error, Guards, SourceSnapshot,
    snapshot::{Assembler, Frames},
};

/// A body of which so much was read that its position is known. Holds a block, what came last, and the logs.
pub(super) struct Download<R> {
    body: Pin<Box<R>>,
    frames: Frames,
    assembler: Assembler,
    bytes: u64,
    deadline: Instant,
    guards: Guards,
}

impl<R> Download<R>
where
    R: Body,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// Reads up to where the base begins.
    pub(super) async fn begin(
        body: R,
        deadline: Instant,
        guards: Guards,
    ) -> Result<(Position, Self), Error> {
        // Before anything of it is read.
        guards.judge_bytes(body.size_hint().lower())?;
        let mut download = Self {
            body: Box::pin(body),
            frames: Frames::new(),
            assembler: Assembler::new(),
            bytes: 0,
            deadline,
            guards,
        };
        loop {
            if !download.advance().await? {
                return Err(Damage::Truncated.into());
            }
            if let Some(position) = download.assembler.position() {
                return Ok((position, download));
            }
        }
    }

    /// Takes the next piece, so that no more than one is held in the form of facts, however much comes at once.
    /// Whether there was one.
    async fn advance(&mut self) -> Result<bool, Error> {
        loop {
            if let Some(piece) = self.frames.next()? {
                self.assembler.take(piece)?;
                return Ok(true);
            }
            if !self.receive().await? {
                return Ok(false);
            }
        }
    }

    /// Waits for more of the body. Whether there was more.
    async fn receive(&mut self) -> Result<bool, Error> {
        let frame = poll_fn(|cx| self.body.as_mut().poll_frame(cx));
        let frame = timeout_at(self.deadline, frame).await.ok();
        // A body that always has something, be it nothing, leaves the timer no chance.
        let in_time = frame.filter(|_| Instant::now() < self.deadline);
        let Some(frame) = in_time.ok_or_else(|| Error::peer("it was not done in time"))? else {
            return Ok(false);
        };
        // Trailers say nothing here.
        let Ok(mut data) = frame.map_err(Error::peer)?.into_data() else {
            return Ok(true);
        };
        self.bytes += data.remaining() as u64;
        self.guards.judge_bytes(self.bytes)?;
        while data.has_remaining() {
            let chunk = data.chunk();
            let length = chunk.len();
            self.frames.push(chunk);
            data.advance(length);
        }
        Ok(true)
    }

    /// The next facts, or `None` behind the last ones when nothing is missing.
    async fn facts(&mut self) -> Result<Option<Vec<LogEntry>>, Error> {
        loop {
            let facts = self.assembler.facts();
            if !facts.is_empty() {
                return Ok(Some(facts));
            }
            if !self.advance().await? {
                let is_over = self.assembler.is_over();
                return is_over.then_some(None).ok_or(Damage::Truncated.into());
            }
        }
    }
}

impl<R> Download<R>
where
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(super) fn into_snapshot(self, position: Position) -> SourceSnapshot {
        let batches = stream::try_unfold(self, async |mut download| {
            let facts = download.facts().await?;
            Ok::<_, Error>(facts.map(|facts| (facts, download)))
        });
        let facts = batches.map_ok(|facts| stream::iter(facts).map(Ok));
        let facts = facts.try_flatten().boxed();
        SourceSnapshot { position, facts }
    }
}
