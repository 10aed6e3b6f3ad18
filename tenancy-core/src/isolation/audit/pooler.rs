//! Whether the application's connections have sessions of their own, or a pooler gives them to one another.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, Row as _, postgres::PgConnectOptions,
    postgres::PgRow,
};

use super::{Check, Finding, connect::connect};

/// Each question is one message of the simple protocol: a pooler sends all of it to one server.
///
/// The word is the probe's own, which nobody reads but it.
const SET: &str = "SELECT set_config('app.tenancy_probe', gen_random_uuid()::text, false)";
const GET: &str = "SELECT coalesce(current_setting('app.tenancy_probe', true), ''),
    coalesce(current_setting('app.tenant_id', true), ''), pg_backend_pid()";

/// A pooler's connection that is free is the one that was used last, so that the second connection gets the
/// first one's if it can.
pub(super) async fn findings(
    first: &mut PgConnection,
    app: &PgConnectOptions,
) -> Result<Vec<Finding>, sqlx::Error> {
    let before: String = ask(first, GET).await?.try_get(1)?;
    let word: String = ask(first, SET).await?.try_get(0)?;
    let mut second = connect(app).await?;
    let session = ask(&mut second, GET).await?;
    let (found, after): (String, String) = (session.try_get(0)?, session.try_get(1)?);
    let mut findings = Vec::new();
    if found == word {
        let pid: i32 = session.try_get(2)?;
        let what = format!("two connections had the session of process {pid} one after the other");
        findings.push(Finding::new(Check::B2, "the connection", what));
    }
    // Where it is found is where it is taken away.
    for connection in [&mut *first, &mut second] {
        ask(connection, &forget(&word)).await?;
    }
    second.close().await?;
    if !before.is_empty() || !after.is_empty() {
        let what = "app.tenant_id is set in its session";
        findings.push(Finding::new(Check::B3, "the connection", what));
    }
    Ok(findings)
}

fn forget(word: &str) -> String {
    format!(
        "SELECT CASE current_setting('app.tenancy_probe', true) WHEN '{word}'
            THEN set_config('app.tenancy_probe', '', false) END"
    )
}

async fn ask(connection: &mut PgConnection, sql: &str) -> Result<PgRow, sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(sql))
        .fetch_one(connection)
        .await
}
