//! Shops that leave.

use axum::{Json, extract::State};
use http::StatusCode;

use super::{
    Ops, OpsError, Shop,
    tenants::{ShopName, asked, find},
};

/// Lets a shop leave: visitors get 410, everything is kept until the time of grace is over, then it is purged.
///
/// Repeating it changes nothing, not the time either.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}", tag = "offboarding",
    params(("tenant" = String, Path, description = "number or slug")),
    responses(
        (status = 202, body = Shop, description = "it is leaving; purge_after says until when an undo is possible"),
        (status = 404, description = "not_found"),
        (status = 409, description = "transition_rejected"),
        (status = 410, description = "tenant_gone"),
    )
)]
pub(super) async fn offboard(
    State(ops): State<Ops>,
    name: ShopName,
) -> Result<(StatusCode, Json<Shop>), OpsError> {
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    let (tenant, purge_after) = ops.platform.offboard(tenant.id).await?;
    let shop = Shop {
        purge_after: Some(purge_after.get()),
        ..Shop::new(&tenant, &ops.visit)
    };
    Ok((StatusCode::ACCEPTED, Json(shop)))
}

/// Takes back that a shop leaves: it is suspended then, and resumed by a patch.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/undo", tag = "offboarding",
    params(("tenant" = String, Path, description = "number or slug")),
    responses(
        (status = 200, body = Shop),
        (status = 404, description = "not_found"),
        (status = 409, description = "transition_rejected: it is not leaving, or it is being purged"),
    )
)]
pub(super) async fn undo(State(ops): State<Ops>, name: ShopName) -> Result<Json<Shop>, OpsError> {
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    let tenant = ops.platform.undo_offboarding(tenant.id).await?;
    Ok(Json(Shop::new(&tenant, &ops.visit)))
}
