//! Whether the cell takes the seals of a key.

use sqlx::{AssertSqlSafe, PgConnection, Row as _, postgres::PgRow};
use tenancy_types::{Epoch, TenantId, UnixMicros};

use super::{Check, Finding};
use crate::isolation::{SealAccess, SealClaim, SealKey};

/// Of any tenant: the seal is looked at before the fence is.
const TENANT: TenantId = match TenantId::new(1) {
    Some(tenant) => tenant,
    None => unreachable!(),
};

/// Asks the guard itself, in a transaction that is rolled back, for a minute of the database's clock. When the
/// guard is another one already, its answer says nothing of the key.
pub(super) async fn findings(
    connection: &mut PgConnection,
    key: &SealKey,
    others: &[Finding],
) -> Result<Option<Finding>, sqlx::Error> {
    let guard_is_other = |finding: &Finding| {
        matches!(finding.check, Check::M1 | Check::F4 | Check::F5)
            && (finding.check == Check::M1 || finding.object.starts_with("tenancy.enter("))
    };
    if others.iter().any(guard_is_other) {
        return Ok(None);
    }
    let now = sqlx::raw_sql("SELECT extract(epoch FROM clock_timestamp())::bigint")
        .fetch_one(&mut *connection)
        .await?;
    let seal = key.seal(&SealClaim {
        tenant: TENANT,
        epoch: Epoch::FIRST,
        access: SealAccess::Read,
        expires: UnixMicros::new((now.try_get::<i64, _>(0)? + 60) * 1_000_000),
    });
    let (tenant, epoch) = (TENANT.get(), Epoch::FIRST.as_i64());
    let message = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
         SELECT tenancy.enter({tenant}, {epoch}, false, 5000, '{seal}')"
    );
    let answer: Result<Vec<PgRow>, _> = sqlx::raw_sql(AssertSqlSafe(message))
        .fetch_all(&mut *connection)
        .await;
    sqlx::raw_sql("ROLLBACK").execute(connection).await?;
    match answer {
        Ok(_) => Ok(None),
        Err(error) => match refusal(&error) {
            Some(code) if code.starts_with("TN00") => {
                let what = format!("the guard refuses its seals with {code}");
                let object = format!("key {}", key.id());
                Ok(Some(Finding::new(Check::K1, object, what)))
            }
            // Who may not ask it is found in the catalogs, and where there is no guard, too.
            Some(code) if matches!(&*code, "42501" | "42883" | "42P01" | "3F000") => Ok(None),
            _ => Err(error),
        },
    }
}

fn refusal(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// The keys that the cell takes seals of beside this one.
pub(super) async fn others(
    connection: &mut PgConnection,
    key: &SealKey,
) -> Result<Vec<Finding>, sqlx::Error> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM tenancy.seal_key WHERE id <> $1 AND (not_after IS NULL OR not_after > clock_timestamp())
         ORDER BY id",
    )
    .bind(key.id())
    .persistent(false)
    .fetch_all(connection)
    .await?;
    let finding = |id| {
        Finding::new(
            Check::K2,
            format!("key {id}"),
            "who has it can be any tenant",
        )
    };
    Ok(ids.into_iter().map(finding).collect())
}
