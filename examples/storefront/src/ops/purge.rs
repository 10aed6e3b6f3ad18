//! Purging shops that have left, and what is left of them.

use std::collections::BTreeMap;

use axum::{
    Json,
    body::Bytes,
    extract::{State, rejection::BytesRejection},
};
use serde::{Deserialize, Serialize};
use tenancy_migrate::PurgeReceipt;
use utoipa::ToSchema;

use super::{
    Ops, OpsError,
    tenants::{ShopName, asked, find, json, whole},
};

/// What confirms that this shop is meant.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmPurge {
    /// The shop's slug.
    pub confirm: String,
}

/// What is left of a purged shop: that it was, and that its rows were deleted.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct Receipt {
    /// Its number, which no other shop gets.
    pub tenant_id: u32,
    /// The epoch at which it is gone.
    pub epoch: String,
    /// When it was past the point of no return: microseconds since 1970 UTC.
    pub began: i64,
    /// When nothing was left.
    pub ended: i64,
    /// How many rows of each table were deleted.
    pub rows: BTreeMap<String, u64>,
    /// The BLAKE3 hash of the receipt's text, in hexadecimal digits.
    pub blake3: String,
    /// The receipt as a text, to be kept.
    pub text: String,
}

impl From<PurgeReceipt> for Receipt {
    fn from(receipt: PurgeReceipt) -> Self {
        let rows = receipt.rows.iter();
        Self {
            tenant_id: receipt.tenant.get(),
            epoch: receipt.epoch.to_string(),
            began: receipt.began.get(),
            ended: receipt.ended.get(),
            rows: rows.map(|(table, rows)| (table.to_owned(), rows)).collect(),
            blake3: receipt.digest(),
            text: receipt.to_string(),
        }
    }
}

/// Deletes everything of a shop that is leaving, for good, and proves that nothing is left.
///
/// Asked again, by number, it gives the same receipt. What a crash interrupts is gone on with by itself. A shop that
/// was emptied to be replaced, and whose archive cannot be loaded any more, is purged, too.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/purge", tag = "offboarding", request_body = ConfirmPurge,
    params(("tenant" = String, Path, description = "number or slug; the number alone once it is gone")),
    responses(
        (status = 200, body = Receipt),
        (status = 400, description = "invalid_request: the confirmation is not the shop's slug"),
        (status = 404, description = "not_found"),
        (status = 409, description = "transition_rejected: it is not leaving; purge_overtaken: somebody was faster"),
        (status = 503, description = "purge_unfinished: it is gone on with"),
    )
)]
pub(super) async fn purge(
    State(ops): State<Ops>,
    name: ShopName,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, OpsError> {
    let ConfirmPurge { confirm } = json(&whole(body)?)?;
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    // One that is gone has no slug any more, and nothing is done to it.
    if let Some(slug) = &tenant.slug
        && confirm != slug.as_str()
    {
        return Err(OpsError::invalid(format!(
            "confirm must be the shop's slug, {slug}"
        )));
    }
    Ok(Json(ops.platform.purge(tenant.id).await?.into()))
}

/// The receipt of a shop that was purged.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/receipt", tag = "offboarding",
    params(("tenant" = String, Path, description = "number")),
    responses((status = 200, body = Receipt), (status = 404, description = "not_found: no such shop, or it was not purged"))
)]
pub(super) async fn receipt(
    State(ops): State<Ops>,
    name: ShopName,
) -> Result<Json<Receipt>, OpsError> {
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    Ok(Json(ops.platform.receipt(tenant.id).await?.into()))
}
