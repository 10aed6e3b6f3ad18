//! What the application can see and do, tried out.
//!
//! Two tenants that cannot exist get a row in each table, in a transaction that is rolled back. In it, every
//! relation that the application reaches is asked as the application, without a tenant and as one of the two.
//! Each answer is worth something because the same question is answered first by a superuser, who does see
//! the rows.

mod canary;
mod question;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};

use self::{
    canary::Canary,
    question::{Answer, Question, Verdict, Who},
};
use super::{AuditError, Check, Enforcement, Finding, Report, Unprobed, boot_with, facts};
use crate::isolation::{Isolation, SealKey, parts};

/// Looks at everything: what [`boot`](super::boot) looks at, and the [`probe`].
///
/// # Errors
/// [`AuditError`], without [`Unsafe`](AuditError::Unsafe): everything is in the report.
///
/// # Cancel safety
/// As [`probe`].
pub async fn full(
    app: PgConnectOptions,
    admin: &mut PgConnection,
    isolation: &Isolation,
    key: Option<SealKey>,
) -> Result<Report, AuditError> {
    let receipt = boot_with(app, isolation, key, Enforcement::ReportOnly).await?;
    let mut report = probe(admin, isolation).await?;
    report.findings.extend(receipt.findings);
    report.findings.sort();
    Ok(report)
}

/// What waits for a lock is not worth its time: the relation is not probed then.
const SETTINGS: &str = "SET LOCAL lock_timeout = '1s'; SET LOCAL statement_timeout = '10s';
    SET LOCAL session_replication_role = replica; SET LOCAL search_path = pg_catalog, pg_temp";

/// Tries out what the application can do to two canaries' rows. `admin` is a superuser in the cell's database.
///
/// It writes in a transaction that is rolled back: sequences go on, and rows that others insert under the
/// same keys wait until it ends. Triggers do not fire for it.
///
/// # Errors
/// [`AuditError::NotSuperuser`], [`AuditError::Database`].
///
/// # Cancel safety
/// When the future is dropped, the transaction is rolled back before `admin` is used again.
pub async fn probe(admin: &mut PgConnection, isolation: &Isolation) -> Result<Report, AuditError> {
    superuser(admin).await?;
    let facts = facts::read(admin, isolation).await?;
    let reached: Vec<&facts::Relation> = facts
        .relations
        .iter()
        .filter(|relation| relation.kind != "S" && relation.schema != "tenancy")
        .filter(|relation| !relation.rights.is_empty())
        .collect();
    let mut transaction = admin.begin().await?;
    sqlx::raw_sql(SETTINGS).execute(&mut *transaction).await?;
    canary::fences(&mut transaction).await?;
    let canaries = canary::place(&mut transaction, isolation, &reached).await?;
    let mut report = Report {
        findings: Vec::new(),
        unprobed: Vec::new(),
    };
    for canary in canaries {
        match canary {
            Ok(canary) => ask(&mut transaction, isolation, &canary, &mut report).await?,
            Err(unprobed) => report.unprobed.push(unprobed),
        }
    }
    transaction.rollback().await?;
    report.findings.sort();
    report.unprobed.sort();
    Ok(report)
}

async fn superuser(admin: &mut PgConnection) -> Result<(), AuditError> {
    let (role, is_super): (String, bool) = sqlx::query_as(
        "SELECT rolname::text, rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
    )
    .fetch_one(admin)
    .await?;
    if is_super {
        Ok(())
    } else {
        Err(AuditError::NotSuperuser { role: role.into() })
    }
}

async fn ask(
    connection: &mut PgConnection,
    isolation: &Isolation,
    canary: &Canary,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let unprobed = |why: &str| Unprobed {
        relation: canary.relation.as_str().into(),
        why: why.into(),
    };
    let shown = question::shown(canary);
    if !matches!(
        answer(connection, isolation, &shown).await?,
        Answer::Rows(1..)
    ) {
        report
            .unprobed
            .push(unprobed("it shows none of the canaries"));
        return Ok(());
    }
    for question in question::all(canary) {
        match question.verdict(&answer(connection, isolation, &question).await?) {
            Verdict::AsItShould => {}
            Verdict::Leak => report.findings.push(Finding::new(
                Check::B1,
                format!("{} ({})", canary.relation, question.verb),
                question.leak,
            )),
            Verdict::Unknown(why) => report.unprobed.push(unprobed(&why)),
        }
    }
    Ok(())
}

/// What it changes is taken back before the next question.
async fn answer(
    connection: &mut PgConnection,
    isolation: &Isolation,
    question: &Question,
) -> Result<Answer, sqlx::Error> {
    let app = isolation.roles().app();
    let tenant = match question.who {
        Who::Superuser | Who::Nobody => "''".to_owned(),
        Who::First => {
            let setting = parts::setting(isolation.mode(), &canary::FIRST.to_string());
            format!("({setting})")
        }
    };
    let role = match question.who {
        Who::Superuser => String::new(),
        Who::Nobody | Who::First => format!("; SET LOCAL ROLE \"{app}\""),
    };
    let begin = format!(
        "SAVEPOINT tenancy_probe; SELECT set_config('app.tenant_id', {tenant}, true){role}"
    );
    run(connection, &begin).await?;
    let answer = match run(connection, &question.sql).await {
        Ok(rows) => Answer::Rows(rows),
        Err(sqlx::Error::Database(error)) => {
            Answer::Refused(error.code().unwrap_or_default().into_owned())
        }
        Err(error) => return Err(error),
    };
    run(
        connection,
        "ROLLBACK TO SAVEPOINT tenancy_probe; RELEASE SAVEPOINT tenancy_probe",
    )
    .await?;
    Ok(answer)
}

async fn run(connection: &mut PgConnection, sql: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
