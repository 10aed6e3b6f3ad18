use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use pin_project_lite::pin_project;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional},
    time::{Instant, sleep_until},
};

use crate::gateway::ConnectionInfo;

/// Two connections that have left HTTP. Each end may close its direction alone.
pub(in crate::gateway) struct Tunnel {
    pub(in crate::gateway) client: OnUpgrade,
    pub(in crate::gateway) upstream: OnUpgrade,
    /// How long neither end may say anything.
    pub(in crate::gateway) idle: Duration,
    /// The client's connection: the server counts it, and cuts it off at its end.
    pub(in crate::gateway) connection: Option<ConnectionInfo>,
}

impl Tunnel {
    /// Carries bytes until both ends have closed, one breaks, nothing is said for too long, or the server ends.
    pub(in crate::gateway) async fn run(self) {
        let Self {
            client,
            upstream,
            idle,
            connection,
        } = self;
        let carried = async {
            let (client, upstream) =
                tokio::try_join!(client, upstream).map_err(io::Error::other)?;
            carry(client, upstream, idle).await
        };
        let cut_off = async {
            match &connection {
                Some(connection) => connection.cut_off().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            carried = carried => {
                if let Err(error) = carried {
                    tracing::debug!(%error, "upgraded connection ended early");
                }
            }
            () = cut_off => tracing::debug!("upgraded connection cut off"),
        }
    }
}

async fn carry(client: Upgraded, upstream: Upgraded, idle: Duration) -> io::Result<()> {
    let last = Arc::new(Mutex::new(Instant::now()));
    let mut client = Watched {
        io: TokioIo::new(client),
        last: Arc::clone(&last),
    };
    let mut upstream = TokioIo::new(upstream);
    tokio::select! {
        ended = copy_bidirectional(&mut client, &mut upstream) => ended.map(drop),
        () = silence(&last, idle) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Resolves once nothing has been said for so long.
async fn silence(last: &Mutex<Instant>, idle: Duration) {
    loop {
        let due = *last.lock().unwrap_or_else(PoisonError::into_inner) + idle;
        if due <= Instant::now() {
            return;
        }
        sleep_until(due).await;
    }
}

pin_project! {
    /// Notes when bytes come or go. One end is enough: what one end sends, the other one gets.
    struct Watched<Io> {
        #[pin]
        io: Io,
        last: Arc<Mutex<Instant>>,
    }
}

fn note<T>(outcome: Poll<T>, last: &Mutex<Instant>) -> Poll<T> {
    if outcome.is_ready() {
        *last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
    outcome
}

impl<Io: AsyncRead> AsyncRead for Watched<Io> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.project();
        note(this.io.poll_read(cx, buffer), this.last)
    }
}

impl<Io: AsyncWrite> AsyncWrite for Watched<Io> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.project();
        note(this.io.poll_write(cx, bytes), this.last)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }
}
