use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
};

use futures_core::stream::BoxStream;
use sqlx::{SqlitePool, sqlite::SqliteConnectOptions};
use tenancy_types::{Clock, DirectoryId, DomainName, LogEntry, Position, Revision, Slug, TenantId};
use tokio::sync::watch::{Receiver, Sender};

use super::{
    CellLoad, CellRecord, Directory, DirectoryError, Extent, Imports, Lag, Loaded, NewTenant, Page,
    Snapshot, Tenant, TenantChange,
    error::unavailable,
    follow::{StoredLog, follow},
    row,
};

mod compact;
mod forget;
mod load;
mod log;
mod open;
mod read;
mod snapshot;
mod watch;
mod write;

/// A directory in an SQLite file of its own. Clones share it.
///
/// Everything acknowledged is on the disk (write-ahead log, `synchronous = FULL`). One connection writes, in
/// `BEGIN IMMEDIATE` transactions of a few statements; others read and never wait for it. Each operation is
/// served by an index, so its cost does not grow with the number of tenants.
///
/// Writes run in a task of their own on the tokio runtime: a caller that goes away leaves no transaction
/// open. The application chooses sqlx's runtime feature, and must choose tokio.
///
/// Several processes of one machine may open the file: the streams of [`changes`](Directory::changes) hear of what others
/// have written within some 10 ms, of the same process's changes at once.
///
/// The file says what it is (`application_id`) and in which format (`user_version`); any other file is
/// refused. What is deleted from it is overwritten (`secure_delete`), so that what is
/// [forgotten](Directory::forget) cannot be read from it any more. A file of the format that did not do so
/// is rewritten once (`VACUUM`) when it is brought up.
#[derive(Clone)]
pub struct SqliteDirectory {
    shared: Arc<Shared>,
}

struct Shared {
    id: DirectoryId,
    writer: SqlitePool,
    readers: SqlitePool,
    /// For connections that live as long as a snapshot.
    read_options: SqliteConnectOptions,
    newest: Sender<Revision>,
    clock: Box<dyn Clock>,
    /// There from the first follower on.
    watch: OnceLock<watch::Watch>,
}

impl Shared {
    /// For a follower, who also hears of what other processes write from now on.
    fn followed(&self) -> Receiver<Revision> {
        let (file, wake) = (&self.read_options, &self.newest);
        self.watch
            .get_or_init(|| watch::Watch::start(file.clone(), wake.clone()));
        wake.subscribe()
    }

    /// Wakes the followers.
    fn announce(&self, newest: Option<Revision>) {
        if let Some(newest) = newest {
            self.newest.send_replace(newest);
        }
    }
}

impl SqliteDirectory {
    /// Opens the directory in this file, making it if there is none.
    ///
    /// # Errors
    /// [`UnknownFormat`](DirectoryError::UnknownFormat) when the file is something else or of a later
    /// format, [`Unavailable`](DirectoryError::Unavailable) when it cannot be opened.
    pub async fn open(
        path: impl AsRef<Path> + Send,
        clock: impl Clock,
    ) -> Result<Self, DirectoryError> {
        let files = open::open(path.as_ref()).await?;
        let newest = read::extent(&files.readers).await?.newest;
        let shared = Arc::new(Shared {
            id: newest.history.directory,
            writer: files.writer,
            readers: files.readers,
            read_options: files.read_options,
            newest: Sender::new(newest.revision),
            clock: Box::new(clock),
            watch: OnceLock::new(),
        });
        Ok(Self { shared })
    }

    /// Which directory this is.
    #[must_use]
    pub fn id(&self) -> DirectoryId {
        self.shared.id
    }

    /// Finishes what is under way and closes the file; operations and streams fail from then on.
    pub async fn close(&self) {
        self.shared.watch.get().inspect(|watch| watch.end());
        self.shared.writer.close().await;
        self.shared.readers.close().await;
        // Streams that wait for the next change must look, and find that there is none to come.
        self.shared.newest.send_modify(|_| {});
    }

