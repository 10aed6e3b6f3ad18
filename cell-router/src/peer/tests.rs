//! Bodies that are made to cost much.

use std::{convert::Infallible, time::Duration};

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use tenancy_types::{DirectoryId, History, Position, Revision};
use tokio::{runtime, time::Instant};

use super::download::Download;
use crate::{
    Error, Guards, Refusal,
    snapshot::{
        Totals,
        tests::forge::{Forge, PLAN, SAME_PLAN, about},
    },
};

const MIB: usize = 1 << 20;

fn position() -> Position {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    Position {
        history,
        revision: Revision::ZERO,
    }
}

/// A block of the shortest records.
fn block(base: &mut Forge) {
    let mut first = Some([&about(1, 1), PLAN].concat());
    base.block(|| first.take().unwrap_or_else(|| SAME_PLAN.to_vec()));
}

/// Reads a body to its end, and says how many facts it had.
async fn read<B>(body: B, patience: Duration, guards: Guards) -> Result<u64, Error>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let deadline = Instant::now() + patience;
    let (position, download) = Download::begin(body, deadline, guards).await?;
    let facts = download.into_snapshot(position).facts;
    facts
        .try_fold(0, async |count, _| Ok::<_, Error>(count + 1))
        .await
}

const LONG: Duration = Duration::from_secs(600);

/// An in-process client may give everything in one frame.
#[test]
fn a_frame_as_long_as_the_body_takes_the_memory_of_a_frame_and_a_block() {
    let mut base = Forge::base(position());
    let mut body = base.take();
    while body.len() < MIB {
        block(&mut base);
        body.append(&mut base.take());
    }
    let length = body.len();
    let body = Full::new(Bytes::from(body));
    let mut runtime = runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    let mut error = None;
    let used = measure(|| {
        let read = read(body, LONG, Guards::default());
        error = runtime.block_on(read).err();
    });
    // There is no end.
    assert!(matches!(error, Some(Error::Damaged { .. })), "{error:?}");
    assert!(used.bytes_max < (length + 4 * MIB) as u64, "{used:?}");
}

/// Whatever its length says: an endless body is read up to the bound.
#[tokio::test]
async fn an_endless_base_is_given_up_at_the_bound() {
    let most = MIB as u64;
    let mut base = Forge::base(position());
    let endless = stream::repeat_with(move || {
        block(&mut base);
        Ok::<_, Infallible>(Frame::data(Bytes::from(base.take())))
    });
    let guards = Guards::default().with_most_bytes(most);
    let wrong = read(StreamBody::new(endless), LONG, guards).await;
    let expect = Refusal::TooLong { most };
    assert!(matches!(wrong, Err(Error::Refused { refusal }) if refusal == expect));
}

/// It has something at any time, and it is nothing.
#[tokio::test]
async fn an_endless_body_without_content_is_given_up_in_time() {
    let started = Instant::now();
    let frames = stream::repeat_with(move || {
        let patience = started.elapsed() < Duration::from_secs(5);
        patience
            .then(|| Frame::data(Bytes::new()))
            .ok_or("it was read for ever")
    });
    let body = StreamBody::new(frames.boxed());
    let wrong = read(body, Duration::from_millis(20), Guards::default()).await;
    let Err(Error::Peer { source }) = wrong else {
        panic!("{wrong:?}");
    };
    assert_eq!(source.to_string(), "it was not done in time");
}

#[tokio::test]
async fn a_base_of_the_shortest_records_is_read() {
    let mut base = Forge::base(position());
    block(&mut base);
    let facts = (64 * 1_024 - 7) / 2 + 1;
    base.end(Totals {
        facts,
        ..Totals::default()
    });
    let body = Full::new(Bytes::from(base.take()));
    assert_eq!(read(body, LONG, Guards::default()).await.unwrap(), facts);
}
