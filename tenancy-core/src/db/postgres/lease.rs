use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_types::{Clock as _, SystemClock};
use tokio::time::timeout;

use super::{
    messages::Guard,
    rest::Rest,
    shelf::{Link, Shelf, Taken},
};
use crate::db::{
    CellOptions, DbError, Statements,
    gate::{Gate, Permit},
    turns::Party,
};

/// Connections and the line before them. A cheap handle.
///
/// Not sqlx's own pool, which asks each connection that comes back whether it lives, a round trip, in a task
/// of its own. Here only a connection that is known to be outside any transaction comes back, and whoever
/// uses it next finds out whether it lives.
#[derive(Clone, Debug)]
pub(super) struct Door(Arc<Shared>);

struct Shared {
    connect: PgConnectOptions,
    options: CellOptions,
    check: Check,
    shelf: Mutex<Shelf<Session>>,
    gate: Gate,
    /// Its connections lead to sessions that others use as well, so that what they were taught is not kept.
    spells: AtomicBool,
}

/// A connection, and how it calls the guard.
struct Session {
    connection: PgConnection,
    guard: Guard,
}

/// Nothing goes on in a transaction for this long only when its client is out of reach. Its locks would keep
/// the tenant fenced, or its fence from changing, until the network gives up, which takes hours.
const MAX_IDLE: (&str, &str) = ("idle_in_transaction_session_timeout", "60s");

/// A statement whose client has hung up runs on until the server looks: it holds its locks, and a connection
/// more than there should be. So it looks twice in the second that a change of a fence waits longer than a
/// write transaction may be open. A pooler may leave this out; then it is the pooler that hangs up.
const LOOK_AFTER_CLIENT: (&str, &str) = ("client_connection_check_interval", "500ms");

/// When a connection that has died is noticed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Check {
    /// Before it is used, which costs a round trip.
    Before,
    /// By its user.
    Use,
}

/// How long saying goodbye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

impl Door {
    /// Opens no connection yet.
    pub(super) fn new(
        connect: PgConnectOptions,
        connections: u16,
        options: CellOptions,
        check: Check,
    ) -> Self {
        // The message that begins a transaction has its seal in it, which is no matter for a log.
        let connect = connect
            .options([MAX_IDLE, LOOK_AFTER_CLIENT])
            .disable_statement_logging();
        Self(Arc::new(Shared {
            connect,
            options,
            check,
            shelf: Mutex::new(Shelf::new()),
            gate: Gate::new(connections.into(), options.patience()),
            spells: AtomicBool::new(false),
        }))
    }

    /// Where its connections lead, for one that must not wait for any of them.
    pub(super) fn address(&self) -> &PgConnectOptions {
        &self.0.connect
    }

    /// Waits for a connection of which the party may hold `limit`. Cancel safe.
    pub(super) async fn lease(&self, party: Party, limit: u16) -> Result<PgLease, DbError> {
        let permit = self.0.gate.enter(party, limit).await?;
        let link = loop {
            match self.0.take() {
                Taken::Idle(mut link) => {
                    if self.0.lives(&mut link).await {
                        break link;
                    }
                    self.0.outdate(link.generation());
                }
                Taken::None(generation) => break self.0.make(generation).await?,
            }
        };
        Ok(PgLease {
            link: Some(link),
            door: self.clone(),
            setting: String::new(),
            rest: None,
            _permit: permit,
        })
    }
}

impl Shared {
    fn shelf(&self) -> MutexGuard<'_, Shelf<Session>> {
        // The shelf is whole after each of its methods, so a panic elsewhere harms nothing.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Taken<Session> {
        let mut worn = Vec::new();
        let taken = self.shelf().take(SystemClock.now(), &mut worn);
        part(worn);
        taken
    }

    fn put(&self, link: Link<Session>) {
        let mut worn = Vec::new();
        self.shelf().put(link, SystemClock.now(), &mut worn);
        part(worn);
    }

    fn outdate(&self, generation: u64) {
        let dead = self.shelf().outdate(generation);
        // Outside the lock: each drop closes a socket.
        drop(dead);
    }

    async fn lives(&self, link: &mut Link<Session>) -> bool {
        match self.check {
            Check::Before => {
                let ping = timeout(self.options.wait, link.session.connection.ping());
                matches!(ping.await, Ok(Ok(())))
            }
            Check::Use => true,
        }
    }

    async fn make(&self, generation: u64) -> Result<Link<Session>, DbError> {
        let connecting = PgConnection::connect_with(&self.connect);
        let connected = timeout(self.options.wait, connecting).await;
        let connection = connected
            .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())))
            .map_err(|error| DbError::Unreachable {
                source: error.into(),
            })?;
        let guard = match self.options.statements {
            Statements::Named => Guard::New,
            Statements::Unnamed => Guard::Spelled,
        };
        let session = Session { connection, guard };
        Ok(self.shelf().made(session, generation, SystemClock.now()))
    }
}

