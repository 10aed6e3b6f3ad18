use std::{fmt::Write, time::Duration};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::{Problem, Retry};

/// How a layer's refusal becomes an HTTP response.
///
/// Layers of this family answer with a response and leave the inner service's error type alone. What the
/// answer looks like is the application's choice: the default is [`ProblemJson`].
///
/// `request` holds the headers of the refused request, for content negotiation.
pub trait Respond<B>: Clone + Send + Sync + 'static {
    /// Makes the response. Must not block.
    fn respond(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B>;
}

/// Answers with `application/problem+json` (RFC 9457) and, where a later try makes sense, `Retry-After`.
///
/// Works for every body that can be made from a `String`, such as axum's and `http_body_util::Full<Bytes>`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProblemJson;

impl<B: From<String>> Respond<B> for ProblemJson {
    fn respond(&self, problem: &dyn Problem, _request: &HeaderMap) -> Response<B> {
        let status = problem.kind().http_status();
        let mut json = format!(
            "{{\"type\":\"about:blank\",\"title\":\"{}\",\"status\":{status}",
            problem.kind().title()
        );
        push_member(&mut json, "code", problem.code().as_str());
        push_member(&mut json, "detail", &problem.client_text());
        json.push('}');
        let mut response = Response::new(B::from(json));
        *response.status_mut() = StatusCode::from_u16(status).expect("kinds map to valid statuses");
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(value) = retry_after(problem.retry()) {
            headers.insert(header::RETRY_AFTER, value);
        }
        response
    }
}

/// The `Retry-After` value of some advice: whole seconds, rounded up, at least one, so that a client that
/// obeys is never early (RFC 9110, section 10.2.3). `None` when the advice is not to try again.
#[must_use]
pub fn retry_after(retry: Retry) -> Option<HeaderValue> {
    let wait = match retry {
        Retry::No => return None,
        Retry::Now => Duration::ZERO,
        Retry::After(wait) => wait,
    };
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    Some(HeaderValue::from(seconds.max(1)))
}

fn push_member(json: &mut String, name: &str, value: &str) {
    let _ = write!(json, ",\"{name}\":\"");
    for c in value.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", c as u32);
            }
            c => json.push(c),
        }
    }
    json.push('"');
}
