use sqlx::{Connection as _, PgConnection};
use tenancy_core::isolation::{
    AuditError,
    audit::{self, Enforcement, Report},
};

use super::{CellUrl, Credentials};

/// What to look at.
#[derive(Clone, Debug)]
pub struct AuditRequest {
    /// The cell.
    pub credentials: Credentials,
    /// A superuser's way in, to try out what the application can do.
    pub probe: Option<CellUrl>,
}

/// Looks whether a cell isolates its shops: the catalogs as the auditor, the application's way in, and what can be
/// tried out if there is a superuser.
///
/// # Errors
/// [`AuditError`] when it cannot be found out.
pub async fn audit(request: &AuditRequest) -> Result<Report, AuditError> {
    let credentials = &request.credentials;
    let isolation = credentials.isolation();
    let mut auditor = PgConnection::connect_with(&credentials.auditor.options()).await?;
    let mut report = Report {
        findings: audit::catalog(&mut auditor, &isolation).await?,
        unprobed: Vec::new(),
    };
    auditor.close().await?;
    let (app, key) = (credentials.app.options(), credentials.key.key());
    let receipt = audit::boot_with(app, &isolation, Some(key), Enforcement::ReportOnly).await?;
    report.findings.extend_from_slice(receipt.findings());
    if let Some(probe) = &request.probe {
        let mut admin = PgConnection::connect_with(&probe.options()).await?;
        let probed = audit::probe(&mut admin, &isolation).await?;
        report.findings.extend(probed.findings);
        report.unprobed = probed.unprobed;
        admin.close().await?;
    }
    report.findings.sort();
    // The catalogs were read by two.
    report.findings.dedup();
    Ok(report)
}
