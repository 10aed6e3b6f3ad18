//! Operators' requests for shops whose cells other processes serve: they are sent on, and answered once for each key here.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use axum::{
    body::Body,
    extract::{MatchedPath, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use http::{HeaderName, HeaderValue};
use http_body_util::BodyExt;
use tenancy_core::directory::Tenant;

use super::{
    Fingerprint, Kept, Ops, OpsError, audit::Noted, idempotency, tenants::find, upload::Upload,
};
use crate::platform::AwayCell;

/// In which a cell tells control what its audit log should have of an act.
const NOTED: HeaderName = HeaderName::from_static("storefront-noted");

/// How large a body may be whose hash only is needed.
const LARGEST: usize = super::LARGEST_FILE;

/// Sends a request on to the shop's cell, if that is another process's.
pub(super) async fn to_cell(
    State(ops): State<Ops>,
    (path, parameters): (MatchedPath, Result<RawPathParams, RawPathParamsRejection>),
    request: Request,
    next: Next,
) -> Response {
    let Some((tenant, cell)) = away(&ops, parameters).await else {
        return next.run(request).await;
    };
    // What is taken along is taken along whole.
    let is_export = path.as_str().ends_with("/export");
    let _no_purge = if is_export {
        Some(ops.platform.site().keep_from_purge(tenant.id).await)
    } else {
        None
    };
    let answer = send(&ops, &tenant, &cell, request).await;
    answer.unwrap_or_else(OpsError::into_response)
}

/// The shop and the way to its cell, unless that is one of this process. A shop that is not found is not found by its handler.
async fn away(
    ops: &Ops,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
) -> Option<(Tenant, AwayCell)> {
    let parameters = parameters.ok()?;
    let (_, name) = parameters.iter().find(|(key, _)| *key == "tenant")?;
    let tenant = find(ops.platform.site(), name).await.ok()?;
    let cell = ops.platform.away(tenant.placement.cell)?;
    Some((tenant, cell))
}

async fn send(
    ops: &Ops,
    tenant: &Tenant,
    cell: &AwayCell,
    request: Request,
) -> Result<Response, OpsError> {
    let key = idempotency::key(request.headers())?;
    let Some(key) = key.filter(|_| !request.method().is_safe()) else {
        return Ok(noted(cell.forward(request).await?));
    };
    let claim = ops.idempotency.claim(key).await?;
    let asked = request
        .uri()
        .path_and_query()
        .map_or("/", |asked| asked.as_str());
    let operation = format!("{} {} {asked}", request.method(), tenant.id);
    if claim.is_answered() {
        let mut upload = Upload::new(request.into_body(), LARGEST);
        let asked = Fingerprint::new(&operation, upload.hash().await?);
        let answer = claim
            .replay(asked)?
            .expect("a key that is answered has an answer");
        return Ok(answer.into_response());
    }
    let read = Read::default();
    let request = request.map(|body| read.note(body));
    let (head, body) = noted(cell.forward(request).await?).into_parts();
    let body = body
        .collect()
        .await
        .map_err(|_| OpsError::CellAway)?
        .to_bytes();
    let response = |body: Vec<u8>| Response::from_parts(head.clone(), Body::from(body));
    // What may go otherwise the next time is not kept, nor what was said before all was heard.
    let Some(hash) = read.whole().filter(|_| !head.status.is_server_error()) else {
        return Ok(response(body.into()));
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let kept = Kept::given(head.status, text);
    let kept = if head.status.is_success() {
        kept.of(tenant.id)
    } else {
        kept
    };
    claim
        .keep(Fingerprint::new(&operation, hash), &kept)
        .await?;
    Ok(response(body.into()))
}

/// A body's hash, taken as it is sent on.
#[derive(Clone, Default)]
struct Read {
    hasher: Arc<Mutex<blake3::Hasher>>,
    ended: Arc<AtomicBool>,
}

impl Read {
    fn note(&self, body: Body) -> Body {
        let (read, end) = (self.clone(), self.clone());
        let chunks = body.into_data_stream().inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let mut hasher = read.hasher.lock().unwrap_or_else(PoisonError::into_inner);
                hasher.update(chunk);
            }
        });
        let ended = stream::once(async move { end.ended.store(true, Ordering::Release) });
        let chunks = chunks.chain(ended.filter_map(async |()| None));
        Body::from_stream(chunks)
    }

    /// The hash, if all of the body was read.
    fn whole(&self) -> Option<blake3::Hash> {
        let hasher = self.hasher.lock().unwrap_or_else(PoisonError::into_inner);
        self.ended
            .load(Ordering::Acquire)
            .then(|| hasher.finalize())
    }
}

/// Tells control what its audit log should have: an extension goes no further than its process.
pub(super) async fn note(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let noted: Option<Noted> = response.extensions_mut().remove();
    let detail = noted.and_then(|noted| HeaderValue::try_from(noted.detail).ok());
    if let Some(detail) = detail.filter(|detail| !detail.is_empty()) {
        response.headers_mut().insert(NOTED, detail);
    }
    response
}

fn noted(mut response: Response) -> Response {
    let detail = response.headers_mut().remove(NOTED);
    if let Some(detail) = detail.and_then(|detail| Some(detail.to_str().ok()?.to_owned())) {
        response.extensions_mut().insert(Noted {
            tenant: None,
            detail,
        });
    }
    response
}
