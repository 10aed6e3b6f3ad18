//! A line that can be made slow, silent or broken.

mod faults;
mod forward;
mod listener;

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError, mpsc as blocking};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::mpsc;

pub use faults::Direction;

use crate::postgres::Database;
use crate::{Address, Error};
use faults::Faults;
use listener::Port;

/// Why a change cannot fail.
const RUNS: &str = "the proxy's thread runs for as long as the proxy lives";

/// A proxy on a port of 127.0.0.1 of its own, in front of any server that talks through a stream. It
/// passes bytes on, until it is told to do worse.
///
/// Each change holds for the connections that are there and for those to come, and is in force when the
/// call returns: what a client sends afterwards meets it. The calls block only for that moment, so
/// asynchronous tests may use them. The proxy is a thread of this process with a runtime of its own: a
/// test's paused clock does not stop it, and when it is dropped its connections end.
///
/// ```no_run
/// # fn example() -> Result<(), tenancy_testkit::Error> {
/// use tenancy_testkit::{Direction, Postgres, Proxy};
///
/// let database = Postgres::shared().database()?;
/// let proxy = Proxy::start(database.address().clone())?;
/// println!("connect to {}", proxy.database(&database).url());
/// proxy.hang(Direction::ToClient); // Questions arrive, answers do not.
/// proxy.cut(); // And now nobody will ever know.
/// proxy.heal();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    upstream: Address,
    faults: Mutex<Faults>,
    /// Ends the thread when dropped.
    changes: Option<mpsc::UnboundedSender<Change>>,
    thread: Option<JoinHandle<()>>,
}

/// What shall hold from now on, and whom to tell that it does.
#[derive(Debug)]
struct Change {
    faults: Faults,
    done: blocking::SyncSender<()>,
}

impl Proxy {
    /// Opens a port in front of `upstream`, which need not be there yet: as long as it is not, a client's
    /// connection is accepted and reset.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the machine has no port or thread left.
    pub fn start(upstream: Address) -> Result<Self, Error> {
        let failed = || Error::io("start a proxy");
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed())?;
        let mut port = Port::reserve().map_err(failed())?;
        let inside = runtime.enter();
        port.open().map_err(failed())?;
        drop(inside);
        let (changes, orders) = mpsc::unbounded_channel();
        let (address, server) = (port.address(), upstream.clone());
        let thread = thread::Builder::new()
            .name("proxy".to_owned())
            .spawn(move || runtime.block_on(listener::serve(port, server, orders)))
            .map_err(failed())?;
        Ok(Self {
            address,
            upstream,
            faults: Mutex::default(),
            changes: Some(changes),
            thread: Some(thread),
        })
    }

    /// Where clients connect. It stays the same.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The way through the proxy to a database.
    ///
    /// # Panics
    ///
    /// When the database is not on the server behind this proxy.
    #[must_use]
    pub fn database(&self, database: &Database) -> Database {
        assert_eq!(
            database.address(),
            &self.upstream,
            "this proxy leads to another server"
        );
        database.at(Address::Tcp(self.address))
    }

    /// Holds each piece of up to 64 KiB back for this long, in either direction: an answer takes twice as
    /// long. Zero ends it.
    pub fn delay(&self, pause: Duration) {
        self.change(|faults| faults.delay = pause);
    }

    /// Accepts and keeps connections, and holds back what goes in this direction, also that a side has
    /// closed: neither side can tell it from silence. What was held back arrives when the line is healed.
    pub fn hang(&self, direction: Direction) {
        self.change(|faults| faults.hang = Some(direction));
    }

    /// Refuses connections from now on; those that are there stay. A client sees what it would see when
    /// nothing listens.
    pub fn refuse(&self) {
        self.change(|faults| faults.refuses = true);
    }

    /// Resets all connections that are there, and throws away what was held back. New ones are served.
    pub fn cut(&self) {
        self.change(|faults| faults.cuts += 1);
    }

    /// Ends the delay, the hanging and the refusing.
    pub fn heal(&self) {
        self.change(|faults| *faults = faults.healed());
    }

    /// Changes the faults and waits until the change is in force. Two changes at once are made one after
    /// the other.
    fn change(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut faults);
        let (done, wait) = blocking::sync_channel(1);
        let faults = *faults;
        let changes = self.changes.as_ref().expect(RUNS);
        changes.send(Change { faults, done }).expect(RUNS);
        wait.recv().expect(RUNS);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        drop(self.changes.take());
        let _ended = self.thread.take().map(JoinHandle::join);
    }
}
