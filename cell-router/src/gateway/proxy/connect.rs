use std::{
    error::Error,
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use pin_project_lite::pin_project;
use tokio::{net::TcpStream, time::timeout};
use tower_service::Service;

use crate::gateway::Expired;

type Failure = Box<dyn Error + Send + Sync>;

/// Makes connections, the resolving of names included in the time they may take.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    http: HttpConnector,
    limit: Duration,
}

impl Connector {
    pub(super) fn new(limit: Duration) -> Self {
        let mut http = HttpConnector::new();
        http.set_nodelay(true);
        Self { http, limit }
    }
}

impl Service<Uri> for Connector {
    type Response = UpstreamIo;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<UpstreamIo, Failure>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        self.http.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.http.call(uri);
        let limit = self.limit;
        Box::pin(async move {
            let io = timeout(limit, connecting)
                .await
                .map_err(|_| Expired::Connect)??;
            Ok(UpstreamIo {
                io,
                used: Used::default(),
            })
        })
    }
}

/// Whether a connection has brought an answer before: then it may have been closed by the upstream, unnoticed, when the
/// next request was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Used(Arc<AtomicBool>);

impl Used {
    pub(super) fn mark(&self) {
        self.0.store(true, Relaxed);
    }

    pub(super) fn is_marked(&self) -> bool {
        self.0.load(Relaxed)
    }
}

pin_project! {
    /// A connection to an upstream.
    pub(super) struct UpstreamIo {
        #[pin]
        io: TokioIo<TcpStream>,
        used: Used,
    }
}

impl Connection for UpstreamIo {
    fn connected(&self) -> Connected {
        Connected::new().extra(self.used.clone())
    }
}

impl Read for UpstreamIo {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.project().io.poll_read(cx, buffer)
    }
}

impl Write for UpstreamIo {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.project().io.poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.project().io.poll_write_vectored(cx, slices)
    }
}
