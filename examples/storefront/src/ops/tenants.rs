//! Shops: making, listing, showing, changing.

use std::collections::BTreeSet;

use axum::{
    Extension, Json,
    body::Bytes,
    extract::{
        Path, Query, State,
        rejection::{BytesRejection, PathRejection, QueryRejection},
    },
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::DeserializeOwned;
use tenancy_core::directory::{Directory, Page, Tenant};
use tenancy_types::{Clock, DomainName, Lifecycle, Region, SystemClock, TenantId, UnixMicros};
use tracing::Span;

use super::{
    Fingerprint, Kept, NewShop, Ops, OpsError, PageQuery, PatchLifecycle, Shop, ShopPatch, Shops,
    audit::Noted, idempotency,
};
use crate::{
    money::Currency,
    platform::{ShopChange, ShopRequest, ShopStart, Site, finished, names},
};

/// The most domains of one request: they are claimed in one step, for which other changes wait.
const MOST_DOMAINS: usize = 100;

/// Makes a shop.
///
/// With an `Idempotency-Key` the same request gives the same answer, also when it was refused.
#[utoipa::path(
    post, path = "/v1/tenants", request_body = NewShop, tag = "tenants",
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters")),
    responses(
        (status = 201, body = Shop),
        (status = 400, description = "invalid_request"),
        (status = 409, description = "slug_taken, domain_taken"),
        (status = 422, description = "idempotency_mismatch"),
        (status = 503, description = "no_capacity, directory_unavailable"),
    )
)]
pub(super) async fn create(
    State(ops): State<Ops>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, OpsError> {
    let body = whole(body)?;
    let key = idempotency::key(&headers)?.unwrap_or_else(idempotency::fresh_key);
    let told = HeaderValue::try_from(&key).expect("a key is visible ASCII");
    // Finished also when the client goes away: half a shop would keep its slug and domains from others.
    let made = finished(async move { create_once(&ops, key, &body).await }).await;
    let mut response = made.unwrap_or_else(OpsError::into_response);
    // Who brought no key learns it here, to repeat what could not be finished.
    response.headers_mut().insert("idempotency-key", told);
    Ok(response)
}

async fn create_once(ops: &Ops, key: String, body: &[u8]) -> Result<Response, OpsError> {
    let asked = Fingerprint::new("POST /v1/tenants", blake3::hash(body));
    let making = make(ops, &key, body);
    let answer = idempotency::once(Some(&ops.idempotency), Some(key.clone()), asked, making);
    Ok(answer.await?.into_response())
}

async fn make(ops: &Ops, key: &str, body: &[u8]) -> Result<Kept, OpsError> {
    let new: NewShop = json(body)?;
    let request = checked(ops, &new).await?;
    timed(ops, ops.platform.provision(key, &request)).await
}

/// The answer to the making of a shop, with how long it took.
pub(super) async fn timed(
    ops: &Ops,
    making: impl Future<Output = Result<Tenant, OpsError>>,
) -> Result<Kept, OpsError> {
    let start = SystemClock.now();
    let tenant = making.await?;
    let took = SystemClock.now().since(start);
    metrics::histogram!("storefront_provisioning_seconds").record(took.as_secs_f64());
    let provisioned_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let shop = Shop {
        provisioned_ms: Some(provisioned_ms),
        ..Shop::new(&tenant, &ops.visit)
    };
    let body = serde_json::to_value(shop).expect("a shop is JSON");
    Ok(Kept::json(StatusCode::CREATED, &body).of(tenant.id))
}

async fn checked(ops: &Ops, new: &NewShop) -> Result<ShopRequest, OpsError> {
    let plan = plan(ops, &new.plan)?;
    let mut domains = own_domains(ops, &new.domains)?;
    domains.sort();
    domains.dedup();
    let currency = new.currency.as_deref().unwrap_or("EUR");
    Ok(ShopRequest {
        slug: names::slug(&new.slug).map_err(invalid)?,
        plan,
        domains,
        region: match &new.region {
            Some(name) => Some(region(ops, name).await?),
            None => None,
        },
        cell: None,
        start: ShopStart::Empty(currency.parse::<Currency>().map_err(invalid)?),
    })
}

/// Domains of a request, normalised and checked.
fn own_domains(ops: &Ops, texts: &[String]) -> Result<Vec<DomainName>, OpsError> {
    if texts.len() > MOST_DOMAINS {
        let found = texts.len();
        return Err(OpsError::invalid(format!(
            "a request names at most {MOST_DOMAINS} domains, not {found}"
        )));
    }
    let platform = &ops.platform.config().platform_domain;
    let checked = texts.iter().map(|text| names::own_domain(text, platform));
    checked.collect::<Result<_, _>>().map_err(invalid)
}

/// A plan of this platform.
pub(super) fn plan(ops: &Ops, name: &str) -> Result<tenancy_types::PlanName, OpsError> {
    let name = name.parse().map_err(invalid)?;
    let plans = &ops.platform.config().plans;
    if plans.find(&name).is_none() {
        let known: Vec<_> = plans.iter().map(|(_, plan)| plan.name.as_str()).collect();
        return Err(OpsError::invalid(format!(
            "there is no plan {name}; there are {}",
            known.join(", ")
        )));
    }
    Ok(name)
}

/// A region of this platform.
pub(super) async fn region(ops: &Ops, name: &str) -> Result<Region, OpsError> {
    let region: Region = name.parse().map_err(invalid)?;
    let cells = ops.platform.cells().await?;
    let regions: BTreeSet<_> = cells.iter().map(|cell| cell.region.as_str()).collect();
    if !regions.contains(region.as_str()) {
        let known = Vec::from_iter(regions).join(", ");
        return Err(OpsError::invalid(format!(
            "there is no region {region}; there are {known}"
        )));
    }
    Ok(region)
}

pub(super) fn invalid(error: impl std::fmt::Display) -> OpsError {
    OpsError::invalid(error.to_string())
}

/// A body that is read whole.
pub(super) fn whole(body: Result<Bytes, BytesRejection>) -> Result<Bytes, OpsError> {
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => OpsError::BodyTooLarge {
            most: super::LARGEST_BODY,
        },
        _ => OpsError::invalid(rejection.body_text()),
    })
}

