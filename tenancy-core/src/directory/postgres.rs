use std::{fmt, sync::Arc};

use futures_core::stream::BoxStream;
use sqlx::postgres::PgConnectOptions;
use tenancy_types::{Clock, DirectoryId, DomainName, LogEntry, Position, Revision, Slug, TenantId};
use tokio::sync::watch;

use super::{
    CellLoad, CellRecord, Directory, DirectoryError, Extent, Imports, Lag, Loaded, NewTenant, Page,
    Snapshot, Tenant, TenantChange,
    error::unavailable,
    follow::{StoredLog, follow},
    row,
};

mod compact;
mod copy;
mod door;
mod forget;
mod listen;
mod load;
mod log;
mod options;
mod read;
mod schema;
mod snapshot;
mod write;

use door::Door;
use listen::Listening;
pub use options::PostgresDirectoryOptions;

/// A directory in a Postgres database. Clones share it.
///
/// Any number of processes may use one database at the same time: nothing is kept in a process. Every write takes the
/// lock on one row before it reads anything, and keeps it until it is committed. So writes happen one after the other,
/// and revisions become visible in their order: who reads the log and finds a revision has found all before it, which a
/// sequence would not give (a transaction with a later number may commit first). A process that stops in a write loses
/// the lock when the server has waited for [`patience`](PostgresDirectoryOptions::with_patience).
///
/// What is acknowledged is on the server's disk, also where `synchronous_commit` is off. Operations run in tasks of
/// their own on the tokio runtime: a caller that goes away leaves no transaction open. A server that does not answer in
/// time makes them [`Unavailable`](DirectoryError::Unavailable), and the connection is not used again.
///
/// # The address
/// It must lead to the primary itself and not through a pooler: `LISTEN`, prepared statements and the limits with which
/// connections begin need a session of one's own, and a control process needs few.
///
/// # Following
/// A write notifies the channel `tenancy_directory` in its transaction, and one connection of each process listens. A
/// notification only says that it is time to look: what counts is the log. A lost connection is made anew, with growing
/// pauses, and meanwhile and otherwise the log is looked at in intervals, so that no entry is missed and none comes later
/// than that.
///
/// # The schema
/// `tenancy_directory`, made by whoever opens the first directory in a database; its role needs `CREATE` on the database
/// then, and otherwise only rights on the tables. It says of which format it is; another one is refused.
///
/// # What is forgotten
/// What [`forget`](Directory::forget) removes no query finds any more. The server's files keep it until `VACUUM` and
/// later rows have overwritten it, its write-ahead log and its backups for as long as they are kept.
#[derive(Clone)]
pub struct PostgresDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    id: DirectoryId,
    door: Door,
    newest: watch::Sender<Revision>,
    clock: Box<dyn Clock>,
    listening: Listening,
}

impl PostgresDirectory {
    /// Opens the directory in the database at this address (`postgres://USER:PASSWORD@HOST/DATABASE`), making it if there
    /// is none. What the address does not say, the variables `PGHOST`, `PGPASSWORD` and so on do, as for libpq.
    ///
    /// # Errors
    /// [`UnknownFormat`](DirectoryError::UnknownFormat) when the schema is something else or of a later format,
    /// [`Unavailable`](DirectoryError::Unavailable) when the address is none or the server does not answer.
    pub async fn open(
        url: &str,
        clock: impl Clock,
        options: PostgresDirectoryOptions,
    ) -> Result<Self, DirectoryError> {
        let address: PgConnectOptions = url.parse().map_err(unavailable)?;
        let door = Door::new(&address, options);
        let newest = door
            .run(|connection| {
                Box::pin(async move {
                    schema::prepare(connection).await?;
                    Ok(read::extent(connection).await?.newest)
                })
            })
            .await?;
        let wake = watch::Sender::new(newest.revision);
        let shared = Arc::new(Shared {
            id: newest.history.directory,
            listening: Listening::start(&door, wake.clone(), options),
            door,
            newest: wake,
            clock: Box::new(clock),
        });
        Ok(Self { shared })
    }

    /// Which directory this is.
    #[must_use]
    pub fn id(&self) -> DirectoryId {
        self.shared.id
    }

