//! A shop's stock: what there is, what happened to it, and what an operator does to it.

mod model;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode};
use tenancy_core::{ReadOnly, db::CellTx};
use tenancy_types::TenantId;

use super::{
    Fingerprint, Kept, OpsError, ShopOps,
    audit::Noted,
    enter::{self, Entered},
    idempotency,
    tenants::{ShopName, asked, json, whole},
};
use crate::shop::inventory::{self, ChangeError, StockFilter, StockKey};

pub use model::{
    EventsQuery, PatchStock, StockCheck, StockDifference, StockEvent, StockEvents, StockLine,
    StockLines, StockNumbers, StockQuery, StockRebuilt,
};

/// Lists the stock of the variants that are counted, or only what should be ordered.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/stock", tag = "stock",
    params(("tenant" = String, Path, description = "number or slug"), StockQuery),
    responses((status = 200, body = StockLines), (status = 404, description = "not_found"))
)]
pub(super) async fn list(
    State(ops): State<ShopOps>,
    name: ShopName,
    query: Result<Query<StockQuery>, QueryRejection>,
) -> Result<Json<StockLines>, OpsError> {
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = usize::from(super::limit(query.limit)?.get());
    let filter = if query.low {
        StockFilter::Low
    } else {
        StockFilter::All
    };
    let after = query.after.unwrap_or(0);
    let tenant = ops.find(&asked(name)?).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "list stock")?;
    let read =
        async |tx: &mut CellTx<ReadOnly>| inventory::stock_list(tx, filter, after, limit).await;
    let entries = cell.scope(&context, read).await.map_err(OpsError::part)?;
    Ok(Json(StockLines::new(entries, limit)))
}

/// Changes a variant's stock: pieces came in, there are more or fewer than thought, or they were counted.
///
/// With an `Idempotency-Key` the same request changes it once, also across a crash.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/stock/{variant}", tag = "stock", request_body = PatchStock,
    params(
        ("tenant" = String, Path, description = "number or slug"),
        ("variant" = i64, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 200, body = StockNumbers),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "tenant_suspended, tenant_read_only"),
        (status = 404, description = "not_found: no such shop, or the variant is not counted"),
        (status = 409, description = "not_enough_stock: not that many are on hand"),
        (status = 422, description = "idempotency_mismatch"),
    )
)]
pub(super) async fn change(
    State(ops): State<ShopOps>,
    path: VariantPath,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OpsError> {
    let (name, variant) = named(path)?;
    let body = whole(body)?;
    let patch: PatchStock = json(&body)?;
    let noted = Noted {
        tenant: None,
        detail: patch.detail(),
    };
    let tenant = ops.find(&name).await?.id;
    let key = idempotency::key(&headers)?;
    let operation = format!("POST /v1/tenants/{tenant}/stock/{variant}");
    let asked = Fingerprint::new(&operation, blake3::hash(&body));
    let stock_key = key.clone().map(|key| StockKey {
        key,
        fingerprint: asked.to_string(),
    });
    let change = patch.change(variant)?;
    let work = change_here(&ops, tenant, &change, stock_key.as_ref());
    let answer = idempotency::once(ops.idempotency.as_ref(), key, asked, work);
    Ok((Extension(noted), answer.await?).into_response())
}

async fn change_here(
    ops: &ShopOps,
    tenant: TenantId,
    change: &inventory::StockChange,
    key: Option<&StockKey>,
) -> Result<Kept, OpsError> {
    let Entered { cell, context } = enter::to_write(ops, tenant, "change stock")?;
    let changed = inventory::change_stock(cell, &context, change, key).await;
    let stock = changed.map_err(|error| match error {
        ChangeError::IdempotencyMismatch => OpsError::IdempotencyMismatch,
        ChangeError::Shop(error) => OpsError::part(error),
    })?;
    let numbers = StockNumbers::new(change.variant, stock);
    let body = serde_json::to_value(numbers).expect("numbers are JSON");
    Ok(Kept::json(StatusCode::OK, &body).of(tenant))
}

/// Lists what happened to a variant's stock, oldest first.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/stock/{variant}/events", tag = "stock",
    params(("tenant" = String, Path, description = "number or slug"), ("variant" = i64, Path), EventsQuery),
    responses((status = 200, body = StockEvents), (status = 404, description = "not_found"))
)]
pub(super) async fn events(
    State(ops): State<ShopOps>,
    path: VariantPath,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Json<StockEvents>, OpsError> {
    let (name, variant) = named(path)?;
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = usize::from(super::limit(query.limit)?.get());
    let after = query.after.unwrap_or(0);
    let tenant = ops.find(&name).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "show what happened to stock")?;
    let read = async |tx: &mut CellTx<ReadOnly>| inventory::events(tx, variant, after, limit).await;
    let events = cell.scope(&context, read).await.map_err(OpsError::part)?;
    Ok(Json(StockEvents::new(events, limit)))
}

/// Compares all stock of a shop with the log of what happened to it.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/stock/check", tag = "stock",
    params(("tenant" = String, Path, description = "number or slug")),
    responses((status = 200, body = StockCheck), (status = 404, description = "not_found"))
)]
pub(super) async fn check(
    State(ops): State<ShopOps>,
    name: ShopName,
) -> Result<Json<StockCheck>, OpsError> {
    let tenant = ops.find(&asked(name)?).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "check stock")?;
    let read = async |tx: &mut CellTx<ReadOnly>| inventory::compare(tx).await;
    let differences = cell.scope(&context, read).await.map_err(OpsError::part)?;
    Ok(Json(StockCheck {
        differences: differences.into_iter().map(StockDifference::from).collect(),
    }))
}

/// Makes all stock of a shop what the log of what happened to it says.
///
/// Buyers go on meanwhile, and repeating it changes nothing more.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/stock/rebuild", tag = "stock",
    params(
        ("tenant" = String, Path, description = "number or slug"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
    ),
    responses(
        (status = 200, body = StockRebuilt),
        (status = 403, description = "tenant_suspended, tenant_read_only"),
        (status = 404, description = "not_found"),
    )
)]
pub(super) async fn rebuild(
    State(ops): State<ShopOps>,
    name: ShopName,
    headers: HeaderMap,
) -> Result<Response, OpsError> {
    let tenant = ops.find(&asked(name)?).await?.id;
    let key = idempotency::key(&headers)?;
    let operation = format!("POST /v1/tenants/{tenant}/stock/rebuild");
    let asked = Fingerprint::new(&operation, blake3::hash(&[]));
    let mut noted = Noted::default();
    let answer = idempotency::once(ops.idempotency.as_ref(), key, asked, async {
        let Entered { cell, context } = enter::to_write(&ops, tenant, "rebuild stock")?;
        let differences = inventory::rebuild(cell, &context).await;
        let rebuilt = StockRebuilt::from(differences.map_err(OpsError::part)?);
        noted.detail = rebuilt.detail();
        let body = serde_json::to_value(rebuilt).expect("numbers are JSON");
        Ok(Kept::json(StatusCode::OK, &body).of(tenant))
    });
    let answer = answer.await?;
    Ok((Extension(noted), answer).into_response())
}

type VariantPath = Result<Path<(String, i64)>, PathRejection>;

fn named(path: VariantPath) -> Result<(String, i64), OpsError> {
    let Path(names) = path.map_err(|error| OpsError::invalid(error.body_text()))?;
    Ok(names)
}
