use std::{borrow::Cow, error::Error, time::Duration};

use tenancy_types::{Code, Epoch, Kind, Lifecycle, Problem, Retry, TenantId, UnixMicros};

use super::{TableRefused, sql::SqlRefused};
use crate::protocol::{Denied, Fence, Rejected};

/// An error of a database driver. Its type is no part of this crate's promises.
pub(crate) type Source = Box<dyn Error + Send + Sync>;

/// Why a tenant's transaction, or a change of its fence, did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DbError {
    /// The tenant is moving, or its fence is just being changed, and it cannot be written to for a moment;
    /// nothing was done.
    #[error("the tenant is fenced")]
    Fenced {
        /// When the cell lifts the fence by itself, if it does.
        until: Option<UnixMicros>,
    },
    /// The request was admitted at another epoch than the cell serves, or at an older one than it has seen;
    /// nothing was done.
    #[error("the request was admitted at epoch {expected}, the tenant is at {found}")]
    StaleEpoch {
        /// The request's epoch.
        expected: Epoch,
        /// The cell's, or what was seen.
        found: Epoch,
    },
    /// This cell does not serve the tenant.
    #[error("the cell does not serve this tenant")]
    NotHere,
    /// The tenant's lifecycle does not allow writes.
    #[error("a tenant that is {lifecycle} cannot be written to")]
    NotWritable {
        /// The lifecycle.
        lifecycle: Lifecycle,
    },
    /// The tenant, or the cell, has no free connection, or a lock was not given up, and waiting for it took
    /// too long.
    #[error("no database connection was free for the tenant, or a lock was not given up")]
    Busy,
    /// The database could not be reached, or has no room for work: no disk, memory or connection left.
    #[error("reach the cell's database")]
    Unreachable {
        /// What the driver said.
        source: Source,
    },
    /// The database refuses the transaction's seal: it knows another key, or another time. Nothing was done.
    #[error("the database refuses the seal of the transaction")]
    SealRefused {
        /// What the database said.
        source: Source,
    },
    /// Another transaction was in the way of this one, which was rolled back and may be tried again.
    #[error("another transaction was in the way")]
    Conflict {
        /// What the database said.
        source: Source,
    },
    /// The text of a statement is not one that a tenant's transaction runs.
    #[error("the statement is refused: {sql}")]
    Refused {
        /// The statement.
        sql: Cow<'static, str>,
        /// Why.
        source: SqlRefused,
    },
    /// A statement names more or fewer parameters than were bound.
    #[error("the statement has {expected} parameters and {found} were bound: {sql}")]
    Parameters {
        /// The statement.
        sql: Cow<'static, str>,
        /// The highest `$n` in it.
        expected: usize,
        /// How many values were bound.
        found: usize,
    },
    /// A value could not be turned into a parameter.
    #[error("encode a parameter of {sql}")]
    Encode {
        /// The statement.
        sql: Cow<'static, str>,
        /// What the driver said.
        source: Source,
    },
    /// A row is not of the type that was asked for.
    #[error("decode a row of {sql}")]
    Decode {
        /// The statement.
        sql: Cow<'static, str>,
        /// What the driver said.
        source: Source,
    },
    /// A row was expected, and there is none.
    #[error("no row: {sql}")]
    NoRow {
        /// The statement.
        sql: Cow<'static, str>,
    },
    /// There is a row with this key already.
    #[error("a row with this key exists: {sql}")]
    Duplicate {
        /// The statement.
        sql: Cow<'static, str>,
        /// What the driver said.
        source: Source,
    },
    /// A row does not keep a rule of the schema.
    #[error("a row {broken}: {sql}")]
    Constraint {
        /// The statement, or `commit` when the rule is asked about then.
        sql: Cow<'static, str>,
        /// Which rule.
        broken: BrokenConstraint,
        /// What the driver said.
        source: Source,
    },
    /// The statement would have changed a row of another tenant, or one of the platform's.
    #[error("the statement reaches for a row that is not the tenant's: {sql}")]
    ForeignRow {
        /// The statement.
        sql: Cow<'static, str>,
        /// What the database said.
        source: Source,
    },
    /// Rows of a declared table cannot be read or written as asked.
    #[error("work on table {table}")]
    Table {
        /// The table.
        table: Box<str>,
        /// Why not.
        source: TableRefused,
    },
    /// The database refused the statement.
    #[error("run {sql}")]
    Statement {
        /// The statement.
        sql: Cow<'static, str>,
        /// What the driver said.
        source: Source,
    },
    /// The statement ran longer than the request's budget and was stopped.
    #[error("a statement ran longer than {limit:?}: {sql}")]
    Timeout {
        /// The statement.
        sql: Cow<'static, str>,
        /// The budget.
        limit: Duration,
    },
    /// The transaction was open longer than the cell allows and was rolled back.
    #[error("a transaction was open longer than {limit:?}")]
    TooOld {
        /// The cell's limit.
        limit: Duration,
    },
    /// An earlier statement of the transaction failed or was cancelled, so it can only be rolled back.
    #[error("an earlier statement of this transaction failed")]
    Failed,
    /// The transaction is no longer the tenant's: something in it ended it or changed the tenant. It was
    /// rolled back as far as it was still open.
    #[error("the transaction was ended or changed its tenant behind our back")]
    NotOurs,
    /// The connection was lost while committing: the writes are there, or they are not.
    #[error("the connection was lost during the commit")]
    CommitUnknown {
        /// What the driver said.
        source: Source,
    },
    /// The fence is another than the caller expected; nothing was changed.
    #[error("the fence of {tenant:?} is {found:?}, not {expected:?}")]
    FenceChanged {
        /// The tenant.
        tenant: TenantId,
        /// What the caller expected.
        expected: Option<Fence>,
        /// What it is.
        found: Option<Fence>,
    },
    /// Write transactions of the tenant did not end in time. The drain does not keep it fenced: on Postgres it
    /// was meanwhile, and has been released; on SQLite nothing was changed, and a fence that stood before stands.
    #[error("write transactions of {tenant:?} were still open after {limit:?}")]
    WritersRemain {
        /// The tenant.
        tenant: TenantId,
        /// How long they were waited for.
        limit: Duration,
    },
    /// Transactions that have written to the tenant are prepared, and end when whoever prepared them ends them.
    #[error("{tenant:?} is written to by prepared transactions: {}", transactions.join(", "))]
    Prepared {
        /// The tenant.
        tenant: TenantId,
        /// Their names.
        transactions: Vec<String>,
    },
    /// The table of fences does not allow the change.
    #[error("change a fence")]
    Rejected(#[from] Rejected),
    /// A row of the fence table is not readable.
    #[error("the fence of tenant {tenant_id} has an unreadable {column}: {found}")]
    BadFence {
        /// The tenant, as stored.
        tenant_id: i64,
        /// The column.
        column: &'static str,
        /// What is in it.
        found: Box<str>,
    },
}

