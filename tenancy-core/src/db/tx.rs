use std::{
    borrow::Cow,
    fmt,
    future::Future,
    marker::PhantomData,
    mem,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use tenancy_types::TenantId;

use super::{
    CellDatabase, CellOptions, DbError, TxStmt,
    database::{IsolationLevel, Mode, NotEntered, Opening},
    explain::explain,
    fence,
    reaper::Watch,
    state::{Expired, Shared, State, hold, lock, replace},
    text::{Made, Text},
};
#[cfg(feature = "postgres")]
use crate::protocol::Position;
use crate::{Access, TenantContext};

/// A transaction of one tenant: the only door to its rows.
///
/// It holds no connection before its first statement. That statement waits for a connection, begins the
/// transaction, sets the tenant and asks the fence; if the fence says no, nothing was run.
///
/// # Cancel safety
/// Dropping it, or any future of it, at any moment rolls back and closes the connection; nobody else gets
/// one that is inside a transaction or knows of a tenant. A future that was dropped leaves the transaction
/// [`Failed`](DbError::Failed). Only a commit that was dropped is unknown: it may have happened.
pub struct TenantTx<D: CellDatabase, A: Access> {
    cell: D::Cell,
    opening: Opening,
    max_age: Duration,
    /// How long it may wait for a connection, beyond that.
    max_wait: Duration,
    state: Shared<D::Lease>,
    /// Until it is dropped, the transaction is ended at its maximum age.
    watch: Option<Watch>,
    access: PhantomData<fn() -> A>,
}

impl<D: CellDatabase, A: Access> TenantTx<D, A> {
    pub(super) fn new(cell: D::Cell, ctx: &TenantContext<A>, options: CellOptions) -> Self {
        // One snapshot for all that a reader reads, as SQLite gives it; a writer must see the fence as it is
        // when the lock is held, not as it was when the transaction began.
        let (access, level, max_age) = if A::WRITES {
            let level = IsolationLevel::ReadCommitted;
            (Mode::Write, level, options.max_write_age)
        } else {
            let level = IsolationLevel::RepeatableRead;
            (Mode::Read, level, options.max_read_age)
        };
        Self {
            cell,
            opening: Opening {
                tenant: ctx.tenant(),
                epoch: ctx.epoch(),
                budget: ctx.budget(),
                access,
                level,
                #[cfg(feature = "postgres")]
                cell: ctx.placement().cell,
                #[cfg(feature = "postgres")]
                seen: None,
            },
            max_age,
            // For its turn, and for a connection that is made then.
            max_wait: options.wait.saturating_mul(2),
            state: Arc::new(Mutex::new(State::Unopened)),
            watch: None,
            access: PhantomData,
        }
    }

    /// Sees what others commit while it runs as this level says.
    #[cfg(feature = "postgres")]
    pub(super) fn at(mut self, level: IsolationLevel) -> Self {
        self.opening.level = level;
        self
    }

    /// The tenant whose rows it sees.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.opening.tenant
    }

    /// A statement; parameters are written `$1`, `$2`, ….
    pub fn sql(&mut self, sql: &'static str) -> TxStmt<'_, D, A> {
        TxStmt::new(self, Text::Given(sql))
    }

    /// A statement of this crate's own.
    #[cfg_attr(
        not(feature = "portable"),
        expect(dead_code, reason = "only what works with whole tables makes texts")
    )]
    pub(super) fn made(&mut self, made: Made) -> TxStmt<'_, D, A> {
        TxStmt::new(self, Text::Made(made))
    }

    /// Commits. A transaction without statements has nothing to commit, and takes no connection.
    ///
    /// # Errors
    /// [`DbError::Failed`] when a statement failed or was cancelled, [`DbError::TooOld`] after the maximum
    /// age, [`DbError::NotOurs`] when something ended the transaction or changed its tenant; all of these
    /// are rolled back. [`DbError::CommitUnknown`] when the connection was lost meanwhile, or the maximum age was
    /// reached.
    ///
    /// # Cancel safety
    /// When the future is dropped, the commit may have happened or not.
    pub async fn commit(self) -> Result<(), DbError> {
        self.close(D::commit).await.map(Option::unwrap_or_default)
    }

    /// Ends it, unless it never began.
    async fn close<R, F, Fut>(self, commit: F) -> Result<Option<R>, DbError>
    where
        F: FnOnce(D::Lease, Opening) -> Fut + Send,
        Fut: Future<Output = Result<R, DbError>> + Send + 'static,
        R: Send + 'static,
    {
        match self.take() {
            State::Unopened => Ok(None),
            State::Open(lease) => {
                let committing = hold(&self.state, commit(lease, self.opening)).only();
                let committed = committing.await.unwrap_or_else(|Expired| {
                    let source = self.too_old().into();
                    Err(DbError::CommitUnknown { source })
                });
                committed.map(Some)
            }
            State::Failed(Some(lease)) => {
                self.give_back(lease).await;
                Err(DbError::Failed)
            }
            State::Failed(None) | State::Working(_) => Err(DbError::Failed),
            State::Expired => Err(self.too_old()),
        }
    }

    /// Rolls back and keeps the connection for others, where dropping closes it.
    pub async fn rollback(self) {
        if let State::Open(lease) | State::Failed(Some(lease)) = self.take() {
            self.give_back(lease).await;
        }
    }

    /// When that takes too long, the connection is closed, which rolls back as well.
    async fn give_back(&self, lease: D::Lease) {
        let rolling_back = hold(&self.state, D::rollback(lease)).only();
        let _gone_or_back = rolling_back.await;
    }

    /// Runs one statement on the open transaction, opening it before the first, and reads what it answers.
    pub(super) async fn step<T, R, Fut>(
        &mut self,
        sql: Cow<'static, str>,
        work: impl FnOnce(D::Lease) -> Fut + Send,
        read: impl FnOnce(T) -> Result<R, sqlx::Error> + Send,
    ) -> Result<R, DbError>
    where
        Fut: Future<Output = (D::Lease, Result<T, sqlx::Error>)> + Send + 'static,
        T: Send + 'static,
    {
        let lease = self.lease().await?;
        let limit = self.opening.budget.statement_timeout;
        let working = hold(&self.state, work(lease)).only();
        // A timeout drops the future, and with it the connection: whatever runs there is stopped.
        let Ok(worked) = tokio::time::timeout(limit + D::GRACE, working).await else {
            return Err(DbError::Timeout { sql, limit });
        };
        let (lease, answer) = worked.map_err(|Expired| self.too_old())?;
        let result = answer.and_then(read);
        self.settle(lease, &result)?;
        result.map_err(|error| explain::<D>(sql, limit, error))
    }

    /// Work that owns the connection, and can be ended while nobody polls it.
    #[cfg(feature = "postgres")]
    pub(super) fn shared(&self) -> &Shared<D::Lease> {
        &self.state
    }

    /// How long a statement may run.
    #[cfg(feature = "postgres")]
    pub(super) fn statement_timeout(&self) -> Duration {
        self.opening.budget.statement_timeout
    }

    /// How long the client waits for an answer of the server.
    #[cfg(feature = "postgres")]
    pub(super) fn patience(&self) -> Duration {
        self.statement_timeout() + D::GRACE
    }

    /// Puts the connection back after a statement.
    pub(super) fn settle<T>(
        &self,
        mut lease: D::Lease,
        worked: &Result<T, sqlx::Error>,
    ) -> Result<(), DbError> {
        D::hear(&mut lease, worked);
        let next = match worked {
            Ok(_) => State::Open(lease),
            Err(_) => State::Failed(Some(lease)),
        };
        match replace(&self.state, next) {
            State::Open(_) | State::Failed(Some(_)) => Err(self.too_old()),
            _ => Ok(()),
        }
    }

    /// The connection, opened before the first statement. Who drops it instead of settling it fails the
    /// transaction.
    pub(super) async fn lease(&mut self) -> Result<D::Lease, DbError> {
        match self.take() {
            State::Open(lease) => Ok(lease),
            State::Failed(lease) => {
                drop(replace(&self.state, State::Failed(lease)));
                Err(DbError::Failed)
            }
            // Its future was neither finished nor dropped.
            State::Working(_) => Err(DbError::Failed),
            State::Expired => Err(self.too_old()),
            State::Unopened => self.open().await,
        }
    }

    /// A fence whose deadline has passed keeps nobody out.
    async fn open(&mut self) -> Result<D::Lease, DbError> {
        match self.begin().await {
            Err(error) if fence::has_lapsed(&error) => {
                self.lift().await?;
                self.begin().await
            }
            begun => begun,
        }
    }

    /// Lifts the fence on a connection of the platform's own. Who does not look meanwhile must not keep that one
    /// either: on SQLite it is the only writer.
    async fn lift(&mut self) -> Result<(), DbError> {
        self.look_after(self.max_age.saturating_add(self.max_wait));
        let lifting = fence::expire::<D>(self.cell.clone(), self.opening.tenant);
        let lifted = hold(&self.state, lifting).only().await;
        lifted
            .map_err(|Expired| self.too_old())?
            .map_err(nothing_done)
    }

    /// A connection that died while nobody used it is found out by its first message. Nothing was done on it,
    /// and others that are like it are gone by then, so the second is a new one.
    async fn begin(&mut self) -> Result<D::Lease, DbError> {
        match self.enter().await? {
            Err(NotEntered::Lost(_)) => {}
            entered => return entered.map_err(NotEntered::into_error),
        }
        self.enter().await?.map_err(NotEntered::into_error)
    }

    async fn enter(&mut self) -> Result<Result<D::Lease, NotEntered>, DbError> {
        let lease = match D::lease_at_once(&self.cell, self.opening) {
            Some(lease) => lease,
            None => self.wait().await?,
        };
        self.look_after(self.max_age);
        let entering = hold(
            &self.state,
            D::enter(self.cell.clone(), lease, self.opening),
        );
        let entered = entering.only().await;
        entered.map_err(|Expired| self.too_old())
    }

    /// A connection that has to be waited for, or made. One that comes to somebody who does not look is the next
    /// one's.
    async fn wait(&mut self) -> Result<D::Lease, DbError> {
        self.look_after(self.max_age.saturating_add(self.max_wait));
        let waiting = hold(&self.state, D::lease(self.cell.clone(), self.opening)).only();
        waiting.await.unwrap_or(Err(DbError::Busy))
    }

    /// A caller who forgets about it must not keep other tenants from theirs.
    fn look_after(&mut self, age: Duration) {
        let state: Weak<Mutex<_>> = Arc::downgrade(&self.state);
        self.watch = Some(D::reaper(&self.cell).watch(age, state));
    }

    /// The state, leaving `Failed` behind; what has expired stays so.
    fn take(&self) -> State<D::Lease> {
        let mut state = lock(&self.state);
        match *state {
            State::Expired => State::Expired,
            _ => mem::replace(&mut *state, State::Failed(None)),
        }
    }

    pub(super) fn too_old(&self) -> DbError {
        DbError::TooOld {
            limit: self.max_age,
        }
    }
}

