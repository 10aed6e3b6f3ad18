use std::future::Future;

use sqlx::{Database, Encode, FromRow, Type};

#[cfg(feature = "postgres")]
use crate::db::PostgresCell;
#[cfg(feature = "sqlite")]
use crate::db::SqliteCell;
#[cfg(feature = "portable")]
use crate::db::{CellDb, CellTx};
use crate::{
    Access, ReadOnly, ReadWrite, TenantContext,
    db::{CellDatabase, DbError, TenantTx},
};
use private::{Door, Value};

/// A cell of either database, whose doors an assertion tries. Sealed.
pub trait Cell: Door {}

pub(super) mod private {
    use super::{DbError, Future, ReadOnly, ReadWrite, TenantContext};

    /// A parameter.
    #[derive(Clone, Debug)]
    pub enum Value {
        Int(i64),
        Text(String),
    }

    pub trait Door: Sync {
        /// The rows that a statement finds, each as a text.
        fn read(
            &self,
            ctx: &TenantContext<ReadOnly>,
            sql: &'static str,
            values: &[Value],
        ) -> impl Future<Output = Result<Vec<String>, DbError>> + Send;

        /// How many rows a statement changes. It is rolled back.
        fn change(
            &self,
            ctx: &TenantContext<ReadWrite>,
            sql: &'static str,
            values: &[Value],
        ) -> impl Future<Output = Result<u64, DbError>> + Send;
    }
}

/// A row, for a person.
struct Shown(String);

/// Both databases' rows have the same words for it.
macro_rules! shown {
    ($row:ty) => {
        impl FromRow<'_, $row> for Shown {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                use sqlx::{Column as _, Row as _};
                let column = |column: &<<$row as sqlx::Row>::Database as Database>::Column| {
                    let (name, index) = (column.name(), column.ordinal());
                    if let Ok(value) = row.try_get::<Option<i64>, _>(index) {
                        return format!("{name}: {}", or_null(value));
                    }
                    if let Ok(value) = row.try_get::<Option<String>, _>(index) {
                        return format!("{name}: {}", or_null(value));
                    }
                    if let Ok(value) = row.try_get::<Option<i32>, _>(index) {
                        return format!("{name}: {}", or_null(value));
                    }
                    // Its bytes, which are at least not those of another value.
                    match row.try_get_unchecked::<Option<Vec<u8>>, _>(index) {
                        Ok(value) => format!("{name}: {}", or_null(value.as_deref().map(hex))),
                        Err(_) => format!("{name}: {}", column.type_info()),
                    }
                };
                let columns: Vec<String> = row.columns().iter().map(column).collect();
                Ok(Self(columns.join(", ")))
            }
        }
    };
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn or_null(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "null".into(), |value| value.to_string())
}

#[cfg(feature = "postgres")]
shown!(sqlx::postgres::PgRow);
#[cfg(feature = "sqlite")]
shown!(sqlx::sqlite::SqliteRow);

async fn read<D>(
    mut tx: TenantTx<D, ReadOnly>,
    sql: &'static str,
    values: &[Value],
) -> Result<Vec<String>, DbError>
where
    D: CellDatabase,
    Shown: for<'r> FromRow<'r, D::Row>,
    i64: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
{
    let rows: Vec<Shown> = bound(&mut tx, sql, values).all().await?;
    tx.commit().await?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

async fn change<D>(
    mut tx: TenantTx<D, ReadWrite>,
    sql: &'static str,
    values: &[Value],
) -> Result<u64, DbError>
where
    D: CellDatabase,
    i64: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
{
    let changed = bound(&mut tx, sql, values).run().await;
    tx.rollback().await;
    changed
}

fn bound<'t, D, A>(
    tx: &'t mut TenantTx<D, A>,
    sql: &'static str,
    values: &[Value],
) -> crate::db::TxStmt<'t, D, A>
where
    A: Access,
    D: CellDatabase,
    i64: for<'q> Encode<'q, D> + Type<D>,
    String: for<'q> Encode<'q, D> + Type<D>,
{
    values
        .iter()
        .fold(tx.sql(sql), |statement, value| match value {
            Value::Int(value) => statement.bind(*value),
            Value::Text(value) => statement.bind(value.clone()),
        })
}

macro_rules! door {
    ($cell:ty) => {
        impl Cell for $cell {}

        impl Door for $cell {
            async fn read(
                &self,
                ctx: &TenantContext<ReadOnly>,
                sql: &'static str,
                values: &[Value],
            ) -> Result<Vec<String>, DbError> {
                read(self.begin(ctx), sql, values).await
            }

            async fn change(
                &self,
                ctx: &TenantContext<ReadWrite>,
                sql: &'static str,
                values: &[Value],
            ) -> Result<u64, DbError> {
                change(self.begin(ctx), sql, values).await
            }
        }
    };
}

#[cfg(feature = "postgres")]
door!(PostgresCell);
#[cfg(feature = "postgres")]
door!(super::TestCell);
#[cfg(feature = "sqlite")]
door!(SqliteCell);

#[cfg(feature = "portable")]
impl Cell for CellDb {}

#[cfg(feature = "portable")]
impl Door for CellDb {
    async fn read(
        &self,
        ctx: &TenantContext<ReadOnly>,
        sql: &'static str,
        values: &[Value],
    ) -> Result<Vec<String>, DbError> {
        match self.begin(ctx) {
            CellTx::Postgres(tx) => read(tx, sql, values).await,
            CellTx::Sqlite(tx) => read(tx, sql, values).await,
        }
    }

    async fn change(
        &self,
        ctx: &TenantContext<ReadWrite>,
        sql: &'static str,
        values: &[Value],
    ) -> Result<u64, DbError> {
        match self.begin(ctx) {
            CellTx::Postgres(tx) => change(tx, sql, values).await,
            CellTx::Sqlite(tx) => change(tx, sql, values).await,
        }
    }
}
