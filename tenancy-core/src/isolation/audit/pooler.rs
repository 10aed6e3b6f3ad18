//! Whether the application's connections have sessions of their own, or a pooler gives them to one another.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{Check, Finding};

/// A word of the probe's own in the session, which nobody reads but it.
const SET: &str = "SELECT set_config('app.tenancy_probe', gen_random_uuid()::text, false)";
const GET: &str = "SELECT coalesce(current_setting('app.tenancy_probe', true), ''),
    coalesce(current_setting('app.tenant_id', true), ''), pg_backend_pid()";
const FORGET: &str = "SELECT set_config('app.tenancy_probe', '', false)";

type Session = (String, String, i32);

/// A pooler's connection that is free is the one that was used last, so that the second connection gets the
/// first one's if it can.
pub(super) async fn findings(
    first: &mut PgConnection,
    app: &PgConnectOptions,
) -> Result<Vec<Finding>, sqlx::Error> {
    let (_, before, _) = session(first).await?;
    let word: String = sqlx::query_scalar(SET)
        .persistent(false)
        .fetch_one(&mut *first)
        .await?;
    let mut second = PgConnection::connect_with(app).await?;
    let (found, after, pid) = session(&mut second).await?;
    let mut findings = Vec::new();
    if found == word {
        let what = format!("two connections had the session of process {pid} one after the other");
        // Where it is found is where it is taken away.
        sqlx::query(FORGET)
            .persistent(false)
            .execute(&mut second)
            .await?;
        findings.push(Finding::new(Check::B2, "the connection", what));
    } else {
        sqlx::query(FORGET).persistent(false).execute(first).await?;
    }
    second.close().await?;
    if !before.is_empty() || !after.is_empty() {
        let what = "app.tenant_id is set in its session";
        findings.push(Finding::new(Check::B3, "the connection", what));
    }
    Ok(findings)
}

async fn session(connection: &mut PgConnection) -> Result<Session, sqlx::Error> {
    sqlx::query_as(GET)
        .persistent(false)
        .fetch_one(connection)
        .await
}
