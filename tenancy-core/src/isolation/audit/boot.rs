use std::{io, time::Duration};

use sqlx::{Connection as _, postgres::PgConnectOptions};

use super::{
    AuditError, AuditReceipt, Baseline, Check, Finding, Severity, connect::connect, facts, pooler,
    rules, seals, versions,
};
use crate::isolation::{Isolation, IsolationMode, SealKey};

/// What becomes of errors that the audit finds. Exhaustive and without a default on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// They refuse the cell.
    Enforced,
    /// They refuse the cell but for those that somebody has looked at, each with the reason. What is known and
    /// not found is nobody's loss here; `tenancy-audit` reports it.
    Accepting(Baseline),
    /// They are in the receipt and in the log, and the cell serves: for the time in which an application's
    /// tables are brought into order.
    ReportOnly,
}

/// Looks at the application's connection before tenants are served through it: the catalogs, whether its
/// sessions are its own, and whether the cell knows the key. It refuses a cell that does not isolate.
///
/// # Errors
/// [`AuditError::Unsafe`] with everything that was found, if one of it is of [`Severity::Error`].
/// [`AuditError::OlderVersion`], [`AuditError::NewerVersion`], [`AuditError::Key`], [`AuditError::Database`],
/// [`AuditError::Refused`].
///
/// # Cancel safety
/// Nothing is changed: the connection is its own, and ends with it.
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
    let findings = tokio::time::timeout(LIMIT, look(&app, isolation, key.as_ref()))
        .await
        .unwrap_or_else(|_| Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into()).into()))?;
    let refuses = |finding: &Finding| match &enforcement {
        Enforcement::Enforced => true,
        Enforcement::Accepting(baseline) => baseline.knows(finding).is_none(),
        Enforcement::ReportOnly => false,
    };
    let mut errors = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error);
    if errors.any(refuses) {
        return Err(AuditError::Unsafe { findings });
    }
    for finding in &findings {
        tracing::warn!(check = finding.check.id(), severity = %finding.severity(), "{finding}");
    }
    Ok(AuditReceipt { app, key, findings })
}

/// Everything together.
const LIMIT: Duration = Duration::from_secs(60);

async fn look(
    app: &PgConnectOptions,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Vec<Finding>, AuditError> {
    let mut connection = connect(app).await?;
    versions::check(&mut connection).await?;
    let mut findings = pooler::findings(&mut connection, app).await?;
    let facts = facts::read(&mut connection, isolation).await?;
    findings.extend(rules::findings(&facts, isolation));
    findings.extend(role(&facts.connected_as, isolation));
    if let Some(key) = key {
        findings.extend(seals::findings(&mut connection, key, &findings).await?);
    }
    connection.close().await?;
    findings.sort();
    Ok(findings)
}

fn role(connected_as: &str, isolation: &Isolation) -> Option<Finding> {
    let app = isolation.roles().app();
    (connected_as != app).then(|| {
        let what = format!("it is {connected_as}'s, and not {app}'s");
        Finding::new(Check::R3, "the connection", what)
    })
}