/// The JSON of a body; an error says what is wrong at which line and column.
pub(super) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, OpsError> {
    serde_json::from_slice(body)
        .map_err(|error| OpsError::invalid(format!("the body is not as expected: {error}")))
}

/// Lists shops in the order of their numbers.
#[utoipa::path(
    get, path = "/v1/tenants", params(PageQuery), tag = "tenants",
    responses((status = 200, body = Shops), (status = 400, description = "invalid_request"))
)]
pub(super) async fn list(
    State(ops): State<Ops>,
    query: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<Shops>, OpsError> {
    let Query(query) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let limit = super::limit(query.limit)?;
    let page = Page {
        after: query.after.and_then(TenantId::new),
        limit,
    };
    let tenants = ops.platform.directory().tenants(page).await?;
    let full = tenants.len() == usize::from(limit.get());
    let next = tenants
        .last()
        .filter(|_| full)
        .map(|tenant| tenant.id.get());
    Ok(Json(Shops {
        tenants: tenants
            .iter()
            .map(|tenant| Shop::new(tenant, &ops.visit))
            .collect(),
        next,
    }))
}

/// Shows a shop.
#[utoipa::path(
    get, path = "/v1/tenants/{tenant}", tag = "tenants",
    params(("tenant" = String, Path, description = "number or slug")),
    responses((status = 200, body = Shop), (status = 404, description = "not_found"))
)]
pub(super) async fn show(State(ops): State<Ops>, name: ShopName) -> Result<Json<Shop>, OpsError> {
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    let purge_after = ops.platform.purge_after(&tenant).await?;
    Ok(Json(Shop {
        purge_after: purge_after.map(UnixMicros::get),
        ..Shop::new(&tenant, &ops.visit)
    }))
}

/// Changes a shop: lifecycle, plan, domains. All of it happens, or nothing.
#[utoipa::path(
    patch, path = "/v1/tenants/{tenant}", request_body = ShopPatch, tag = "tenants",
    params(("tenant" = String, Path, description = "number or slug")),
    responses(
        (status = 200, body = Shop),
        (status = 400, description = "invalid_request"),
        (status = 404, description = "not_found"),
        (status = 409, description = "domain_taken, transition_rejected, version_mismatch"),
    )
)]
pub(super) async fn patch(
    State(ops): State<Ops>,
    name: ShopName,
    body: Result<Bytes, BytesRejection>,
) -> Result<(Extension<Noted>, Json<Shop>), OpsError> {
    let patch: ShopPatch = json(&whole(body)?)?;
    let change = ShopChange {
        lifecycle: patch.lifecycle.map(|lifecycle| match lifecycle {
            PatchLifecycle::Active => Lifecycle::Active,
            PatchLifecycle::Suspended => Lifecycle::Suspended,
        }),
        plan: patch
            .plan
            .as_deref()
            .map(|name| plan(&ops, name))
            .transpose()?,
        add_domains: own_domains(&ops, &patch.add_domains)?,
        remove_domains: own_domains(&ops, &patch.remove_domains)?,
    };
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    let noted = noted(&change);
    let tenant = ops.platform.change(tenant.id, change).await?;
    Ok((Extension(noted), Json(Shop::new(&tenant, &ops.visit))))
}

/// What a change was, without the names in it.
fn noted(change: &ShopChange) -> Noted {
    let mut words = Vec::new();
    words.extend(
        change
            .lifecycle
            .map(|to| format!("lifecycle={}", to.as_str())),
    );
    words.extend(change.plan.as_ref().map(|plan| format!("plan={plan}")));
    let domains = [
        ("added", change.add_domains.len()),
        ("removed", change.remove_domains.len()),
    ];
    let domains = domains.iter().filter(|(_, count)| *count > 0);
    words.extend(domains.map(|(word, count)| format!("domains_{word}={count}")));
    Noted {
        tenant: None,
        detail: words.join(" "),
    }
}

/// The shop's number or slug in a path, which may be no text at all.
pub(super) type ShopName = Result<Path<String>, PathRejection>;

/// The name that a path asks for.
pub(super) fn asked(name: ShopName) -> Result<String, OpsError> {
    let Path(name) = name.map_err(|error| OpsError::invalid(error.body_text()))?;
    Ok(name)
}

/// The tenant of a number or slug. No slug looks like a number.
pub(super) async fn find(site: &Site, name: &str) -> Result<Tenant, OpsError> {
    let directory = site.directory();
    let mut found = None;
    if let Ok(id) = name.parse::<TenantId>() {
        found = directory.tenant(id).await?;
    }
    if let (None, Ok(slug)) = (&found, name.parse()) {
        found = directory.by_slug(&slug).await?;
    }
    let found = found.ok_or_else(|| OpsError::NoTenant {
        asked: name.to_owned(),
    })?;
    Span::current().record("tenant_id", found.id.get());
    Ok(found)
}
