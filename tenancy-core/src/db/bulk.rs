//! Whole tables of one tenant: what exports, imports and purges do.
//!
//! The statements are made from the manifest and the live schema, and run in the tenant's transaction like
//! any other: behind its fence, its views and triggers, its budget and its maximum age.

mod columns;
mod datum;
mod statements;

use std::num::NonZeroU32;

use self::columns::{Column, columns};
use super::{CellStmt, CellTx, DbError, TableRefused};
use crate::{Access, ReadWrite, Table, TableKind};

use datum::DatumRow;
pub use datum::{Datum, TableRows};

/// A tenant's table, as the manifest declares it.
#[derive(Clone, Copy, Debug)]
struct Target<'t> {
    table: &'t Table,
    tenant_column: &'t str,
}

impl<'t> Target<'t> {
    fn of(table: &'t Table) -> Result<Self, DbError> {
        match table.kind() {
            TableKind::Tenant { tenant_column, .. } => Ok(Self {
                table,
                tenant_column,
            }),
            TableKind::SharedRead | TableKind::ControlPlane => {
                Err(refused(table, TableRefused::NotTenants))
            }
        }
    }
}

fn refused(table: &Table, source: TableRefused) -> DbError {
    DbError::Table {
        table: table.name().into(),
        source,
    }
}

impl<A: Access> CellTx<A> {
    /// The tenant's rows of a tenants' table in the order of its primary key, at most `limit`: from the
    /// first, or after a key (the values of [`Table::key`], as [`TableRows::last_key`] gives it).
    ///
    /// Texts in a key are ordered as the database collates them, so two cells may differ in the order.
    ///
    /// # Errors
    /// [`DbError::Table`] when the table is not one of tenants, has a column that is not `bigint`, `double
    /// precision` or `text`, or the key is not one of its; otherwise as any statement.
    pub async fn rows_of(
        &mut self,
        table: &Table,
        after: Option<&[Datum]>,
        limit: NonZeroU32,
    ) -> Result<TableRows, DbError> {
        let target = Target::of(table)?;
        if after.is_some_and(|after| !is_key(table, after)) {
            let expected = table.key().to_vec();
            return Err(refused(table, TableRefused::Key { expected }));
        }
        let columns = columns(self, target).await?;
        let (tenant, after) = (self.tenant().as_i64(), after.map(<[Datum]>::iter));
        let made = statements::select(target, &columns, after.is_some());
        let mut stmt = self.made(made).bind(tenant).bind(i64::from(limit.get()));
        for value in after.into_iter().flatten() {
            stmt = bind(stmt, value);
        }
        let rows: Vec<DatumRow> = stmt.all().await?;
        let rows = TableRows {
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            rows: rows.into_iter().map(|row| row.of(columns.len())).collect(),
        };
        fit(&columns, &rows).map_err(|source| refused(table, source))?;
        Ok(rows)
    }

    /// How many rows the tenant has in a tenants' table.
    ///
    /// # Errors
    /// [`DbError::Table`] when the table is not one of tenants; otherwise as any statement.
    pub async fn count_of(&mut self, table: &Table) -> Result<u64, DbError> {
        let target = Target::of(table)?;
        let tenant = self.tenant().as_i64();
        let made = statements::count(target);
        let (count,): (i64,) = self.made(made).bind(tenant).one().await?;
        Ok(u64::try_from(count).expect("a count is not negative"))
    }
}

impl<A: Access> CellTx<A> {
    /// Whether rows would fit a tenants' table, without writing them: they name its columns, and each value is
    /// of its column's type and can be kept by the cell's database.
    ///
    /// # Errors
    /// [`DbError::Table`] when they do not fit; otherwise as any statement.
    pub async fn check_rows(&mut self, table: &Table, rows: &TableRows) -> Result<(), DbError> {
        let columns = columns(self, Target::of(table)?).await?;
        let fits = named(&columns, rows).and_then(|columns| {
            fit(&columns, rows)?;
            match self {
                Self::Postgres(_) => without_zero_bytes(&columns, rows),
                Self::Sqlite(_) => Ok(()),
            }
        });
        fits.map_err(|source| refused(table, source))
    }
}

