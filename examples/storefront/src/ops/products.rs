//! A shop's products, one by one.

use axum::{
    Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tenancy_core::{ReadOnly, db::CellTx};
use utoipa::{IntoParams, ToSchema};

use super::{
    OpsError, ShopOps,
    enter::{self, Entered},
    tenants::{ShopName, asked, json, whole},
};
use crate::{
    import::{Stored, WholeProduct},
    shop::{
        ShopError,
        products::{self, ProductLine, PutError},
    },
};

/// A product in a list.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ProductSummary {
    /// Its number: a text, since it has 63 bits.
    pub product_id: String,
    /// Its part of the address.
    pub handle: String,
    /// Its title.
    pub title: String,
    /// Where it is in its life: `active`, `draft`, `archived`.
    pub status: String,
    /// Whether shop pages show it.
    pub listed: bool,
    /// Whether one of its variants can be bought now.
    pub available: bool,
}

impl From<ProductLine> for ProductSummary {
    fn from(line: ProductLine) -> Self {
        Self {
            product_id: line.product_id.to_string(),
            handle: line.handle,
            title: line.title,
            status: line.status,
            listed: line.listed == 1,
            available: line.available == 1,
        }
    }
}

/// A page of products in the order of their handles.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ProductSummaries {
    /// The products.
    pub products: Vec<ProductSummary>,
    /// Pass it as `after` for the next page; none on the last.
    pub next: Option<String>,
}

/// Which page of products.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProductsQuery {
    /// How many at most: 1 to 1000, without it 100.
    pub limit: Option<u16>,
    /// Only products whose handle comes later.
    pub after: Option<String>,
}

/// A product as it stands in the shop.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct ShopProduct {
    /// Its number: a text, since it has 63 bits.
    pub product_id: String,
    /// Its part of the address.
    pub handle: String,
    /// Everything of it, in the form in which it is put.
    pub product: WholeProduct,
}

/// Lists a shop's products, also those that its pages do not show.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/products", tag = "products",
    params(("tenant" = String, Path, description = "number or slug"), ProductsQuery),
    responses((status = 200, body = ProductSummaries), (status = 404, description = "not_found"))
)]
pub(super) async fn list(
    State(ops): State<ShopOps>,
    name: ShopName,
    query: Result<Query<ProductsQuery>, QueryRejection>,
) -> Result<Json<ProductSummaries>, OpsError> {
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = super::limit(query.limit)?.get();
    let tenant = ops.find(&asked(name)?).await?.id;
    let Entered { cell, context } = enter::to_read(&ops, tenant, "list products")?;
    let after = query.after.unwrap_or_default();
    let read = async |tx: &mut CellTx<ReadOnly>| products::lines(tx, tenant, &after, limit).await;
    let lines = cell.scope(&context, read).await.map_err(OpsError::part)?;
    let full = lines.len() == usize::from(limit);
    Ok(Json(ProductSummaries {
        next: lines
            .last()
            .filter(|_| full)
            .map(|line| line.handle.clone()),
        products: lines.into_iter().map(ProductSummary::from).collect(),
    }))
}

/// Shows everything of a product.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}/products/{handle}", tag = "products",
    params(("tenant" = String, Path, description = "number or slug"), ("handle" = String, Path)),
    responses((status = 200, body = ShopProduct), (status = 404, description = "not_found"))
)]
pub(super) async fn show(
    State(ops): State<ShopOps>,
    path: ProductPath,
) -> Result<Json<ShopProduct>, OpsError> {
    let (name, handle) = named(path)?;
    let tenant = ops.find(&name).await?.id;
    let entered = enter::to_read(&ops, tenant, "show a product")?;
    Ok(Json(shown(&entered, handle).await?))
}

/// Makes the product of this handle what the body says, all of it; numbers of variants stay.
///
/// What an import checks is checked here, and repeating the request changes nothing.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/products/{handle}", tag = "products", request_body = WholeProduct,
    params(("tenant" = String, Path, description = "number or slug"), ("handle" = String, Path)),
    responses(
        (status = 200, body = ShopProduct, description = "it was there"),
        (status = 201, body = ShopProduct, description = "it is new"),
        (status = 400, description = "invalid_request"),
        (status = 403, description = "tenant_suspended, tenant_read_only"),
        (status = 404, description = "not_found"),
    )
)]
pub(super) async fn put(
    State(ops): State<ShopOps>,
    path: ProductPath,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<ShopProduct>), OpsError> {
    let (name, handle) = named(path)?;
    let product: WholeProduct = json(&whole(body)?)?;
    let tenant = ops.find(&name).await?.id;
    let Entered { cell, context } = enter::to_write(&ops, tenant, "put a product")?;
    let stored = products::put(cell, &context, &handle, product).await;
    let stored = stored.map_err(|error| match error {
        PutError::Invalid(fault) => OpsError::invalid(fault.to_string()),
        PutError::Shop(error) => OpsError::part(error),
    })?;
    let status = match stored {
        Stored::Created => StatusCode::CREATED,
        Stored::Updated | Stored::Unchanged => StatusCode::OK,
    };
    let entered = enter::to_read(&ops, tenant, "put a product")?;
    Ok((status, Json(shown(&entered, handle).await?)))
}

/// Takes a product out of the shop. What was sold of it stays in its orders.
#[utoipa::path(
    delete, path = "/v1/tenants/{tenant}/products/{handle}", tag = "products",
    params(("tenant" = String, Path, description = "number or slug"), ("handle" = String, Path)),
    responses(
        (status = 204, description = "it is gone"),
        (status = 403, description = "tenant_suspended, tenant_read_only"),
        (status = 404, description = "not_found"),
    )
)]
pub(super) async fn remove(
    State(ops): State<ShopOps>,
    path: ProductPath,
) -> Result<StatusCode, OpsError> {
    let (name, handle) = named(path)?;
    let tenant = ops.find(&name).await?.id;
    let Entered { cell, context } = enter::to_write(&ops, tenant, "remove a product")?;
    let removed = products::remove(cell, &context, &handle).await;
    removed.map_err(OpsError::part)?;
    Ok(StatusCode::NO_CONTENT)
}

type ProductPath = Result<Path<(String, String)>, PathRejection>;

fn named(path: ProductPath) -> Result<(String, String), OpsError> {
    let Path(names) = path.map_err(|error| OpsError::invalid(error.body_text()))?;
    Ok(names)
}

async fn shown(entered: &Entered<'_, ReadOnly>, handle: String) -> Result<ShopProduct, OpsError> {
    let tenant = entered.context.tenant();
    let read = async |tx: &mut CellTx<ReadOnly>| -> Result<_, ShopError> {
        products::whole(tx, tenant, &handle).await
    };
    let read = entered.cell.scope(&entered.context, read).await;
    let (id, product) = read.map_err(OpsError::part)?;
    Ok(ShopProduct {
        product_id: id.to_string(),
        handle,
        product,
    })
}
