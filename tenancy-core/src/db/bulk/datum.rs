use sqlx::{
    ColumnIndex, Decode, FromRow, Row, Type, TypeInfo as _, ValueRef as _, error::BoxDynError,
};

use crate::Table;

/// A value of a row of a declared table.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// No value.
    Null,
    /// A `bigint`.
    Int(i64),
    /// A `double precision`.
    Float(f64),
    /// A `text`.
    Text(String),
}

/// Rows of one table.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct TableRows {
    /// The names of the columns, without the tenant's.
    pub columns: Vec<String>,
    /// A value for each column, row by row.
    pub rows: Vec<Vec<Datum>>,
}

impl TableRows {
    /// The key of the last row, after which the next page begins; `None` when there is no row, or a column
    /// of the key is not named.
    #[must_use]
    pub fn last_key(&self, table: &Table) -> Option<Vec<Datum>> {
        let row = self.rows.last()?;
        let value = |key: &str| {
            let at = self.columns.iter().position(|column| column == key)?;
            row.get(at).cloned()
        };
        table.key().iter().map(|key| value(key)).collect()
    }
}

/// A row as it comes from either database.
pub(super) struct DatumRow(Vec<Datum>);

impl DatumRow {
    /// Its values. A row of a table without columns comes with one value all the same.
    pub(super) fn of(mut self, columns: usize) -> Vec<Datum> {
        if columns == 0 {
            self.0.clear();
        }
        self.0
    }
}

impl<'r, R: Row> FromRow<'r, R> for DatumRow
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
        (0..row.len())
            .map(|at| datum(row, at))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// By the type of the value: on SQLite it need not be the column's.
fn datum<'r, R: Row>(row: &'r R, at: usize) -> Result<Datum, sqlx::Error>
where
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    f64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
{
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(Datum::Null);
    }
    // The names that the drivers give: Postgres first, SQLite second.
    match value.type_info().name() {
        "INT8" | "INTEGER" => row.try_get(at).map(Datum::Int),
        "FLOAT8" | "REAL" => row.try_get(at).map(Datum::Float),
        "TEXT" => row.try_get(at).map(Datum::Text),
        other => Err(sqlx::Error::ColumnDecode {
            index: sqlx::Column::name(row.column(at)).into(),
            source: BoxDynError::from(format!("a value is {other}")),
        }),
    }
}
