//! Shops from archives: new ones, and ones that get back what they had.

use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue};
use serde::Deserialize;
use tenancy_types::{CellId, TenantId};

use super::{
    ArchiveQuery, Fingerprint, Kept, Ops, OpsError, ReplaceQuery, Shop, idempotency,
    tenants::{ShopName, asked, find, invalid, plan, region, timed},
    upload::Upload,
};
use crate::platform::{ArchiveName, Arrived, ShopRequest, ShopStart, names};

/// The largest archive, in bytes. Memory does not depend on it; the data folder needs room for it.
pub const LARGEST_ARCHIVE: usize = 8 << 30;

/// Makes a shop of an archive, with everything that is in it but its own domains.
///
/// The whole archive is checked, and loaded into a cell of its own, before anything is made. Payments belong to the
/// shop that it was made of. With an `Idempotency-Key` the same request gives the same answer, also when it was refused.
#[utoipa::path(
    post, path = "/v1/archives", tag = "tenants",
    request_body(content = Vec<u8>, content_type = "application/x-tar"),
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 visible ASCII characters"),
        ArchiveQuery,
    ),
    responses(
        (status = 201, body = Shop),
        (status = 400, description = "invalid_request, archive_invalid"),
        (status = 409, description = "slug_taken, archive_mismatch"),
        (status = 413, description = "body_too_large"),
        (status = 422, description = "idempotency_mismatch"),
        (status = 503, description = "no_capacity, directory_unavailable, provisioning_unfinished"),
    )
)]
pub(super) async fn create(
    State(ops): State<Ops>,
    query: Result<Query<ArchiveQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OpsError> {
    let mut upload = Upload::new(body, LARGEST_ARCHIVE);
    let asked = async {
        let Query(wanted) = query.map_err(|error| OpsError::invalid(error.body_text()))?;
        Ok((wanted, idempotency::key(&headers)?))
    };
    let (wanted, key) = or_discard(asked.await, &mut upload).await?;
    let key = key.unwrap_or_else(idempotency::fresh_key);
    let told = HeaderValue::try_from(&key).expect("a key is visible ASCII");
    let arrived = receive(&ops, &mut upload).await?;
    let fingerprint = Fingerprint::new(&operation(&wanted), upload.hash().await?);
    let making = make(&ops, (&key, fingerprint), wanted, arrived);
    let made = idempotency::once(
        Some(&ops.idempotency),
        Some(key.clone()),
        fingerprint,
        making,
    )
    .await;
    let mut response = made.map_or_else(OpsError::into_response, Kept::into_response);
    // Who brought no key learns it here, to repeat what could not be finished.
    response.headers_mut().insert("idempotency-key", told);
    Ok(response)
}

/// Empties a shop that is suspended or leaving and gives it what an archive of it has; it is active then.
///
/// The whole archive is checked, and loaded into a cell of its own, before anything is deleted. What a crash
/// interrupts is gone on with by itself.
#[utoipa::path(
    put, path = "/v1/tenants/{tenant}/archive", tag = "tenants",
    request_body(content = Vec<u8>, content_type = "application/x-tar"),
    params(("tenant" = String, Path, description = "number or slug"), ReplaceQuery),
    responses(
        (status = 200, body = Shop),
        (status = 400, description = "invalid_request: the confirmation is not the shop's slug; archive_invalid"),
        (status = 404, description = "not_found"),
        (status = 409, description = "transition_rejected: it is served, or gone; archive_foreign, archive_mismatch, refill_refused, purge_overtaken, purge_under_way"),
        (status = 413, description = "body_too_large"),
        (status = 503, description = "purge_unfinished: it is gone on with"),
    )
)]
pub(super) async fn replace(
    State(ops): State<Ops>,
    name: ShopName,
    query: Result<Query<ReplaceQuery>, QueryRejection>,
    body: Body,
) -> Result<Json<Shop>, OpsError> {
    let mut upload = Upload::new(body, LARGEST_ARCHIVE);
    let id = or_discard(confirmed(&ops, name, query).await, &mut upload).await?;
    let arrived = receive(&ops, &mut upload).await?;
    let tenant = ops.platform.refill(id, arrived).await?;
    Ok(Json(Shop::new(&tenant, &ops.visit)))
}