/// Whether a fence was lifted before a transaction began, is nothing that the transaction did or did not do.
fn nothing_done(error: DbError) -> DbError {
    match error {
        DbError::CommitUnknown { source } => DbError::Unreachable { source },
        error => error,
    }
}

#[cfg(feature = "postgres")]
impl TenantTx<sqlx::Postgres, crate::ReadOnly> {
    /// May be answered by the cell's [replica](super::PostgresCell::with_replica), if that has come as far as
    /// the request has [seen](TenantTx::commit_position). Before the first statement; later it changes nothing. One
    /// at another level than [`RepeatableRead`](IsolationLevel::RepeatableRead) is answered by the primary.
    ///
    /// What was seen at a newer epoch than the request's is [`StaleEpoch`](DbError::StaleEpoch), also without a
    /// replica: the tenant has moved since, and the cell of the request may be the one that it left.
    ///
    /// # Consistency
    /// What is read is what the cell had at one moment, which is not before `seen`, and may be before now: a
    /// write that somebody else has acknowledged since can be missing, as can a change of the fence, for as long as
    /// the cell lets a replica [be behind](CellOptions::max_replica_lag). Reads go backwards unless each says what
    /// the one before it has seen. What a fail-over has lost is lost to everybody, whatever was seen of it.
    ///
    /// # Errors
    /// A replica may end a reader that keeps it from replaying: [`Conflict`](DbError::Conflict) or
    /// [`Unreachable`](DbError::Unreachable) from a statement. Tried again, it is the primary's.
    #[must_use]
    pub fn after(mut self, seen: Position) -> Self {
        self.opening.seen = Some(seen);
        self
    }
}

