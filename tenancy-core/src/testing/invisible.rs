use std::{fmt, future::Future, panic::Location};

use tenancy_types::TenantId;

use super::{Cell, Rows, door::private::Value, rows::Verb};
use crate::{
    ReadWrite, TenantContext,
    db::{BrokenConstraint, DbError},
};

/// Asserts that one tenant cannot reach another's rows.
///
/// First, the owner reads them, and its own update and delete of them take hold, so that the assertion
/// cannot pass because there are none, or because a statement is wrong. Then `other` tries the same, and
/// each attempt must change nothing or be refused as reaching for a foreign row. Everything is rolled back.
/// What `other` reads, it reads in a read-only transaction, where both databases isolate.
///
/// ```
/// # #[cfg(feature = "portable")] mod example {
/// # use tenancy_core::{ReadWrite, TenantContext, db::CellDb, testing::{Rows, assert_invisible}};
/// async fn check(cell: &CellDb, one: &TenantContext<ReadWrite>, two: &TenantContext<ReadWrite>) {
///     assert_invisible(cell, one, two, Rows::table("product").key("id", 7)).await;
///     assert_invisible(cell, one, two, "select title from product p join variant v on v.product_id = p.id").await;
/// }
/// # }
/// ```
///
/// # Panics
/// With the place of the call, when the owner does not reach the rows either, when `other` does (and what it
/// reached), or when the database answers otherwise than that.
///
/// # Cancel safety
/// Nothing is changed.
#[track_caller]
pub fn assert_invisible<C: Cell>(
    cell: &C,
    owner: &TenantContext<ReadWrite>,
    other: &TenantContext<ReadWrite>,
    rows: impl Into<Rows>,
) -> impl Future<Output = ()> + Send {
    let (caller, rows) = (Location::caller(), rows.into());
    async move {
        if let Err(problem) = prove(cell, owner, other, &rows).await {
            panic!("{caller}: {rows}: {problem}");
        }
    }
}

/// Why rows were not shown to be invisible.
enum Problem {
    SameTenant,
    /// The owner does not reach them, so that nobody else does proves nothing.
    NoControl {
        verb: Verb,
        found: Result<Reached, DbError>,
    },
    NoAnswer {
        verb: Verb,
        error: DbError,
    },
    Leak(Vec<Leak>),
}

struct Leak {
    verb: Verb,
    owner: TenantId,
    other: TenantId,
    reached: Reached,
}

/// How many rows a statement reached, and those that it read.
struct Reached {
    count: u64,
    shown: Vec<String>,
}

async fn prove<C: Cell>(
    cell: &C,
    owner: &TenantContext<ReadWrite>,
    other: &TenantContext<ReadWrite>,
    rows: &Rows,
) -> Result<(), Problem> {
    if owner.tenant() == other.tenant() {
        return Err(Problem::SameTenant);
    }
    let values: Vec<Value> = rows.values().map(|text| Value::Text(text.into())).collect();
    let mut leaks = Vec::new();
    for (verb, sql) in rows.attempts() {
        match attempt(cell, owner, (verb, sql), &values).await {
            Ok(reached) if reached.count > 0 => {}
            // That other rows hang on it is something that only who reaches it is told.
            Err(DbError::Constraint {
                broken: BrokenConstraint::ForeignKey,
                ..
            }) => {}
            found => return Err(Problem::NoControl { verb, found }),
        }
        match attempt(cell, other, (verb, sql), &values).await {
            Ok(reached) if reached.count == 0 => {}
            Ok(reached) => leaks.push(Leak {
                verb,
                owner: owner.tenant(),
                other: other.tenant(),
                reached,
            }),
            Err(DbError::ForeignRow { .. }) => {}
            Err(error) => return Err(Problem::NoAnswer { verb, error }),
        }
    }
    if leaks.is_empty() {
        Ok(())
    } else {
        Err(Problem::Leak(leaks))
    }
}

async fn attempt<C: Cell>(
    cell: &C,
    ctx: &TenantContext<ReadWrite>,
    (verb, sql): (Verb, &'static str),
    values: &[Value],
) -> Result<Reached, DbError> {
    match verb {
        Verb::Read => {
            let shown = cell.read(&ctx.to_read_only(), sql, values).await?;
            Ok(Reached {
                count: shown.len() as u64,
                shown,
            })
        }
        Verb::Update | Verb::Delete => Ok(Reached {
            count: cell.change(ctx, sql, values).await?,
            shown: Vec::new(),
        }),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SameTenant => f.write_str("the owner and the other are the same tenant"),
            Self::NoControl { verb, found } => {
                write!(
                    f,
                    "this proves nothing, because the owner cannot {verb} them itself: "
                )?;
                match found {
                    Ok(_) => f.write_str("there are none"),
                    Err(error) => write!(f, "{}", Causes(error)),
                }
            }
            Self::NoAnswer { verb, error } => {
                write!(
                    f,
                    "it is not known whether the other can {verb} them: {}",
                    Causes(error)
                )
            }
            Self::Leak(leaks) => leaks.iter().try_for_each(|leak| write!(f, "\n  {leak}")),
        }
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            owner,
            other,
            reached,
        } = self;
        let count = reached.count;
        write!(
            f,
            "LEAK: tenant {other} can {verb} {count} of tenant {owner}'s rows"
        )?;
        reached
            .shown
            .iter()
            .try_for_each(|row| write!(f, "\n    {row}"))
    }
}

/// An error and what caused it, in one line.
pub(super) struct Causes<'e>(pub(super) &'e DbError);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = std::error::Error::source(self.0);
        while let Some(cause) = next {
            write!(f, ": {cause}")?;
            next = cause.source();
        }
        Ok(())
    }
}
