use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{
    AuditError, AuditReceipt, Check, Finding, Severity, facts, pooler, rules, seals, versions,
};
use crate::isolation::{Isolation, IsolationMode, SealKey};

/// What becomes of errors that the audit finds. Exhaustive and without a default on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Enforcement {
    /// They refuse the cell.
    Enforced,
    /// They are in the receipt and in the log, and the cell serves: for the time in which an application's
    /// tables are brought into order.
    ReportOnly,
}

/// Looks at the application's connection before tenants are served through it: the catalogs, whether its
/// sessions are its own, and whether the cell knows the key. It refuses a cell that does not isolate.
///
/// # Errors
/// [`AuditError::Unsafe`] with everything that was found, if one of it is of [`Severity::Error`].
/// [`AuditError::OlderVersion`], [`AuditError::NewerVersion`], [`AuditError::Key`], [`AuditError::Database`].
///
/// # Cancel safety
/// Nothing is changed.
pub async fn boot(
    app: PgConnectOptions,
    isolation: &Isolation,
    key: Option<SealKey>,
) -> Result<AuditReceipt, AuditError> {
    boot_with(app, isolation, key, Enforcement::Enforced).await
}

/// As [`boot`], with the caller's choice of what becomes of errors.
///
/// # Errors
/// As [`boot`].
///
/// # Cancel safety
/// As [`boot`].
pub async fn boot_with(
    app: PgConnectOptions,
    isolation: &Isolation,
    key: Option<SealKey>,
    enforcement: Enforcement,
) -> Result<AuditReceipt, AuditError> {
    if key.is_some() != (isolation.mode() == IsolationMode::Sealed) {
        return Err(AuditError::Key);
    }
    let mut connection = PgConnection::connect_with(&app).await?;
    versions::check(&mut connection).await?;
    let mut findings = pooler::findings(&mut connection, &app).await?;
    let facts = facts::read(&mut connection, isolation).await?;
    findings.extend(rules::findings(&facts, isolation));
    findings.extend(role(&facts.connected_as, isolation));
    if let Some(key) = &key {
        findings.extend(seals::findings(&mut connection, key, &findings).await?);
    }
    connection.close().await?;
    findings.sort();
    let refused = findings
        .iter()
        .any(|finding| finding.severity() == Severity::Error);
    if refused && enforcement == Enforcement::Enforced {
        return Err(AuditError::Unsafe { findings });
    }
    for finding in &findings {
        tracing::warn!(check = finding.check.id(), severity = %finding.severity(), "{finding}");
    }
    Ok(AuditReceipt { app, key, findings })
}

fn role(connected_as: &str, isolation: &Isolation) -> Option<Finding> {
    let app = isolation.roles().app();
    (connected_as != app).then(|| {
        let what = format!("it is {connected_as}'s, and not {app}'s");
        Finding::new(Check::R3, "the connection", what)
    })
}