/// Closes connections that have served long enough. The server is told, so that nobody's log complains.
fn part(worn: Vec<Session>) {
    if !worn.is_empty() {
        tokio::spawn(async move {
            for session in worn {
                // One that does not listen any more is closed all the same.
                let _told = timeout(GOODBYE, session.connection.close()).await;
            }
        });
    }
}

/// A connection in use. Dropping it closes it, which rolls back: the socket goes with it, at once, in
/// whatever runtime or none.
pub struct PgLease {
    /// Before the permit, so that it is closed before the next one may be made.
    link: Option<Link<Session>>,
    door: Door,
    /// What the guard set for the tenant whose transaction it is in.
    setting: String,
    /// Of the replica that it leads to, if it leads to one.
    rest: Option<Arc<Rest>>,
    _permit: Permit,
}

impl PgLease {
    /// Says for whom its transaction was entered.
    pub(super) fn entered(&mut self, setting: String) {
        self.setting = setting;
    }

    /// Says that it leads to a replica, and how that rests.
    pub(super) fn leads_to_replica(&mut self, rest: Arc<Rest>) {
        self.rest = Some(rest);
    }

    pub(super) fn is_of_replica(&self) -> bool {
        self.rest.is_some()
    }

    /// Sends readers to the primary for a while, if it leads to a replica.
    pub(super) fn tire(&self) {
        if let Some(rest) = &self.rest {
            rest.begin();
        }
    }

    /// Whether it is in a tenant's transaction already.
    pub(super) fn has_entered(&self) -> bool {
        !self.setting.is_empty()
    }

    /// What the guard set for the tenant.
    pub(super) fn setting(&self) -> &str {
        &self.setting
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        &mut self.session().connection
    }

    fn session(&mut self) -> &mut Session {
        let link = self
            .link
            .as_mut()
            .expect("only `keep` takes it, and ends the lease");
        &mut link.session
    }

    /// How its next message calls the guard.
    pub(super) fn guard(&self) -> Guard {
        match &self.link {
            Some(link) if !self.door.0.spells.load(Ordering::Relaxed) => link.session.guard,
            _ => Guard::Spelled,
        }
    }

    /// Says that a message which called the guard was answered: a new name is known now.
    pub(super) fn taught(&mut self) {
        let session = self.session();
        if session.guard == Guard::New {
            session.guard = Guard::Known;
        }
    }

    /// Makes all messages through its door call the guard in full from now on.
    pub(super) fn spell_out(&self) {
        self.door.0.spells.store(true, Ordering::Relaxed);
    }

    pub(super) fn statements(&self) -> Statements {
        self.door.0.options.statements
    }

    /// Gives the connection back: it is in no transaction and knows no tenant.
    pub(super) fn keep(mut self) {
        if let Some(link) = self.link.take() {
            self.door.0.put(link);
        }
    }

    /// Gives up the connections of this one's generation, because they have died, or have prepared what is
    /// out of date. Those that are in use are closed as they come back.
    pub(super) fn spoil(&mut self) {
        if let Some(link) = &self.link {
            self.door.0.outdate(link.generation());
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of the address only this: sqlx prints its password, too.
        f.debug_struct("Shared")
            .field("host", &self.connect.get_host())
            .field("port", &self.connect.get_port())
            .field("database", &self.connect.get_database())
            .field("user", &self.connect.get_username())
            .field("check", &self.check)
            .field("gate", &self.gate)
            .field("idle", &self.shelf().len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for PgLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PgLease")
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use super::*;

    #[tokio::test]
    async fn a_password_is_not_printed() {
        let connect = "postgres://shop_app:s3cret@db.example/shop";
        let connect: PgConnectOptions = connect.parse().expect("an address");
        assert!(format!("{connect:?}").contains("s3cret"), "as it would be");
        let options = CellOptions::new(NonZeroU16::MIN);
        let shown = format!("{:?}", Door::new(connect, 1, options, Check::Use));
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("shop_app"), "{shown}");
    }
}