impl CellTx<ReadWrite> {
    /// Inserts rows as the transaction's tenant, and says how many. What is there already is not replaced.
    ///
    /// The rows name every column of the table but the tenant's, in any order.
    ///
    /// # Errors
    /// [`DbError::Table`] when the table is not one of tenants, or the rows do not fit it: then none was
    /// written. [`DbError::Duplicate`] when a row is there already; otherwise as any statement.
    pub async fn insert_into(&mut self, table: &Table, rows: &TableRows) -> Result<u64, DbError> {
        let target = Target::of(table)?;
        let columns = columns(self, target).await?;
        let columns = named(&columns, rows).map_err(|source| refused(table, source))?;
        fit(&columns, rows).map_err(|source| refused(table, source))?;
        let tenant = self.tenant().as_i64();
        let mut inserted = 0;
        for rows in rows.rows.chunks(statements::rows_at_once(&columns)) {
            let made = statements::insert(target, &columns, rows);
            let mut stmt = self.made(made).bind(tenant);
            for value in rows.iter().flatten() {
                stmt = bind(stmt, value);
            }
            inserted += stmt.run().await?;
        }
        Ok(inserted)
    }

    /// Deletes rows of the tenant, at most `limit`, the first in the order of the primary key, and says how
    /// many. What refers to them goes or stays as the schema's foreign keys say; what goes with them is not
    /// counted.
    ///
    /// A table that refers to itself has no order in which its rows can go, so its foreign key must be `on
    /// delete cascade` or `set null`, or be `deferrable initially deferred` with all rows deleted in one
    /// transaction. Otherwise the database refuses a batch that leaves a row without what it refers to.
    ///
    /// # Errors
    /// [`DbError::Table`] when the table is not one of tenants; otherwise as any statement.
    pub async fn delete_from(&mut self, table: &Table, limit: NonZeroU32) -> Result<u64, DbError> {
        let target = Target::of(table)?;
        let tenant = self.tenant().as_i64();
        let made = statements::delete(target);
        let mut stmt = self.made(made).bind(tenant);
        // Where the tenant is the whole key there is one row, and no limit in the statement.
        if !table.key().is_empty() {
            stmt = stmt.bind(i64::from(limit.get()));
        }
        stmt.run().await
    }
}

/// Nulls are written into the statement, because a bound one would need a type.
fn bind<'t, A: Access>(stmt: CellStmt<'t, A>, value: &Datum) -> CellStmt<'t, A> {
    match value {
        Datum::Null => stmt,
        Datum::Int(number) => stmt.bind(*number),
        Datum::Float(number) => stmt.bind(*number),
        Datum::Text(text) => stmt.bind(text.as_str()),
    }
}

fn is_key(table: &Table, after: &[Datum]) -> bool {
    after.len() == table.key().len() && !after.contains(&Datum::Null)
}

/// The table's columns in the order in which the rows name them.
fn named(columns: &[Column], rows: &TableRows) -> Result<Vec<Column>, TableRefused> {
    let named: Vec<Column> = rows
        .columns
        .iter()
        .filter_map(|name| columns.iter().find(|column| column.name == *name).cloned())
        .collect();
    let twice = (1..named.len()).any(|at| named[..at].contains(&named[at]));
    if twice || named.len() != rows.columns.len() || named.len() != columns.len() {
        return Err(TableRefused::Columns {
            expected: columns.iter().map(|column| (*column.name).into()).collect(),
            found: rows.columns.iter().map(|name| (**name).into()).collect(),
        });
    }
    Ok(named)
}

/// Postgres keeps every character but one.
fn without_zero_bytes(columns: &[Column], rows: &TableRows) -> Result<(), TableRefused> {
    let zero = |value: &Datum| matches!(value, Datum::Text(text) if text.contains('\0'));
    let found = rows.rows.iter().enumerate().find_map(|(row, values)| {
        let at = values.iter().position(zero)?;
        Some((row, (*columns[at].name).into()))
    });
    match found {
        None => Ok(()),
        Some((row, column)) => Err(TableRefused::Value {
            row,
            column,
            expected: "text without a zero byte",
        }),
    }
}

/// Each row has a value of its type for each column.
fn fit(columns: &[Column], rows: &TableRows) -> Result<(), TableRefused> {
    for (row, values) in rows.rows.iter().enumerate() {
        if values.len() != columns.len() {
            return Err(TableRefused::Width {
                row,
                expected: columns.len(),
                found: values.len(),
            });
        }
        if let Some((column, _)) = columns
            .iter()
            .zip(values)
            .find(|(column, value)| !column.kind.takes(value))
        {
            return Err(TableRefused::Value {
                row,
                column: (*column.name).into(),
                expected: column.kind.name(),
            });
        }
    }
    Ok(())
}
