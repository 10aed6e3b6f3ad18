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
    /// The prober's way in, to try out what the application can do.
    pub probe: Option<CellUrl>,
}

/// Looks whether a cell isolates its shops: the catalogs as the auditor, the application's way in, and what the
/// prober tries out, if there is one.
///
/// # Errors
/// [`AuditError`] when it cannot be found out.
pub async fn audit(request: &AuditRequest) -> Result<Report, AuditError> {
    let credentials = &request.credentials;
    let isolation = credentials.isolation();
    let mut auditor = PgConnection::connect_with(&credentials.auditor.options()).await?;
    let mut report = Report::default();
    report.findings = audit::catalog(&mut auditor, &isolation).await?;
    auditor.close().await?;
    let (app, key) = (credentials.app.options(), credentials.key.key());
    let enforcement = Enforcement::ReportOnly;
    let receipt = audit::boot_with(app, &isolation, Some(key.clone()), enforcement).await?;
    report.findings.extend_from_slice(receipt.findings());
    if let Some(probe) = &request.probe {
        let probed = audit::probe(probe.options(), &isolation, Some(&key)).await?;
        report.findings.extend(probed.findings);
        report.unprobed = probed.unprobed;
    }
    report.findings.sort();
    // The catalogs were read by two.
    report.findings.dedup();
    Ok(report)
}