#[cfg(feature = "postgres")]
impl<A: Access> TenantTx<sqlx::Postgres, A> {
    /// Commits, and says where the tenant's rows have come to: whoever reads [after](TenantTx::after) it, sees
    /// what was written, or read. `None` when there was nothing to commit, or when the commit was answered and where it
    /// is was not; such a reader asks the primary.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    ///
    /// # Cancel safety
    /// As [`commit`](Self::commit).
    pub async fn commit_position(self) -> Result<Option<Position>, DbError> {
        let position = self.close(super::postgres::replica::commit).await?;
        Ok(position.flatten())
    }
}

impl<D: CellDatabase, A: Access> Drop for TenantTx<D, A> {
    fn drop(&mut self) {
        // The reaper may be at it just now and share the state; the connection goes now.
        drop(self.take());
    }
}

impl<D: CellDatabase, A: Access> fmt::Debug for TenantTx<D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match *lock(&self.state) {
            State::Unopened => "unopened",
            State::Open(_) => "open",
            State::Working(_) => "working",
            State::Failed(_) => "failed",
            State::Expired => "expired",
        };
        f.debug_struct("TenantTx")
            .field("tenant", &self.opening.tenant)
            .field("epoch", &self.opening.epoch)
            .field("access", &self.opening.access)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
