use std::{fmt, future::Future, panic::Location};

use tenancy_types::TenantId;

use super::{Cell, Rows, door::private::Value, refusal::is_for_the_row, rows::Verb};
use crate::{
    ReadWrite, TenantContext,
    db::{BrokenConstraint, DbError},
};

/// Asserts that one tenant cannot reach another's rows.
///
/// First, the owner reads them, and its own update and delete of them take hold, so that the assertion
/// cannot pass because there are none, or because a statement is wrong. Then `other` tries the same, and
/// each attempt must reach none of the owner's rows, or be refused as changing a foreign one. Everything is
/// rolled back. What `other` reads, it reads in a read-only transaction, where both databases isolate.
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

/// How many of the rows that leak a message shows.
const SHOWN: usize = 10;

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
    let mut others_own = 0;
    for (verb, sql) in rows.attempts() {
        let owners = match attempt(cell, owner, (verb, sql), &values).await {
            Ok(reached) if reached.count > 0 => reached.shown,
            // That other rows hang on it is something that only who reaches it is told.
            Err(error) if is_held(&error) => Vec::new(),
            found => return Err(Problem::NoControl { verb, found }),
        };
        let reached = match attempt(cell, other, (verb, sql), &values).await {
            Ok(all) if verb == Verb::Read => {
                let leaked = Reached::rows(rows.leaked(all.shown, &owners));
                others_own = all.count - leaked.count;
                leaked
            }
            Ok(all) => Reached::count(all.count.saturating_sub(others_own)),
            Err(error) if verb != Verb::Read && is_for_the_row(&error) => continue,
            Err(error) if others_own == 0 && is_held(&error) => Reached::held(),
            Err(error) => return Err(Problem::NoAnswer { verb, error }),
        };
        if reached.count > 0 {
            leaks.push(Leak {
                verb,
                owner: owner.tenant(),
                other: other.tenant(),
                reached,
            });
        }
    }
    if leaks.is_empty() {
        Ok(())
    } else {
        Err(Problem::Leak(leaks))
    }
}

/// Whether rows that hang on those that a statement reached kept it from its end.
fn is_held(error: &DbError) -> bool {
    let broken = BrokenConstraint::ForeignKey;
    matches!(error, DbError::Constraint { broken: found, .. } if *found == broken)
}

impl Reached {
    fn rows(shown: Vec<String>) -> Self {
        Self {
            count: shown.len() as u64,
            shown,
        }
    }

    fn count(count: u64) -> Self {
        let shown = Vec::new();
        Self { count, shown }
    }

    /// At least one, which is told apart from none by what hangs on it.
    fn held() -> Self {
        Self {
            count: 1,
            shown: vec!["if others did not hang on it".into()],
        }
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
            let read = cell.read(&ctx.to_read_only(), sql, values).await?;
            Ok(Reached::rows(read))
        }
        Verb::Update | Verb::Delete => Ok(Reached::count(cell.change(ctx, sql, values).await?)),
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
        let shown = &reached.shown;
        for row in shown.iter().take(SHOWN) {
            write!(f, "\n    {row}")?;
        }
        match shown.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\n    and {more} more"),
        }
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
