//! How refusals look, from every layer and handler of the storefront.

use std::borrow::Cow;

use askama::Template;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{ACCEPT, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER, VARY},
};
use serde_json::json;
use tenancy_cell_router::Undone;
use tenancy_types::{Code, Problem, Respond, Retry, retry_after};

use super::Link;

/// Answers with `{"error":{"code":…,"message":…}}`, or with a page for those who would rather have HTML; with
/// `Retry-After` where a later try makes sense.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer;

impl<B: From<String>> Respond<B> for Answer {
    fn respond(&self, problem: &dyn Problem, request: &HeaderMap) -> Response<B> {
        Refused::new(problem).answer(request)
    }
}

/// What a client is told of a problem. It travels in a response's extensions until the request's `Accept` is
/// known.
#[derive(Clone, Debug)]
pub struct Refused {
    status: StatusCode,
    code: Code,
    message: Cow<'static, str>,
    retry: Retry,
    /// What the guard of a cell says by it.
    undone: Option<Undone>,
}

/// The page of an error stands alone: at an unknown address there is no shop whose style it could have.
#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage<'a> {
    status: u16,
    title: &'static str,
    message: &'a str,
    /// Where to go instead; nowhere when the whole address leads nowhere.
    way_out: Option<Link>,
}

impl Refused {
    /// What a client is told of this problem.
    #[must_use]
    pub fn new(problem: &dyn Problem) -> Self {
        let status = problem.kind().http_status();
        Self {
            status: StatusCode::from_u16(status).expect("kinds map to valid statuses"),
            code: problem.code(),
            message: problem.client_text(),
            retry: problem.retry(),
            undone: Undone::of(problem),
        }
    }

    /// The path exists, but not for the request's method (405).
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: Code::new("method_not_allowed"),
            message: "this address does not take that method".into(),
            retry: Retry::No,
            undone: None,
        }
    }

    /// The body is not of the media type that the address takes (415).
    #[must_use]
    pub fn unsupported_media_type(expected: &'static str) -> Self {
        Self {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code: Code::new("unsupported_media_type"),
            message: format!("the body must be {expected}").into(),
            retry: Retry::No,
            undone: None,
        }
    }

    /// What it means when nothing was done before: that the cell's guard did not let the request in, for now or here.
    #[must_use]
    pub fn undone(&self) -> Option<Undone> {
        self.undone
    }

    /// Whether the fault is on our side, so that somebody should look.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.status.is_server_error()
    }

    /// The answer in the form that the request prefers.
    #[must_use]
    pub fn answer<B: From<String>>(&self, request: &HeaderMap) -> Response<B> {
        let page = prefers_html(request).then(|| self.page().render());
        let mut response = match page {
            Some(Ok(page)) => html(page),
            // A page that cannot be rendered is no reason to hide the problem.
            Some(Err(_)) | None => self.json(),
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(VARY, HeaderValue::from_static("accept"));
        if let Some(wait) = retry_after(self.retry) {
            headers.insert(RETRY_AFTER, wait);
        }
        response
    }

    fn json<B: From<String>>(&self) -> Response<B> {
        let json = json!({"error": {"code": self.code.as_str(), "message": self.message}});
        let mut response = Response::new(B::from(json.to_string()));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    fn page(&self) -> RefusedPage<'_> {
        RefusedPage {
            status: self.status.as_u16(),
            title: title(self.status, self.code),
            message: &self.message,
            way_out: way_out(self.code),
        }
    }
}

/// Where a visitor goes on after a refusal. With most of them there is no shop to go to.
fn way_out(code: Code) -> Option<Link> {
    let (label, href) = match code.as_str() {
        "not_found" | "unknown_variant" | "invalid_request" | "method_not_allowed" => {
            ("To the shop", "/")
        }
        "cart_full" | "csrf_rejected" => ("To your cart", "/cart"),
        _ => return None,
    };
    Some(Link {
        label: label.to_owned(),
        href: href.to_owned(),
    })
}

fn html<B: From<String>>(page: String) -> Response<B> {
    let mut response = Response::new(B::from(page));
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    // The page brings its style along and nothing else.
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

fn title(status: StatusCode, code: Code) -> &'static str {
    match status {
        StatusCode::FORBIDDEN if code.as_str() == "csrf_rejected" => "Not from this page",
        StatusCode::BAD_REQUEST => "That request does not work",
        StatusCode::FORBIDDEN => "Closed",
        StatusCode::CONFLICT => "That does not fit",
        StatusCode::NOT_FOUND => "Nothing here",
        StatusCode::METHOD_NOT_ALLOWED => "That does not work here",
        StatusCode::GONE => "No longer here",
        StatusCode::TOO_MANY_REQUESTS => "One moment, please",
        StatusCode::SERVICE_UNAVAILABLE => "Back in a moment",
        _ => "Something went wrong",
    }
}

/// Whether `Accept` puts HTML before JSON (RFC 9110, section 12.5.1). Who has no preference gets JSON.
fn prefers_html(request: &HeaderMap) -> bool {
    let accept: Vec<&str> = request
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    let accept = accept.join(",");
    weight(&accept, ["text/html", "text/*", "*/*"])
        > weight(&accept, ["application/json", "application/*", "*/*"])
}

/// The weight of a media type in thousandths, by the most specific range that names it. `ranges` are in that
/// order.
fn weight(accept: &str, ranges: [&str; 3]) -> u32 {
    let weight_of = |wanted: &str| {
        accept.split(',').find_map(|part| {
            let mut parameters = part.split(';').map(str::trim);
            let range = parameters.next()?;
            let quality = parameters.find_map(|parameter| parameter.strip_prefix("q="));
            range
                .eq_ignore_ascii_case(wanted)
                .then(|| thousandths(quality))
        })
    };
    ranges.into_iter().find_map(weight_of).unwrap_or(0)
}

fn thousandths(quality: Option<&str>) -> u32 {
    match quality {
        None | Some("1") => 1_000,
        Some(text) => match text.strip_prefix("0.") {
            Some(digits) if digits.len() <= 3 => format!("{digits:0<3}").parse().unwrap_or(0),
            Some(_) => 0,
            None if text.starts_with("1.") => 1_000,
            None => 0,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_is_for_those_who_prefer_it() {
        for (accept, expect) in [
            ("", false),
            ("*/*", false),
            ("application/json", false),
            ("text/html", true),
            ("TEXT/HTML", true),
            ("text/*", true),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
            ),
            ("text/html;q=0.5, application/json", false),
            ("text/html;q=0, */*", false),
            ("application/json;q=0.4, text/html;q=0.45", true),
            ("text/html, application/json", false),
            ("nonsense", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(prefers_html(&headers), expect, "{accept:?}");
        }
    }
}
