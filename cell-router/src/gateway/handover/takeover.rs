use std::{
    fmt, fs,
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener as StdListener},
    os::{
        fd::OwnedFd,
        unix::{fs::PermissionsExt as _, net::UnixListener as StdDoor},
    },
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::{TcpListener, UnixListener, UnixStream},
    time::timeout,
};

use super::{
    HandoverError, Offer,
    link::Link,
    wire::{self, GRANTED, MOST, READY},
};

/// How long the one process waits for the other, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(300);
/// How often one that ends in the middle is followed by another that may run.
const ATTEMPTS: u32 = 3;

/// Where processes that follow each other meet.
///
/// ```no_run
/// use tenancy_cell_router::{Handover, HandoverError, Server, Stop};
/// # async fn open() {}
/// # async fn f<S>(service: S) -> Result<(), HandoverError>
/// # where
/// #     S: tower::Service<http::Request<hyper::body::Incoming>, Response = http::Response<String>,
/// #             Error = std::convert::Infallible, Future: Send> + Clone + Send + 'static,
/// # {
/// let mut takeover = Handover::at("/run/shops/handover").take_over().await?;
/// let listener = takeover.listen(([0, 0, 0, 0], 8080).into()).await?;
/// open().await; // whatever it takes to be ready: the other process serves meanwhile
/// let offer = takeover.complete().await?;
/// let (stop, stopped) = tokio::sync::watch::channel(Stop::Not);
/// tokio::spawn(async move {
///     offer.taken().await;
///     stop.send_replace(Stop::Drain);
/// });
/// Server::new(listener).serve(service, stopped).await;
/// # Ok(())
/// # }
/// ```
/// For a process that takes ten minutes to be ready:
/// ```
/// # use std::time::Duration;
/// # use tenancy_cell_router::Handover;
/// let handover = Handover::at("/run/shops/handover").with_patience(Duration::from_secs(600));
/// ```
#[derive(Clone, Debug)]
pub struct Handover {
    path: PathBuf,
    patience: Duration,
}

impl Handover {
    /// By a Unix socket at this path, whose folder only this process's user should be able to write to.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            patience: PATIENCE,
        }
    }

    /// Sets how long one process waits for the other: this one for sockets, and as [`Offer`] for the next one to be ready.
    /// 5 minutes unless told otherwise.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Gets the listening sockets of the process that runs. If none does there will be new ones.
    ///
    /// # Errors
    /// [`HandoverError`], when something is at the path that is no process of this user which hands over.
    ///
    /// # Cancel safety
    /// Cancel safe: the process that runs goes on.
    pub async fn take_over(self) -> Result<Takeover, HandoverError> {
        let late = HandoverError::TimedOut {
            path: self.path.clone(),
        };
        let attempts = timeout(self.patience, self.attempts());
        let (origin, inherited) = attempts.await.map_err(|_| late)??;
        Ok(Takeover {
            handover: self,
            origin,
            inherited,
            listening: Vec::new(),
        })
    }

    async fn attempts(&self) -> Result<(Origin, Vec<StdListener>), HandoverError> {
        let mut broken = None;
        for _ in 0..ATTEMPTS {
            let stream = match UnixStream::connect(&self.path).await {
                Ok(stream) => stream,
                Err(error) if is_nobody(&error) => return Ok((Origin::Fresh, Vec::new())),
                Err(source) => return Err(self.path_error(source)),
            };
            match self.inherit(Link::new(stream)).await? {
                Ok(inherited) => return Ok(inherited),
                Err(error) => broken = Some(error),
            }
        }
        Err(HandoverError::BrokenOff {
            path: self.path.clone(),
            source: broken.unwrap_or_else(|| ErrorKind::UnexpectedEof.into()),
        })
    }

    /// What the process at the other end has; its end is the inner error.
    async fn inherit(
        &self,
        mut link: Link,
    ) -> Result<io::Result<(Origin, Vec<StdListener>)>, HandoverError> {
        if let Some(uid) = link.stranger().map_err(|source| self.path_error(source))? {
            let ours = rustix::process::geteuid().as_raw();
            let path = self.path.clone();
            return Err(HandoverError::Stranger { path, uid, ours });
        }
        let received = async {
            link.say(&wire::hello()).await?;
            link.receive().await
        };
        let (said, sockets) = match received.await {
            Ok(received) => received,
            Err(error) => return Ok(Err(error)),
        };
        let mut sockets = sockets.into_iter();
        let count = wire::read_sockets(said).filter(|count| count + 1 == sockets.len());
        let (Some(_), Some(door)) = (count, sockets.next()) else {
            let path = self.path.clone();
            return Err(HandoverError::Unreadable { path });
        };
        let inherited = sockets.map(StdListener::from).collect();
        Ok(Ok((Origin::Running { link, door }, inherited)))
    }

    fn path_error(&self, source: io::Error) -> HandoverError {
        let path = self.path.clone();
        HandoverError::Path { path, source }
    }

    /// A socket at the path, in place of one that nobody listens on.
    fn open_door(&self) -> io::Result<StdDoor> {
        let unfinished = unfinished(&self.path);
        // One may be left of a process that had this number.
        let _ = fs::remove_file(&unfinished);
        let door = StdDoor::bind(&unfinished)?;
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
        fs::rename(&unfinished, &self.path)?;
        Ok(door)
    }
}

