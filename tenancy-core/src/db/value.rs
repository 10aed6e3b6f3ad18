use sqlx::{Encode, FromRow, Postgres, Sqlite, Type, postgres::PgRow, sqlite::SqliteRow};

/// A value that both databases store: `i64`, `f64`, `bool`, `String`, `&str`, `Vec<u8>`, options and newtypes
/// of them. Implemented for whatever can.
pub trait CellValue:
    for<'q> Encode<'q, Postgres> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + Type<Sqlite>
{
}

impl<T> CellValue for T where
    T: for<'q> Encode<'q, Postgres> + Type<Postgres> + for<'q> Encode<'q, Sqlite> + Type<Sqlite>
{
}

/// A row that both databases give: tuples, and whatever has `#[derive(sqlx::FromRow)]`.
pub trait CellRow:
    for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}

impl<T> CellRow for T where
    T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin
{
}
