use std::fmt;

use sqlx::{Connection as _, postgres::PgConnectOptions};

use super::{
    AuditError, Enforcement, Failed, Finding, Report, boot_with, catalog, connect::connect, probe,
};
use crate::isolation::{Isolation, SealKey};

/// The ways into a cell that an audit looks through. What is absent is not looked at.
#[derive(Clone, Default)]
pub struct Ways {
    /// To the catalogs, as any role, best the [auditor's](crate::isolation::Roles::auditor).
    pub catalogs: Option<PgConnectOptions>,
    /// The application's, which tenants are served through.
    pub app: Option<PgConnectOptions>,
    /// The [prober's](super::prober).
    pub prober: Option<PgConnectOptions>,
}

/// Which there are: an address may hold a password.
impl fmt::Debug for Ways {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ways")
            .field("catalogs", &self.catalogs.is_some())
            .field("app", &self.app.is_some())
            .field("prober", &self.prober.is_some())
            .finish()
    }
}

/// Looks at everything that there is a way to: the [`catalog`], what [`boot`](super::boot()) looks at, and the
/// [`probe`]. What one part cannot look at the others still do: that, and why, is in [`Report::failed`].
///
/// The application of a sealed cell, and the probe of it, use `key`.
///
/// # Cancel safety
/// As [`probe`].
pub async fn everything(ways: Ways, isolation: &Isolation, key: Option<SealKey>) -> Report {
    let mut report = Report::default();
    if let Some(options) = ways.catalogs {
        let found = catalogs(&options, isolation).await;
        report.take("the catalogs", found.map(of_findings));
    }
    if let Some(app) = ways.app {
        let looked = boot_with(app, isolation, key.clone(), Enforcement::ReportOnly).await;
        let found = looked.map(|receipt| of_findings(receipt.findings));
        report.take("the application's connection", found);
    }
    if let Some(prober) = ways.prober {
        let probed = probe(prober, isolation, key.as_ref()).await;
        report.take("the probe", probed);
    }
    report.findings.sort();
    // The application's connection reads the catalogs, too.
    report.findings.dedup();
    report
}

impl Report {
    fn take(&mut self, part: &str, looked: Result<Self, AuditError>) {
        match looked {
            Ok(part) => {
                self.findings.extend(part.findings);
                self.unprobed.extend(part.unprobed);
            }
            Err(error) => self.failed.push(Failed::new(part, &error)),
        }
    }
}

fn of_findings(findings: Vec<Finding>) -> Report {
    Report {
        findings,
        ..Report::default()
    }
}

async fn catalogs(
    options: &PgConnectOptions,
    isolation: &Isolation,
) -> Result<Vec<Finding>, AuditError> {
    let mut connection = connect(options).await?;
    let findings = catalog(&mut connection, isolation).await?;
    connection.close().await?;
    Ok(findings)
}
