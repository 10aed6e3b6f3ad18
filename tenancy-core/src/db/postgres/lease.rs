use std::{
    fmt, io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions,
};
use tenancy_types::{Clock as _, SystemClock};
use tokio::{
    runtime::Handle,
    time::{sleep, timeout},
};

use super::{
    clients::{Clients, LOOK_AFTER_CLIENT, with_limits},
    messages::Guard,
    rest::Rest,
    shelf::{Link, Shelf, Taken},
};
use crate::db::{
    CellOptions, DbError, Statements,
    error::Source,
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
    clients: Clients,
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

/// The server at the primary's address replays another's log.
#[derive(Debug, thiserror::Error)]
#[error("the server at the primary's address is in recovery")]
struct InRecovery;

/// How long saying goodbye to a server may take.
const GOODBYE: Duration = Duration::from_secs(1);

impl Door {
    /// Opens no connection yet.
    pub(super) fn new(
        connect: PgConnectOptions,
        connections: u16,
        options: CellOptions,
        clients: Clients,
    ) -> Self {
        // The message that begins a transaction has its seal in it, which is no matter for a log.
        let connect = with_limits(connect, clients, options).disable_statement_logging();
        Self(Arc::new(Shared {
            connect,
            options,
            clients,
            shelf: Mutex::new(Shelf::new()),
            gate: Gate::new(connections.into(), options.patience()),
            spells: AtomicBool::new(false),
        }))
    }

    /// Where its connections lead, for one that must not wait for any of them.
    pub(super) fn address(&self) -> &PgConnectOptions {
        &self.0.connect
    }

    /// A connection that is there, of which the party may hold `limit`. Its user finds out whether it lives.
    pub(super) fn lease_at_once(&self, party: Party, limit: u16) -> Option<PgLease> {
        let permit = self.0.gate.enter_at_once(party, limit)?;
        match self.0.take() {
            Taken::Idle(link) => Some(self.lend(link, permit)),
            Taken::None(_) => None,
        }
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
        Ok(self.lend(link, permit))
    }

    fn lend(&self, link: Link<Session>, permit: Permit) -> PgLease {
        PgLease {
            link: Some(link),
            door: self.clone(),
            setting: String::new(),
            rest: None,
            asked: false,
            permit: Some(permit),
        }
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
        match self.clients {
            Clients::Platform => {
                let ping = timeout(self.options.wait, link.session.connection.ping());
                matches!(ping.await, Ok(Ok(())))
            }
            Clients::Tenants | Clients::TenantsOfReplica => true,
        }
    }

    async fn make(&self, generation: u64) -> Result<Link<Session>, DbError> {
        let connected = timeout(self.options.wait, self.connect()).await;
        let connection = connected
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
            .map_err(|source| DbError::Unreachable { source })?;
        let guard = match self.options.statements {
            Statements::Named => Guard::New,
            Statements::Unnamed => Guard::Spelled,
        };
        let session = Session { connection, guard };
        Ok(self.shelf().made(session, generation, SystemClock.now()))
    }

    /// A server becomes a replica by a restart only, so that a connection needs to be asked once.
    async fn connect(&self) -> Result<PgConnection, Source> {
        let mut connection = PgConnection::connect_with(&self.connect).await?;
        if self.clients == Clients::TenantsOfReplica {
            return Ok(connection);
        }
        let row = sqlx::raw_sql("SELECT pg_catalog.pg_is_in_recovery()")
            .fetch_one(&mut connection)
            .await?;
        if row.try_get(0)? {
            return Err(InRecovery.into());
        }
        Ok(connection)
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
    link: Option<Link<Session>>,
    door: Door,
    /// What the guard set for the tenant whose transaction it is in.
    setting: String,
    /// Of the replica that it leads to, if it leads to one.
    rest: Option<Arc<Rest>>,
    /// Whether the server may be at work for it.
    asked: bool,
    permit: Option<Permit>,
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

    /// For one message or statement. Whoever has its answer says that the connection [rests](Self::rests).
    pub(super) fn connection(&mut self) -> &mut PgConnection {
        self.asked = true;
        &mut self.session().connection
    }

    /// Says that the server does nothing for it.
    pub(super) fn rests(&mut self) {
        self.asked = false;
    }

    /// Whether nobody had used it for a while.
    pub(super) fn has_rested(&self) -> bool {
        self.link.as_ref().is_some_and(Link::has_rested)
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

impl Drop for PgLease {
    fn drop(&mut self) {
        // Its socket is closed before the next one may be made.
        let given_up = self.link.take().is_some();
        // A server that is at work notices that only when it looks, and until then it has the connection. Without
        // that many clients who give up would have all that there are.
        if given_up
            && self.asked
            && let Some(permit) = self.permit.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move {
                sleep(LOOK_AFTER_CLIENT).await;
                drop(permit);
            });
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
            .field("clients", &self.clients)
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
        let shown = format!("{:?}", Door::new(connect, 1, options, Clients::Tenants));
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("shop_app"), "{shown}");
    }
}
