use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{
    HeaderMap, StatusCode,
    header::{ALLOW, ETAG, IF_NONE_MATCH},
};

use crate::pages::Refused;

/// What needs the request's headers as well as the response: refusals as pages for those who prefer them, and
/// 304 for those who have the page already.
pub(crate) async fn finish(request: Request, next: Next) -> Response {
    let asked = request.headers().clone();
    let is_one_step = is_one_step(&request);
    let mut response = next.run(request).await;
    if let Some(refused) = response.extensions_mut().remove::<Refused>() {
        let mut answer: Response = refused.answer(&asked);
        if let Some(allow) = response.headers_mut().remove(ALLOW) {
            answer.headers_mut().insert(ALLOW, allow);
        }
        if is_one_step && let Some(undone) = refused.undone() {
            answer.extensions_mut().insert(undone);
        }
        return answer;
    }
    if response.status() == StatusCode::OK && is_known(&asked, response.headers()) {
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        return (parts, Body::empty()).into_response();
    }
    response
}

/// Whether what is asked for is done in one transaction, and nothing before it: then, when the cell's guard refuses that, nothing
/// was done. A checkout may have charged somebody.
fn is_one_step(request: &Request) -> bool {
    request.method().is_safe() || request.uri().path() == "/cart/items"
}

/// Whether the client has this content already (RFC 9110, section 13.1.2).
fn is_known(asked: &HeaderMap, answered: &HeaderMap) -> bool {
    let Some(tag) = answered.get(ETAG).and_then(|tag| tag.to_str().ok()) else {
        return false;
    };
    let known = asked
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.trim_start_matches("W/") == tag)
}