fn is_nobody(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::ConnectionRefused
    )
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    name.into()
}

enum Origin {
    /// Nobody runs.
    Fresh,
    /// Somebody runs, and waits for this process to be ready.
    Running { link: Link, door: OwnedFd },
}

/// A process that is about to take over: the other one serves until it is [complete](Self::complete).
pub struct Takeover {
    handover: Handover,
    origin: Origin,
    /// What nobody has asked for yet.
    inherited: Vec<StdListener>,
    listening: Vec<StdListener>,
}

impl Takeover {
    /// Whether another process is being taken over from.
    #[must_use]
    pub fn is_restart(&self) -> bool {
        matches!(self.origin, Origin::Running { .. })
    }

    /// The socket that listens on this address: the other process's, or a new one. Do not accept from it before the
    /// take-over is complete.
    ///
    /// Port 0 is always a new one. What the other process listened on, and nobody asks for here, is closed when it ends.
    ///
    /// # Errors
    /// [`HandoverError::Listen`] when the address cannot be listened on; [`HandoverError::TooMany`] for more than 64.
    pub async fn listen(&mut self, address: SocketAddr) -> Result<TcpListener, HandoverError> {
        if self.listening.len() == MOST {
            return Err(HandoverError::TooMany { most: MOST });
        }
        let listener = match self.take(address) {
            Some(inherited) => Ok(inherited),
            None => bind(address).await,
        };
        let kept = listener.and_then(|listener| Ok((listener.try_clone()?, listener)));
        let opened = kept.and_then(|(kept, listener)| {
            listener.set_nonblocking(true)?;
            Ok((kept, TcpListener::from_std(listener)?))
        });
        let (kept, listener) =
            opened.map_err(|source| HandoverError::Listen { address, source })?;
        self.listening.push(kept);
        Ok(listener)
    }

    fn take(&mut self, address: SocketAddr) -> Option<StdListener> {
        let is_it = |inherited: &StdListener| inherited.local_addr().ok() == Some(address);
        let at = self.inherited.iter().position(is_it)?;
        Some(self.inherited.swap_remove(at))
    }

    /// Says that this process is ready. Once this returns the other one accepts no more, and this one is to be taken over
    /// from.
    ///
    /// # Errors
    /// [`HandoverError`]: then the other process goes on, and this one must not serve. With nobody to take over from, when
    /// the path cannot be used.
    ///
    /// # Cancel safety
    /// Not cancel safe: when it is dropped the other process may have stopped already.
    pub async fn complete(self) -> Result<Offer, HandoverError> {
        let Self {
            handover,
            origin,
            listening,
            ..
        } = self;
        let door = match origin {
            Origin::Fresh => handover.open_door(),
            Origin::Running { mut link, door } => {
                let answered = timeout(handover.patience, granted(&mut link)).await;
                let path = handover.path.clone();
                match answered {
                    Ok(true) => Ok(StdDoor::from(door)),
                    Ok(false) => return Err(HandoverError::Withdrawn { path }),
                    Err(_) => return Err(HandoverError::TimedOut { path }),
                }
            }
        };
        let door = door.and_then(|door| {
            door.set_nonblocking(true)?;
            UnixListener::from_std(door)
        });
        Ok(Offer {
            door: door.map_err(|source| handover.path_error(source))?,
            path: handover.path,
            patience: handover.patience,
            listeners: listening,
        })
    }
}

/// Whether the other process leaves the sockets to this one. If it has ended it has left them, too.
async fn granted(link: &mut Link) -> bool {
    // If nobody hears it, the answer says why.
    let _ = link.say(&[READY]).await;
    match link.hear().await {
        Ok([answer]) => answer == GRANTED,
        Err(_) => true,
    }
}

async fn bind(address: SocketAddr) -> io::Result<StdListener> {
    TcpListener::bind(address).await?.into_std()
}

impl fmt::Debug for Takeover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Takeover")
            .field("handover", &self.handover)
            .field("is_restart", &self.is_restart())
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}