    /// Runs a write to its end, whatever becomes of the caller, and then wakes the followers.
    async fn write<T, F>(
        &self,
        write: impl FnOnce(Arc<Shared>) -> F + Send,
    ) -> Result<T, DirectoryError>
    where
        T: Send + 'static,
        F: Future<Output = Result<(T, Option<Revision>), DirectoryError>> + Send + 'static,
    {
        let shared = Arc::clone(&self.shared);
        let work = write(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            let (result, newest) = work.await?;
            shared.announce(newest);
            Ok(result)
        });
        task.await.map_err(unavailable)?
    }
}

impl Directory for SqliteDirectory {
    async fn create(&self, new: NewTenant) -> Result<Tenant, DirectoryError> {
        self.write(async move |shared| {
            write::create(&shared.writer, &new, shared.clock.unix()).await
        })
        .await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, DirectoryError> {
        read::tenant(&self.shared.readers, id).await
    }

    async fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, DirectoryError> {
        read::by_slug(&self.shared.readers, slug).await
    }

    async fn by_domain(&self, domain: &DomainName) -> Result<Option<Tenant>, DirectoryError> {
        read::by_domain(&self.shared.readers, domain).await
    }

    async fn tenants(&self, page: Page) -> Result<Vec<Tenant>, DirectoryError> {
        read::tenants(&self.shared.readers, page).await
    }

    async fn change(
        &self,
        id: TenantId,
        expected: Revision,
        change: TenantChange,
    ) -> Result<Tenant, DirectoryError> {
        self.write(async move |shared| {
            write::change(&shared.writer, id, expected, &change, shared.clock.unix()).await
        })
        .await
    }

    async fn load(&self, imports: Imports) -> Result<Loaded, DirectoryError> {
        self.write(async move |shared| {
            load::load(&shared.writer, imports, shared.clock.unix()).await
        })
        .await
    }

    async fn forget(&self, id: TenantId) -> Result<Tenant, DirectoryError> {
        self.write(async move |shared| {
            let (tenant, newest) = forget::forget(&shared.writer, id, shared.clock.unix()).await?;
            // Followers hear of it, whatever becomes of the journal.
            shared.announce(newest);
            // Also when nothing was to do: the last time may have ended before this.
            forget::truncate_journal(&shared.writer).await?;
            Ok((tenant, None))
        })
        .await
    }

    async fn put_cell(&self, cell: CellRecord) -> Result<(), DirectoryError> {
        self.write(async move |shared| {
            write::put_cell(&shared.writer, &cell).await?;
            Ok(((), None))
        })
        .await
    }

    async fn cells(&self) -> Result<Vec<CellLoad>, DirectoryError> {
        read::cells(&self.shared.readers).await
    }

    async fn extent(&self) -> Result<Extent, DirectoryError> {
        read::extent(&self.shared.readers).await
    }

    async fn raise_incarnation(&self, expected: u16) -> Result<u16, DirectoryError> {
        self.write(async move |shared| write::raise_incarnation(&shared.writer, expected).await)
            .await
    }

    async fn lag(&self, after: Position) -> Result<Lag, DirectoryError> {
        log::lag(&self.shared.readers, after, self.shared.clock.unix()).await
    }

    async fn compact(&self, up_to: Revision) -> Result<u64, DirectoryError> {
        let mut all = 0;
        let batch = async || {
            self.write(async move |shared| Ok((compact::batch(&shared.writer, up_to).await?, None)))
                .await
        };
        while let Some(removed) = batch().await? {
            all += removed;
        }
        Ok(all)
    }

    async fn snapshot(&self) -> Result<Snapshot, DirectoryError> {
        snapshot::take(&self.shared.read_options).await
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
        follow(self.clone(), self.shared.followed(), after)
    }
}

impl StoredLog for SqliteDirectory {
    async fn read(&self, after: Position, limit: usize) -> Result<Vec<LogEntry>, DirectoryError> {
        log::read(&self.shared.readers, after, limit).await
    }
}

impl fmt::Debug for SqliteDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteDirectory")
            .field("newest", &*self.shared.newest.borrow())
            .finish_non_exhaustive()
    }
}
