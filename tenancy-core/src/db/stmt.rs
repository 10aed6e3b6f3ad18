use std::fmt;

use sqlx::{Encode, FromRow, Type};

use super::{CellDatabase, DbError, TenantTx, database::decode, error::Source, sql, text::Text};
use crate::{Access, ReadWrite};

/// A statement of one tenant's transaction.
///
/// The text is checked before it runs: it must be one statement that reads or changes rows, must not name
/// what is behind the tenant's views, and have a value bound to each of its parameters.
#[must_use = "a statement does nothing until it is run"]
pub struct TxStmt<'t, D: CellDatabase, A: Access> {
    tx: &'t mut TenantTx<D, A>,
    text: Text,
    bound: usize,
    arguments: Result<D::Arguments, Source>,
}

impl<'t, D: CellDatabase, A: Access> TxStmt<'t, D, A> {
    pub(super) fn new(tx: &'t mut TenantTx<D, A>, text: Text) -> Self {
        Self {
            tx,
            text,
            bound: 0,
            arguments: Ok(D::Arguments::default()),
        }
    }

    /// Binds the next parameter.
    pub fn bind<T>(mut self, value: T) -> Self
    where
        T: for<'q> Encode<'q, D> + Type<D>,
    {
        self.bound += 1;
        self.arguments = self.arguments.and_then(|mut arguments| {
            D::bind(&mut arguments, value)?;
            Ok(arguments)
        });
        self
    }

    /// All rows.
    ///
    /// # Errors
    /// Any [`DbError`] of opening or of the statement; the transaction then is failed, unless the text or
    /// the parameters were refused before it ran.
    pub async fn all<R>(self) -> Result<Vec<R>, DbError>
    where
        R: for<'r> FromRow<'r, D::Row> + Send + Unpin,
    {
        let Self { tx, text, .. } = self;
        let arguments = checked(&text, self.bound, self.arguments)?;
        let (name, sql) = text.into_parts();
        let work = |mut lease: D::Lease| async move {
            let rows = D::rows(&mut lease, sql, arguments).await;
            (lease, rows)
        };
        tx.step(name, work, |rows: Vec<D::Row>| decode::<D, R>(&rows))
            .await
    }

    /// The first row, or none.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn optional<R>(self) -> Result<Option<R>, DbError>
    where
        R: for<'r> FromRow<'r, D::Row> + Send + Unpin,
    {
        Ok(self.all().await?.into_iter().next())
    }

    /// The first row.
    ///
    /// # Errors
    /// As [`all`](Self::all), and [`DbError::NoRow`].
    pub async fn one<R>(self) -> Result<R, DbError>
    where
        R: for<'r> FromRow<'r, D::Row> + Send + Unpin,
    {
        let sql = self.text.name();
        self.optional().await?.ok_or(DbError::NoRow { sql })
    }
}

impl<D: CellDatabase> TxStmt<'_, D, ReadWrite> {
    /// Runs it and returns how many rows it changed.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub async fn run(self) -> Result<u64, DbError> {
        let Self { tx, text, .. } = self;
        let arguments = checked(&text, self.bound, self.arguments)?;
        let (name, sql) = text.into_parts();
        let work = |mut lease: D::Lease| async move {
            let changed = D::run(&mut lease, sql, arguments).await;
            (lease, changed)
        };
        tx.step(name, work, Ok).await
    }
}

/// The arguments, if the text may run and has one for each parameter.
fn checked<T>(text: &Text, bound: usize, arguments: Result<T, Source>) -> Result<T, DbError> {
    if let Text::Given(sql) = *text {
        let expected = sql::parameters(sql).map_err(|source| DbError::Refused {
            sql: sql.into(),
            source,
        })?;
        if expected != bound {
            return Err(DbError::Parameters {
                sql: sql.into(),
                expected,
                found: bound,
            });
        }
    }
    arguments.map_err(|source| DbError::Encode {
        sql: text.name(),
        source,
    })
}

impl<D: CellDatabase, A: Access> fmt::Debug for TxStmt<'_, D, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TxStmt")
            .field("sql", &self.text.name())
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}
