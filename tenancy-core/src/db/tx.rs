use std::{
    borrow::Cow,
    fmt,
    future::Future,
    marker::PhantomData,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tenancy_types::TenantId;
use tokio::task::AbortHandle;

use super::{
    CellDatabase, DbError, TxStmt,
    database::{IsolationLevel, Mode, Opening},
    explain::explain,
    fence,
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
    state: Arc<Mutex<State<D::Lease>>>,
    /// Ends the transaction at its maximum age.
    watchdog: Option<AbortHandle>,
    access: PhantomData<fn() -> A>,
}

/// Whoever works with the connection takes it out, so what is left while it works, and if it never comes
/// back, is `Failed`.
enum State<L> {
    /// → `Open` by the first statement.
    Unopened,
    /// → `Failed` while a statement runs and when it fails, → `Expired` by the watchdog.
    Open(L),
    /// → `Open` when the statement that runs is done. Holds a connection that can be rolled back when the
    /// database refused a statement, none when one was cancelled.
    Failed(Option<L>),
    /// For good.
    Expired,
}

impl<D: CellDatabase, A: Access> TenantTx<D, A> {
    pub(super) fn new(cell: D::Cell, ctx: &TenantContext<A>, max_age: Duration) -> Self {
        // One snapshot for all that a reader reads, as SQLite gives it; a writer must see the fence as it is
        // when the lock is held, not as it was when the transaction began.
        let (access, level) = if A::WRITES {
            (Mode::Write, IsolationLevel::ReadCommitted)
        } else {
            (Mode::Read, IsolationLevel::RepeatableRead)
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
            state: Arc::new(Mutex::new(State::Unopened)),
            watchdog: None,
            access: PhantomData,
        }
    }

    /// Sees what others commit while it runs as this level says. Before the first statement; later it changes
    /// nothing. Reads are at [`RepeatableRead`](IsolationLevel::RepeatableRead) and writes at
    /// [`ReadCommitted`](IsolationLevel::ReadCommitted) unless told otherwise.
    #[must_use]
    pub fn at(mut self, level: IsolationLevel) -> Self {
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
    /// are rolled back. [`DbError::CommitUnknown`] when the connection was lost meanwhile.
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
        Fut: Future<Output = Result<R, DbError>> + Send,
    {
        match self.take() {
            State::Unopened => Ok(None),
            State::Open(lease) => commit(lease, self.opening).await.map(Some),
            State::Failed(lease) => {
                if let Some(lease) = lease {
                    D::rollback(lease).await;
                }
                Err(DbError::Failed)
            }
            State::Expired => Err(self.too_old()),
        }
    }

    /// Rolls back and keeps the connection for others, where dropping closes it.
    pub async fn rollback(self) {
        if let State::Open(lease) | State::Failed(Some(lease)) = self.take() {
            D::rollback(lease).await;
        }
    }

    /// Runs one statement on the open transaction, opening it before the first.
    pub(super) async fn step<R, F, Fut>(
        &mut self,
        sql: Cow<'static, str>,
        work: F,
    ) -> Result<R, DbError>
    where
        F: FnOnce(D::Lease) -> Fut + Send,
        Fut: Future<Output = (D::Lease, Result<R, sqlx::Error>)> + Send,
        R: Send,
    {
        let lease = self.lease().await?;
        let limit = self.opening.budget.statement_timeout;
        // A timeout drops the future, and with it the connection: whatever runs there is stopped.
        let Ok((lease, result)) = tokio::time::timeout(limit + D::GRACE, work(lease)).await else {
            return Err(DbError::Timeout { sql, limit });
        };
        self.settle(lease, &result)?;
        result.map_err(|error| explain::<D>(sql, limit, error))
    }

    /// How long the client waits for an answer of the server.
    #[cfg(feature = "postgres")]
    pub(super) fn patience(&self) -> Duration {
        self.opening.budget.statement_timeout + D::GRACE
    }

    /// Puts the connection back after a statement.
    pub(super) fn settle<T>(
        &self,
        mut lease: D::Lease,
        worked: &Result<T, sqlx::Error>,
    ) -> Result<(), DbError> {
        if let Err(error) = worked {
            D::learn(&mut lease, error);
        }
        let mut state = self.state();
        if matches!(*state, State::Expired) {
            return Err(self.too_old());
        }
        *state = match worked {
            Ok(_) => State::Open(lease),
            Err(_) => State::Failed(Some(lease)),
        };
        Ok(())
    }

    /// The connection, opened before the first statement. Who drops it instead of settling it fails the
    /// transaction.
    pub(super) async fn lease(&mut self) -> Result<D::Lease, DbError> {
        match self.take() {
            State::Open(lease) => Ok(lease),
            State::Failed(lease) => {
                *self.state() = State::Failed(lease);
                Err(DbError::Failed)
            }
            State::Expired => Err(self.too_old()),
            State::Unopened => {
                let lease = fence::open::<D>(&self.cell, self.opening).await?;
                self.watch();
                Ok(lease)
            }
        }
    }

    /// A connection that a caller forgets about must not keep other tenants from writing.
    fn watch(&mut self) {
        if self.opening.access == Mode::Write {
            let (state, max_age) = (Arc::clone(&self.state), self.max_age);
            let watchdog = tokio::spawn(async move {
                tokio::time::sleep(max_age).await;
                *lock(&state) = State::Expired;
            });
            self.watchdog = Some(watchdog.abort_handle());
        }
    }

    /// The state, leaving `Failed` behind; what has expired stays so.
    fn take(&self) -> State<D::Lease> {
        let mut state = self.state();
        match *state {
            State::Expired => State::Expired,
            _ => mem::replace(&mut *state, State::Failed(None)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<D::Lease>> {
        lock(&self.state)
    }

    fn too_old(&self) -> DbError {
        DbError::TooOld {
            limit: self.max_age,
        }
    }
}

#[cfg(feature = "postgres")]
impl TenantTx<sqlx::Postgres, crate::ReadOnly> {
    /// May be answered by the cell's [replica](super::PostgresCell::with_replica), if that has come as far as
    /// the request has [seen](TenantTx::commit_position). Before the first statement; later it changes nothing.
    ///
    /// # Consistency
    /// What is read is what the cell had at one moment, which is not before `seen`, and may be before now: a
    /// write that somebody else has acknowledged since can be missing, as can a change of the fence.
    #[must_use]
    pub fn after(mut self, seen: Position) -> Self {
        self.opening.seen = Some(seen);
        self
    }
}

#[cfg(feature = "postgres")]
impl TenantTx<sqlx::Postgres, crate::ReadWrite> {
    /// Commits, and says where the tenant's rows have come to: whoever reads [after](TenantTx::after) it, sees
    /// what was written. `None` when there was nothing to commit, or when the commit was answered and where it
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

fn lock<L>(state: &Mutex<State<L>>) -> MutexGuard<'_, State<L>> {
    // Each change is one assignment, so a panic elsewhere leaves it whole.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: CellDatabase, A: Access> Drop for TenantTx<D, A> {
    fn drop(&mut self) {
        // The watchdog shares the state and goes when the runtime gets to it; the connection goes now.
        drop(self.take());
        if let Some(watchdog) = &self.watchdog {
            watchdog.abort();
        }
    }
}

impl<D: CellDatabase, A: Access> fmt::Debug for TenantTx<D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match *self.state() {
            State::Unopened => "unopened",
            State::Open(_) => "open",
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
