use super::{Datum, Target, refused};
use crate::{
    Access,
    db::{CellTx, DbError, TableRefused, text::Made},
};

/// A column of a live table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ColumnKind,
}

/// The types that both databases keep alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Int,
    Float,
    Text,
}

impl ColumnKind {
    fn of(declared: &str) -> Option<Self> {
        [Self::Int, Self::Float, Self::Text]
            .into_iter()
            .find(|kind| declared.eq_ignore_ascii_case(kind.name()))
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Int => "bigint",
            Self::Float => "double precision",
            Self::Text => "text",
        }
    }

    /// Whether a column of this type keeps the value as it is.
    pub(super) fn takes(self, value: &Datum) -> bool {
        match (self, value) {
            (_, Datum::Null) | (Self::Int, Datum::Int(_)) | (Self::Text, Datum::Text(_)) => true,
            // SQLite stores it as a null.
            (Self::Float, Datum::Float(number)) => !number.is_nan(),
            _ => false,
        }
    }
}

/// Reads the table itself, not the view of the same name. Both list the columns in the order of the table.
const ON_SQLITE: &str = "select name, type from pragma_table_info($1, 'main') order by cid";

const ON_POSTGRES: &str = "select cast(attname as text), format_type(atttypid, atttypmod)
    from pg_catalog.pg_attribute
    where attrelid = to_regclass($1) and attnum > 0 and not attisdropped order by attnum";

/// The columns of a table but the tenant's.
pub(super) async fn columns<A: Access>(
    tx: &mut CellTx<A>,
    target: Target<'_>,
) -> Result<Vec<Column>, DbError> {
    let sql = match tx {
        CellTx::Postgres(_) => ON_POSTGRES,
        CellTx::Sqlite(_) => ON_SQLITE,
    };
    let name = target.table.name();
    let made = Made {
        name: format!("read the columns of {name}"),
        sql: sql.into(),
    };
    let live: Vec<(String, String)> = tx.made(made).bind(name).all().await?;
    if live.is_empty() {
        return Err(refused(target.table, TableRefused::Missing));
    }
    live.into_iter()
        .filter(|(name, _)| **name != *target.tenant_column)
        .map(|(name, declared)| match ColumnKind::of(&declared) {
            Some(kind) => Ok(Column { name, kind }),
            None => Err(refused(
                target.table,
                TableRefused::ColumnType {
                    column: name.into(),
                    found: declared.to_lowercase().into(),
                },
            )),
        })
        .collect()
}
