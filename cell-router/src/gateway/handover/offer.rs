use std::{
    fmt, io,
    net::TcpListener,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    time::Duration,
};

use tokio::{
    net::UnixListener,
    time::{sleep, timeout},
};

use super::{
    link::Link,
    wire::{self, GRANTED, READY, WITHDRAWN},
};

/// How long to wait when nobody could be accepted: the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listening sockets of this process, for whoever comes next.
///
/// It keeps those sockets open: drop it when the process stops, or those who connect wait for nobody.
pub struct Offer {
    pub(super) path: PathBuf,
    pub(super) patience: Duration,
    pub(super) door: UnixListener,
    pub(super) listeners: Vec<TcpListener>,
}

impl Offer {
    /// Resolves when another process has the sockets and is ready: then stop accepting, and drain.
    ///
    /// Processes of other users are sent away. One that ends before it is ready, or is not ready in time, changes nothing.
    ///
    /// # Cancel safety
    /// Dropping the future says that this process leaves: whoever is taking over at that moment goes on alone.
    pub async fn taken(self) {
        loop {
            match self.door.accept().await {
                Ok((stream, _)) => {
                    if self.is_taken_by(Link::new(stream)).await {
                        return;
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, path = %self.path.display(), "handover not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn is_taken_by(&self, mut link: Link) -> bool {
        match link.stranger() {
            Ok(None) => {}
            Ok(Some(uid)) => {
                tracing::warn!(uid, "handover refused to another user");
                return false;
            }
            Err(error) => {
                tracing::warn!(%error, "handover refused to somebody unknown");
                return false;
            }
        }
        match timeout(self.patience, self.converse(&mut link)).await {
            Ok(Ok(())) => {
                tracing::info!("listening sockets handed over");
                true
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "handover broken off, serving goes on");
                false
            }
            Err(_) => {
                link.say_at_once(WITHDRAWN);
                tracing::warn!("handover not completed in time, serving goes on");
                false
            }
        }
    }

    async fn converse(&self, link: &mut Link) -> io::Result<()> {
        let version = wire::read_hello(link.hear().await?).ok_or(io::ErrorKind::InvalidData)?;
        let listeners = self.listeners.iter().map(AsFd::as_fd);
        let sockets: Vec<BorrowedFd<'_>> =
            [self.door.as_fd()].into_iter().chain(listeners).collect();
        let said = wire::sockets(version, self.listeners.len());
        link.pass(&said, &sockets).await?;
        match link.hear().await? {
            [READY] => link.say(&[GRANTED]).await,
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

impl fmt::Debug for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offer")
            .field("path", &self.path)
            .field("patience", &self.patience)
            .field("listeners", &self.listeners)
            .finish_non_exhaustive()
    }
}