    /// Finishes what is under way and closes the connections; operations and streams fail from then on.
    pub async fn close(&self) {
        self.shared.listening.end();
        self.shared.door.close().await;
        // Streams that wait for the next change must look, and find that there is none to come.
        self.shared.newest.send_modify(|_| {});
    }

    /// Wakes the followers in this process before the notification does.
    fn announce<T>(&self, (result, newest): (T, Option<Revision>)) -> T {
        if let Some(newest) = newest {
            self.shared.newest.send_replace(newest);
        }
        result
    }
}

impl Directory for PostgresDirectory {
    async fn create(&self, new: NewTenant) -> Result<Tenant, DirectoryError> {
        let created = self.shared.clock.unix();
        let work = self.shared.door.run(move |connection| {
            Box::pin(async move { write::create(connection, &new, created).await })
        });
        work.await.map(|written| self.announce(written))
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(read::tenant(connection, id)))
            .await
    }

    async fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, DirectoryError> {
        let slug = slug.clone();
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(async move { read::by_slug(connection, &slug).await }))
            .await
    }

    async fn by_domain(&self, domain: &DomainName) -> Result<Option<Tenant>, DirectoryError> {
        let domain = domain.clone();
        let work = self.shared.door.run(move |connection| {
            Box::pin(async move { read::by_domain(connection, &domain).await })
        });
        work.await
    }

    async fn tenants(&self, page: Page) -> Result<Vec<Tenant>, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(read::tenants(connection, page)))
            .await
    }

    async fn change(
        &self,
        id: TenantId,
        expected: Revision,
        change: TenantChange,
    ) -> Result<Tenant, DirectoryError> {
        let work = self.shared.door.run(move |connection| {
            Box::pin(async move { write::change(connection, id, expected, &change).await })
        });
        work.await.map(|written| self.announce(written))
    }

    async fn load(&self, imports: Imports) -> Result<Loaded, DirectoryError> {
        let shared = Arc::clone(&self.shared);
        let task =
            tokio::spawn(
                async move { load::load(&shared.door, imports, shared.clock.unix()).await },
            );
        task.await
            .map_err(unavailable)?
            .map(|written| self.announce(written))
    }

    async fn forget(&self, id: TenantId) -> Result<Tenant, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(forget::forget(connection, id)))
            .await
            .map(|written| self.announce(written))
    }

    async fn put_cell(&self, cell: CellRecord) -> Result<(), DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| {
            Box::pin(async move { write::put_cell(connection, &cell).await })
        })
        .await
    }

    async fn cells(&self) -> Result<Vec<CellLoad>, DirectoryError> {
        let door = &self.shared.door;
        door.run(|connection| Box::pin(read::cells(connection)))
            .await
    }

    async fn extent(&self) -> Result<Extent, DirectoryError> {
        let door = &self.shared.door;
        door.run(|connection| Box::pin(read::extent(connection)))
            .await
    }

    async fn raise_incarnation(&self, expected: u16) -> Result<u16, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(write::raise_incarnation(connection, expected)))
            .await
            .map(|written| self.announce(written))
    }

    async fn lag(&self, after: Position) -> Result<Lag, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(log::lag(connection, after)))
            .await
    }

    async fn compact(&self, up_to: Revision) -> Result<u64, DirectoryError> {
        let door = &self.shared.door;
        let batch = async || {
            door.run(move |connection| Box::pin(compact::batch(connection, up_to)))
                .await
        };
        let mut all = 0;
        while let Some(removed) = batch().await? {
            all += removed;
        }
        Ok(all)
    }

    async fn snapshot(&self) -> Result<Snapshot, DirectoryError> {
        snapshot::take(&self.shared.door).await
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
        follow(self.clone(), self.shared.newest.subscribe(), after)
    }
}

impl StoredLog for PostgresDirectory {
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<LogEntry>, DirectoryError> {
        let door = &self.shared.door;
        door.run(move |connection| Box::pin(log::read(connection, after, limit)))
            .await
    }
}

impl fmt::Debug for PostgresDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresDirectory")
            .field("id", &self.shared.id)
            .field("newest", &*self.shared.newest.borrow())
            .finish_non_exhaustive()
    }
}
