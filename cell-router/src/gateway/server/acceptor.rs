use std::{
    future::{Ready, ready},
    io,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

use super::{ConnectionInfo, Security};

/// Where a [`Server`](super::Server)'s connections come from.
///
/// In two steps, so that a slow client holds up nobody: [`accept`](Self::accept) takes the next connection off the
/// queue; what has to be said before HTTP begins (the PROXY protocol, a TLS handshake) is left to
/// [`Opening`](Self::Opening), which runs in a task of the connection's own and within its time limit.
pub trait Acceptor: Send + 'static {
    /// What a connection is read from and written to.
    type Io: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// A connection that is being opened. An error ends that connection only.
    type Opening: Future<Output = io::Result<Opened<Self::Io>>> + Send + 'static;

    /// The next connection.
    ///
    /// # Errors
    /// When the system has no more file descriptors, or the connection was gone before it was accepted. The server
    /// waits a moment and asks again.
    ///
    /// # Cancel safety
    /// Must be cancel safe: no connection may be lost when the future is dropped.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Opening>> + Send;
}

/// A connection by which HTTP can be spoken.
#[derive(Debug)]
pub struct Opened<Io> {
    /// Its bytes.
    pub io: Io,
    /// Who is at the other end.
    pub info: ConnectionInfo,
}

/// A TCP connection needs no opening.
pub type TcpOpening = Ready<io::Result<Opened<TcpStream>>>;

/// Plain TCP, without delays for more bytes to send: bodies are written as they come.
impl Acceptor for TcpListener {
    type Io = TcpStream;
    type Opening = TcpOpening;

    async fn accept(&mut self) -> io::Result<TcpOpening> {
        let (stream, peer) = TcpListener::accept(self).await?;
        Ok(ready(open(stream, peer)))
    }
}

fn open(stream: TcpStream, peer: std::net::SocketAddr) -> io::Result<Opened<TcpStream>> {
    stream.set_nodelay(true)?;
    let info = ConnectionInfo::new(peer, stream.local_addr()?, Security::Plain);
    Ok(Opened { io: stream, info })
}