/// The shop that the path names and the query confirms.
async fn confirmed(
    ops: &Ops,
    name: ShopName,
    query: Result<Query<ReplaceQuery>, QueryRejection>,
) -> Result<TenantId, OpsError> {
    let Query(ReplaceQuery { confirm }) =
        query.map_err(|error| OpsError::invalid(error.body_text()))?;
    let tenant = find(ops.platform.site(), &asked(name)?).await?;
    match &tenant.slug {
        Some(slug) if confirm != slug.as_str() => Err(OpsError::invalid(format!(
            "confirm must be the shop's slug, {slug}"
        ))),
        _ => Ok(tenant.id),
    }
}

/// Reads on for a while before a refusal is told.
async fn or_discard<T>(checked: Result<T, OpsError>, upload: &mut Upload) -> Result<T, OpsError> {
    if checked.is_err() {
        upload.discard().await;
    }
    checked
}

/// The body as a file of the data folder.
async fn receive(ops: &Ops, upload: &mut Upload) -> Result<Arrived, OpsError> {
    let received = write(ops, upload).await;
    or_discard(received, upload).await
}

async fn write(ops: &Ops, upload: &mut Upload) -> Result<Arrived, OpsError> {
    let mut arrival = ops
        .platform
        .archives()
        .arrival()
        .await
        .map_err(OpsError::part)?;
    while let Some(chunk) = upload.chunk().await? {
        arrival.write(&chunk).await.map_err(OpsError::part)?;
    }
    arrival.finish().await.map_err(OpsError::part)
}

fn operation(wanted: &ArchiveQuery) -> String {
    let cell = wanted.cell.map(|cell| cell.to_string());
    let [slug, plan, region, cell] = [&wanted.slug, &wanted.plan, &wanted.region, &cell]
        .map(|word| word.as_deref().unwrap_or_default());
    format!("POST /v1/archives {slug:?} {plan:?} {region:?} {cell:?}")
}

async fn make(
    ops: &Ops,
    (key, asked): (&str, Fingerprint),
    wanted: ArchiveQuery,
    arrived: Arrived,
) -> Result<Kept, OpsError> {
    let archive = arrived.open().await.map_err(OpsError::part)?;
    // Of the key, too: two shops may be made of one archive at once, and each removes its own.
    let name = ArchiveName::of(blake3::hash(format!("{key} {asked}").as_bytes()));
    let about = serde_json::from_str(&archive.manifest().about).map_err(invalid)?;
    let request = checked(ops, wanted, about, name).await?;
    let rehearsed = ops.platform.archives().rehearse(&archive).await;
    rehearsed.map_err(OpsError::part)?;
    timed(ops, ops.platform.provision_from(arrived, key, &request)).await
}

/// What an archive says of its shop beside the rows.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct About {
    slug: Option<String>,
    plan: Option<String>,
    region: Option<String>,
}

/// The shop that is asked for; what the query leaves out is as the archive says.
async fn checked(
    ops: &Ops,
    wanted: ArchiveQuery,
    about: About,
    name: ArchiveName,
) -> Result<ShopRequest, OpsError> {
    let missing = |what| move || OpsError::invalid(format!("the archive says no {what}; give one"));
    let slug = wanted.slug.or(about.slug).ok_or_else(missing("slug"))?;
    let plan_name = wanted.plan.or(about.plan).ok_or_else(missing("plan"))?;
    let region_name = wanted.region.or(about.region);
    Ok(ShopRequest {
        slug: names::slug(&slug).map_err(invalid)?,
        plan: plan(ops, &plan_name)?,
        domains: Vec::new(),
        region: match region_name {
            Some(name) => Some(region(ops, &name).await?),
            None => None,
        },
        cell: match wanted.cell {
            Some(number) => Some(cell(ops, number).await?),
            None => None,
        },
        start: ShopStart::Archive(name),
    })
}

/// A cell of this platform.
async fn cell(ops: &Ops, number: u16) -> Result<CellId, OpsError> {
    let cells = ops.platform.cells().await?;
    let found = cells.iter().find(|cell| cell.cell.get() == number);
    found.map(|cell| cell.cell).ok_or_else(|| {
        let known = cells.iter().map(|cell| cell.cell.get().to_string());
        let known = Vec::from_iter(known).join(", ");
        OpsError::invalid(format!("there is no cell {number}; there are {known}"))
    })
}
