//! The port of a proxy: opened, closed, and always the same.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::select;
use tokio::sync::{mpsc, watch};

use super::Change;
use super::faults::{Faults, Line};
use super::forward::forward;
use crate::Address;

/// Clients that may wait to be accepted.
const WAITING: u32 = 1024;

/// A port of 127.0.0.1 that nobody else gets while it is closed.
#[derive(Debug)]
pub(super) struct Port {
    /// Bound and never listening: it keeps the port when there is no listener.
    placeholder: TcpSocket,
    address: SocketAddr,
    listener: Option<TcpListener>,
}

impl Port {
    /// A free port, closed.
    pub(super) fn reserve() -> io::Result<Self> {
        let placeholder = bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let address = placeholder.local_addr()?;
        Ok(Self {
            placeholder,
            address,
            listener: None,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets clients connect.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let address = self.placeholder.local_addr()?;
        self.listener = Some(bind(address)?.listen(WAITING)?);
        Ok(())
    }

    /// Refuses clients, also those that wait to be accepted.
    fn close(&mut self) {
        self.listener = None;
    }

    /// The next client. None comes while the port is closed.
    async fn accept(&self) -> io::Result<TcpStream> {
        match &self.listener {
            Some(listener) => listener.accept().await.map(|(client, _)| client),
            None => pending().await,
        }
    }
}

/// Several sockets may have the same port, as long as one of them listens at most.
fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Serves clients and makes changes, until nobody is left to ask for one.
pub(super) async fn serve(
    mut port: Port,
    upstream: Address,
    mut changes: mpsc::UnboundedReceiver<Change>,
) {
    let (faults, line) = watch::channel(Faults::default());
    loop {
        select! {
            biased;
            change = changes.recv() => match change {
                Some(change) => apply(&change, &mut port, &faults),
                None => return,
            },
            client = port.accept() => {
                // A client that is gone before it was accepted is nothing to us.
                if let Ok(client) = client {
                    tokio::spawn(forward(client, upstream.clone(), Line::new(line.clone())));
                }
            }
        }
    }
}

fn apply(change: &Change, port: &mut Port, faults: &watch::Sender<Faults>) {
    let before = faults.send_replace(change.faults);
    // Clients that wait to be accepted have connected before the change, so a cut is for them too.
    if change.faults.refuses || change.faults.cuts != before.cuts {
        port.close();
    }
    if !change.faults.refuses && port.listener.is_none() {
        port.open().expect("the port is kept for this proxy");
    }
    // Whoever asked may have been killed with its thread, and then waits no more.
    let _waits = change.done.send(());
}
