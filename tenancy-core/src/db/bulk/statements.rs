//! The texts of the statements. Pure.
//!
//! Names of tables and keys are plain lower case, as the manifest insists; names of other columns come from
//! the live schema and can be anything, hence the quotes. The tenant is always `$1`.

use std::fmt::Write as _;

use super::{Column, Datum, Target};
use crate::db::text::Made;

/// Few enough for every database (SQLite: 32,766), and for texts that are parsed quickly.
const MAX_PARAMETERS: usize = 8_000;

/// How many rows one insert takes.
pub(super) fn rows_at_once(columns: &[Column]) -> usize {
    MAX_PARAMETERS / columns.len().clamp(1, MAX_PARAMETERS)
}

/// Parameters: tenant, limit, and the key to read on from.
pub(super) fn select(target: Target<'_>, columns: &[Column], after: bool) -> Made {
    let (from, owned) = (quoted(target.table.name()), owned(target));
    // A table without any other column has rows all the same.
    let columns = if columns.is_empty() {
        "null".to_owned()
    } else {
        list(columns.iter().map(|column| &*column.name))
    };
    let key = list(target.table.key().iter().map(|column| &**column));
    let (rest, order) = match (target.table.key().len(), after) {
        (0, false) => (String::new(), String::new()),
        // After the only row there is none.
        (0, true) => (" and 1 = 0".into(), String::new()),
        (_, false) => (String::new(), format!(" order by {key}")),
        (length, true) => {
            let values = parameters(3, length);
            (
                format!(" and ({key}) > ({values})"),
                format!(" order by {key}"),
            )
        }
    };
    made(
        "read the rows of",
        target,
        format!("select {columns} from {from} where {owned}{rest}{order} limit $2"),
    )
}

/// Parameters: tenant.
pub(super) fn count(target: Target<'_>) -> Made {
    let (from, owned) = (quoted(target.table.name()), owned(target));
    made(
        "count the rows of",
        target,
        format!("select count(*) from {from} where {owned}"),
    )
}

/// Parameters: tenant, and limit where the key has more than the tenant.
pub(super) fn delete(target: Target<'_>) -> Made {
    let (from, owned) = (quoted(target.table.name()), owned(target));
    let key = list(target.table.key().iter().map(|column| &**column));
    let first = if key.is_empty() {
        String::new()
    } else {
        format!(" and ({key}) in (select {key} from {from} where {owned} order by {key} limit $2)")
    };
    made(
        "delete rows of",
        target,
        format!("delete from {from} where {owned}{first}"),
    )
}

/// Parameters: tenant, and the values that are no nulls, row by row.
pub(super) fn insert(target: Target<'_>, columns: &[Column], rows: &[Vec<Datum>]) -> Made {
    let (into, tenant) = (quoted(target.table.name()), quoted(target.tenant_column));
    let columns = list(columns.iter().map(|column| &*column.name));
    let comma = if columns.is_empty() { "" } else { ", " };
    let mut sql = format!("insert into {into} ({tenant}{comma}{columns}) values ");
    let mut parameter = 1;
    for (at, row) in rows.iter().enumerate() {
        sql.push_str(if at == 0 { "($1" } else { ", ($1" });
        for value in row {
            if *value == Datum::Null {
                sql.push_str(", null");
            } else {
                parameter += 1;
                write!(sql, ", ${parameter}").expect("writing to a String cannot fail");
            }
        }
        sql.push(')');
    }
    made("insert into", target, sql)
}

fn made(verb: &str, target: Target<'_>, sql: String) -> Made {
    Made {
        name: format!("{verb} {}", target.table.name()),
        sql,
    }
}

fn owned(target: Target<'_>) -> String {
    format!("{} = $1", quoted(target.tenant_column))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(quoted).collect::<Vec<_>>().join(", ")
}

fn parameters(first: usize, count: usize) -> String {
    let parameters: Vec<String> = (first..first + count).map(|n| format!("${n}")).collect();
    parameters.join(", ")
}