/// A rule of the schema that a row does not keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenConstraint {
    /// A column of it must have a value.
    #[error("has no value in a column that needs one")]
    NotNull,
    /// What it refers to must be there; and what is referred to must stay.
    #[error("does not fit a foreign key")]
    ForeignKey,
    /// A condition of the schema must hold of it.
    #[error("does not keep a check of the schema")]
    Check,
    /// No two rows may be alike in what an exclusion names, such as times that overlap.
    #[error("collides with another row, which an exclusion of the schema forbids")]
    Exclusion,
    /// The database has limits of its own: SQLite for a whole row, Postgres above all for the values of one index,
    /// about 2,700 bytes after compression.
    #[error("is longer than the database can keep, or its values than an index can have")]
    Length,
}

impl From<Denied> for DbError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotHere => Self::NotHere,
            Denied::Fenced { until } => Self::Fenced { until },
            Denied::StaleEpoch { expected, found } => Self::StaleEpoch { expected, found },
            Denied::NotWritable { lifecycle } => Self::NotWritable { lifecycle },
        }
    }
}

impl Problem for DbError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Fenced { .. } => "tenant_moving",
            Self::StaleEpoch { .. } => "stale_epoch",
            Self::NotHere => "tenant_not_here",
            Self::NotWritable { lifecycle } => match lifecycle {
                Lifecycle::Suspended => "tenant_suspended",
                Lifecycle::Offboarding | Lifecycle::Purging | Lifecycle::Gone => "tenant_gone",
                _ => "tenant_read_only",
            },
            Self::Busy => "database_busy",
            Self::Unreachable { .. } => "database_unavailable",
            Self::SealRefused { .. } => "seal_refused",
            Self::Conflict { .. } => "transaction_conflict",
            Self::Duplicate { .. } => "already_exists",
            Self::Timeout { .. } => "statement_timeout",
            Self::TooOld { .. } => "transaction_too_old",
            Self::CommitUnknown { .. } => "commit_unknown",
            Self::FenceChanged { .. } => "fence_changed",
            Self::WritersRemain { .. } => "writers_remain",
            Self::Prepared { .. } => "prepared_transactions",
            Self::Rejected(rejected) => return rejected.code(),
            _ => "internal",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NotHere => Kind::Misdirected,
            Self::NotWritable {
                lifecycle: Lifecycle::Offboarding | Lifecycle::Purging | Lifecycle::Gone,
            } => Kind::Gone,
            Self::NotWritable { .. } => Kind::Forbidden,
            Self::Duplicate { .. } | Self::FenceChanged { .. } | Self::Prepared { .. } => {
                Kind::Conflict
            }
            Self::Rejected(rejected) => rejected.kind(),
            Self::Fenced { .. }
            | Self::StaleEpoch { .. }
            | Self::Busy
            | Self::Unreachable { .. }
            | Self::SealRefused { .. }
            | Self::Conflict { .. }
            | Self::Timeout { .. }
            | Self::TooOld { .. }
            | Self::WritersRemain { .. }
            | Self::CommitUnknown { .. } => Kind::Unavailable,
            _ => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::StaleEpoch { .. } | Self::Conflict { .. } => Retry::Now,
            Self::Fenced { .. }
            | Self::Busy
            | Self::Unreachable { .. }
            | Self::WritersRemain { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Fenced { .. } => "changes are not possible for a moment, try again shortly",
            Self::StaleEpoch { .. } => "this has just changed, try again",
            Self::NotHere => "this is served elsewhere",
            Self::NotWritable { .. } => "this cannot be changed at present",
            Self::Busy | Self::Unreachable { .. } => "too much is going on, try again shortly",
            Self::SealRefused { .. } => "this is not available at present",
            Self::Duplicate { .. } => "there is one with this name already",
            Self::Timeout { .. } | Self::TooOld { .. } => "this took too long",
            Self::CommitUnknown { .. } => {
                "it is not known whether the change was made, look before trying again"
            }
            Self::WritersRemain { .. } | Self::Prepared { .. } => {
                "changes that are under way do not end, try again later"
            }
            Self::FenceChanged { .. } | Self::Conflict { .. } => {
                "something else changed this at the same time"
            }
            Self::Rejected(rejected) => return rejected.client_text(),
            _ => "something went wrong on our side",
        }
        .into()
    }
}
