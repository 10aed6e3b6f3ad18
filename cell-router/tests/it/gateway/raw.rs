//! HTTP/1.1 by hand, for what no client or server of HTTP would do.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::timeout,
};

/// No test waits longer for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(8);

/// One connection, bytes in and out.
pub(super) struct Raw(pub(super) TcpStream);

impl Raw {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// What comes until the other side closes; a reset counts as a close.
    pub(super) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, self.0.read_to_end(&mut bytes)).await;
        let _ = read.expect("the connection was not closed");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What comes until this has come.
    #[track_caller]
    pub(super) fn until(&mut self, end: &str) -> impl Future<Output = String> {
        let caller = std::panic::Location::caller();
        async move {
            let mut seen = Vec::new();
            let reading = async {
                while !String::from_utf8_lossy(&seen).contains(end) {
                    let mut chunk = [0; 4096];
                    let read = self.0.read(&mut chunk).await.unwrap_or(0);
                    if read == 0 {
                        return false;
                    }
                    seen.extend_from_slice(&chunk[..read]);
                }
                true
            };
            let came = timeout(PATIENCE, reading).await;
            let seen = String::from_utf8_lossy(&seen).into_owned();
            assert_eq!(came, Ok(true), "{end:?} did not come ({caller}): {seen:?}");
            seen
        }
    }

    /// Reads a head.
    pub(super) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Resolves when the other side has closed.
    pub(super) async fn closed(&mut self) {
        self.rest().await;
    }
}

/// An upstream that hands each of its connections to the test.
pub(super) struct RawUpstream {
    pub(super) address: SocketAddr,
    connections: mpsc::UnboundedReceiver<Raw>,
}

impl RawUpstream {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, connections) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                if sender.send(Raw(stream)).is_err() {
                    return;
                }
            }
        });
        Self {
            address,
            connections,
        }
    }

    pub(super) async fn accept(&mut self) -> Raw {
        let accepted = timeout(PATIENCE, self.connections.recv()).await;
        accepted.expect("nobody connected").unwrap()
    }

    /// A connection that is there already.
    pub(super) fn accepted(&mut self) -> Option<Raw> {
        self.connections.try_recv().ok()
    }
}
