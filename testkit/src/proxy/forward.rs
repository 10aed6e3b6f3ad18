//! One connection through the proxy.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio::{select, try_join};

use super::faults::{Cut, Direction, Line};
use crate::Address;

/// What is passed on at once, at most.
const PIECE: usize = 64 * 1024;

/// Passes bytes on both ways until both sides have closed, one has failed, or the line is cut. The end is
/// passed on as it came: an orderly one is a close, any other a reset.
pub(super) async fn forward(mut client: TcpStream, upstream: Address, line: Line) {
    let outcome = match upstream {
        Address::Unix(file) => to_unix(&mut client, UnixStream::connect(file).await, line).await,
        Address::Tcp(address) => to_tcp(&mut client, TcpStream::connect(address).await, line).await,
    };
    if outcome.is_err() {
        reset(&client);
    }
}

async fn to_unix(
    client: &mut TcpStream,
    server: io::Result<UnixStream>,
    line: Line,
) -> io::Result<()> {
    let mut server = server?;
    exchange(client, server.split(), line).await
}

async fn to_tcp(
    client: &mut TcpStream,
    server: io::Result<TcpStream>,
    line: Line,
) -> io::Result<()> {
    let mut server = server?;
    server.set_nodelay(true)?;
    let outcome = exchange(client, server.split(), line).await;
    if outcome.is_err() {
        reset(&server);
    }
    outcome
}

async fn exchange(
    client: &mut TcpStream,
    server: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    line: Line,
) -> io::Result<()> {
    client.set_nodelay(true)?;
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server;
    let questions = pump(from_client, to_server, (line.clone(), Direction::ToServer));
    let answers = pump(from_server, to_client, (line.clone(), Direction::ToClient));
    select! {
        // First, so that a line that was cut passes nothing more.
        biased;
        () = line.cut() => Err(was_cut(Cut)),
        ended = async { try_join!(questions, answers) } => ended.map(drop),
    }
}

/// Passes bytes on one way. A fault holds for all that was not yet written, and for the news that the
/// side has closed or failed.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    (mut line, way): (Line, Direction),
) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece).await;
        line.pass(way).await.map_err(was_cut)?;
        match read? {
            0 => return to.shutdown().await,
            length => to.write_all(&piece[..length]).await?,
        }
    }
}

fn was_cut(Cut: Cut) -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

/// Makes the end of a connection a reset. It fails only for one that has ended already.
fn reset(stream: &TcpStream) {
    let _ended = stream.set_zero_linger();
}
