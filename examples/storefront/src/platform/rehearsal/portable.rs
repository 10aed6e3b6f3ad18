//! What SQLite keeps and Postgres does not. An archive is for any cell, so rows that one kind of cell would refuse are
//! refused everywhere: before anything is made, or deleted, for them.

use std::path::Path;

use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tenancy_migrate::ArchiveError;

use crate::shop::schema;

/// How long the texts of one index may be together, in bytes. An entry of a B-tree is at most a third of a page on
/// Postgres, 2,704 bytes of 8,192 (`BTMaxItemSize`), and the rest is for the numbers beside the texts and for headers. The
/// shops' own bounds are far below it.
const INDEXED_BYTES: u32 = 2_000;

/// The texts of a table's indexes: index and column.
const INDEXED: &str = "select i.name, c.name
    from pragma_index_list($1) i, pragma_index_info(i.name) c, pragma_table_info($1) t
    where t.name = c.name and lower(t.type) = 'text' order by i.name, c.seqno";

const TEXTS: &str =
    "select name from pragma_table_info($1) where lower(type) = 'text' order by cid";

/// What the texts of some columns of a table must be.
struct Rule {
    columns: Vec<String>,
    expected: &'static str,
    /// True of rows that break it.
    broken: String,
}

/// Looks through the tables of a cell's file into which one archive was loaded, line after line, and nothing else.
///
/// # Errors
/// [`Value`](ArchiveError::Value) at the first line that breaks a rule.
pub(super) async fn check(file: &Path) -> Result<(), ArchiveError> {
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = options.connect().await.map_err(unread)?;
    for table in schema::manifest().tenant_tables() {
        check_table(&mut connection, table.name()).await?;
    }
    connection.close().await.map_err(unread)
}

async fn check_table(connection: &mut SqliteConnection, table: &str) -> Result<(), ArchiveError> {
    let rules = rules(connection, table).await.map_err(unread)?;
    let found = first_broken(connection, table, &rules).await;
    let Some((line, rule)) = found.map_err(unread)? else {
        return Ok(());
    };
    Err(ArchiveError::Value {
        table: table.into(),
        line,
        column: rule.columns.join(", ").into(),
        expected: rule.expected,
    })
}

async fn rules(connection: &mut SqliteConnection, table: &str) -> Result<Vec<Rule>, sqlx::Error> {
    let texts: Vec<(String,)> = sqlx::query_as(TEXTS)
        .bind(table)
        .fetch_all(&mut *connection)
        .await?;
    let zero = texts.into_iter().map(|(column,)| Rule {
        broken: format!("instr(cast(\"{column}\" as blob), x'00') > 0"),
        columns: vec![column],
        expected: "text without a zero byte",
    });
    let mut rules: Vec<Rule> = zero.collect();
    let indexed: Vec<(String, String)> = sqlx::query_as(INDEXED)
        .bind(table)
        .fetch_all(connection)
        .await?;
    for index in indexed.chunk_by(|one, next| one.0 == next.0) {
        let columns: Vec<String> = index.iter().map(|(_, column)| column.clone()).collect();
        let bytes = |column: &String| format!("ifnull(length(cast(\"{column}\" as blob)), 0)");
        let bytes: Vec<String> = columns.iter().map(bytes).collect();
        rules.push(Rule {
            broken: format!("{} > {INDEXED_BYTES}", bytes.join(" + ")),
            columns,
            expected: "text short enough for an index",
        });
    }
    Ok(rules)
}

/// The first line of a table that breaks a rule, and which. Rows are numbered as they came.
async fn first_broken<'r>(
    connection: &mut SqliteConnection,
    table: &str,
    rules: &'r [Rule],
) -> Result<Option<(u64, &'r Rule)>, sqlx::Error> {
    if rules.is_empty() {
        return Ok(None);
    }
    let cases = rules.iter().enumerate();
    let cases = cases.map(|(at, rule)| format!("when {} then {at}", rule.broken));
    let broken = format!("case {} end", Vec::from_iter(cases).join(" "));
    // Names are the schema's own.
    let sql = format!(
        "select (select count(*) from \"{table}\" before where before.rowid <= found.rowid), {broken}
            from \"{table}\" found where {broken} is not null order by found.rowid limit 1"
    );
    let found: Option<(i64, i64)> = sqlx::query_as(AssertSqlSafe(sql))
        .fetch_optional(connection)
        .await?;
    Ok(found.map(|(line, at)| {
        let line = u64::try_from(line).expect("a count is not negative");
        let at = usize::try_from(at).expect("it is the place of a rule");
        (line, &rules[at])
    }))
}

fn unread(error: sqlx::Error) -> ArchiveError {
    super::not_rehearsed(std::io::Error::other(error))
}
