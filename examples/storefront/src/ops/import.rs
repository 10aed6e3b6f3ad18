//! Importing a product file into a shop, as it arrives.

use axum::{
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use tenancy_types::TenantId;

use super::{
    Fingerprint, ImportQuery, Kept, OpsError, ShopOps,
    enter::{self, Entered},
    idempotency,
    tenants::{ShopName, asked},
    upload::Upload,
};
use crate::{
    import::{Limits, Report},
    shop::{self, ImportError, ImportMode},
};

/// The largest product file. Memory does not depend on it; a file beyond it is not a product file.
pub const LARGEST_FILE: usize = 4 << 30;

/// Imports products from CSV in Shopify's columns and answers with a report.
///
/// The file is read as it arrives, each product is committed by itself, and importing it again changes
/// nothing. A row that is wrong is in the report with its line and column; the rest goes on.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/import", tag = "tenants",
    request_body(content = String, content_type = "text/csv"),
    params(
        ("tenant" = String, Path, description = "number or slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
        ImportQuery,
    ),
    responses(
        (status = 200, description = "a report", content_type = "application/json"),
        (status = 403, description = "tenant_suspended, tenant_read_only"),
        (status = 404, description = "not_found"),
        (status = 413, description = "body_too_large"),
        (status = 422, description = "idempotency_mismatch"),
    )
)]
pub(super) async fn import(
    State(ops): State<ShopOps>,
    name: ShopName,
    query: Result<Query<ImportQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OpsError> {
    let name = asked(name)?;
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let mode = if query.dry_run {
        ImportMode::DryRun
    } else {
        ImportMode::Apply
    };
    let key = idempotency::key(&headers)?;
    let mut upload = Upload::new(body, LARGEST_FILE);
    let answer = answer(&ops, (&name, mode, key), &mut upload).await;
    if answer.is_err() {
        upload.discard().await;
    }
    answer
}

async fn answer(
    ops: &ShopOps,
    (name, mode, key): (&str, ImportMode, Option<String>),
    upload: &mut Upload,
) -> Result<Response, OpsError> {
    let tenant = ops.find(name).await?.id;
    let (Some(key), Some(answers)) = (key, &ops.idempotency) else {
        let report = run(ops, tenant, mode, upload).await?;
        upload.hash().await?;
        return Ok(report_of(&report).into_response());
    };
    let claim = answers.claim(key).await?;
    let operation = format!("POST /v1/tenants/{tenant}/import {mode:?}");
    if claim.is_answered() {
        let asked = Fingerprint::new(&operation, upload.hash().await?);
        let answer = claim
            .replay(asked)?
            .expect("a key that is answered has an answer");
        return Ok(answer.into_response());
    }
    let answer = report_of(&run(ops, tenant, mode, upload).await?).of(tenant);
    let asked = Fingerprint::new(&operation, upload.hash().await?);
    claim.keep(asked, &answer).await?;
    Ok(answer.into_response())
}

fn report_of(report: &Report) -> Kept {
    Kept::json(
        StatusCode::OK,
        &serde_json::to_value(report).expect("a report is JSON"),
    )
}

async fn run(
    ops: &ShopOps,
    tenant: TenantId,
    mode: ImportMode,
    upload: &mut Upload,
) -> Result<Report, OpsError> {
    let Entered { cell, context } = enter::to_write(ops, tenant, "import products")?;
    let report = shop::import(cell, &context, Limits::default(), mode, upload.chunks()).await;
    let report = report.map_err(|error| match error {
        ImportError::Shop(error) => OpsError::part(error),
        ImportError::Receive(error) => match error.downcast::<OpsError>() {
            Ok(error) => *error,
            Err(error) => OpsError::invalid(format!("the file did not arrive whole: {error}")),
        },
    })?;
    count(&report);
    Ok(report)
}

fn count(report: &Report) {
    let outcomes = [
        ("created", report.created),
        ("updated", report.updated),
        ("unchanged", report.unchanged),
        ("rejected", report.products_rejected),
    ];
    for (outcome, products) in outcomes {
        metrics::counter!("storefront_import_products_total", "outcome" => outcome)
            .increment(products);
    }
}
