//! Which answers are made smaller, and what of their head changes with it. Pure.

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE,
        CONTENT_TYPE, ETAG, VARY,
    },
};

/// Integrity of the bytes as they are sent or stand (RFC 9530): either would be wrong afterwards.
const DIGESTS: [HeaderName; 3] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("digest"),
];

/// Types that shrink, besides `text/*` and all that end in `+json`, `+xml` or `+text`.
const SHRINKING: [&str; 11] = [
    "application/json",
    "application/javascript",
    "application/xml",
    "application/x-javascript",
    "application/ld+json",
    "application/manifest+json",
    "application/wasm",
    "application/x-ndjson",
    "font/ttf",
    "font/otf",
    "image/bmp",
];

/// Whether an answer with such a head may be made smaller, its length apart.
pub(super) fn may_shrink(status: StatusCode, headers: &HeaderMap) -> bool {
    let has_body = status != StatusCode::NO_CONTENT
        && status != StatusCode::NOT_MODIFIED
        && !status.is_informational();
    // A part of the whole is counted in its bytes (RFC 9110, section 14).
    let is_whole = status != StatusCode::PARTIAL_CONTENT && !headers.contains_key(CONTENT_RANGE);
    let is_free = !headers.contains_key(CONTENT_ENCODING)
        && !DIGESTS.iter().any(|digest| headers.contains_key(digest))
        && !must_not_be_transformed(headers);
    has_body && is_whole && is_free && is_shrinking(headers)
}

/// RFC 9110, section 7.7.
fn must_not_be_transformed(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(CACHE_CONTROL).iter();
    let mut directives = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

fn is_shrinking(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    // Events are for now: an encoder would hold them back.
    if kind == "text/event-stream" {
        return false;
    }
    let suffixes = ["+json", "+xml", "+text"];
    kind.starts_with("text/")
        || suffixes.iter().any(|suffix| kind.ends_with(suffix))
        || SHRINKING.contains(&kind.as_str())
}

/// The encodings that a client takes, without those that it refuses: refusing the plain form, too, would make the layer
/// below answer 406 after the work was done.
pub(super) fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let lines = headers.get_all(ACCEPT_ENCODING).iter();
    let members = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    let kept: Vec<&[u8]> = members
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty() && !is_refused(member))
        .collect();
    HeaderValue::from_bytes(&kept.join(&b", "[..])).ok()
}

/// Whether its weight is nought (RFC 9110, section 12.4.2).
fn is_refused(member: &[u8]) -> bool {
    let parameters = member.split(|byte| *byte == b';').skip(1);
    let mut weights = parameters.filter_map(|parameter| {
        let parameter = parameter.trim_ascii();
        parameter
            .strip_prefix(b"q=")
            .or_else(|| parameter.strip_prefix(b"Q="))
    });
    weights.any(|weight| {
        let weight = weight.trim_ascii();
        weight.first() == Some(&b'0') && weight[1..].iter().all(|byte| matches!(byte, b'.' | b'0'))
    })
}

/// What of a head is no longer so once its body is encoded: a strong validator is for other bytes
/// (RFC 9110, section 8.8.1).
pub(super) fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG) else { return };
    if tag.as_bytes().starts_with(b"W/") {
        return;
    }
    let weak = [b"W/", tag.as_bytes()].concat();
    match HeaderValue::from_bytes(&weak) {
        Ok(weak) => headers.insert(ETAG, weak),
        Err(_) => headers.remove(ETAG),
    };
}

/// The head of an answer to HEAD: a GET's would have another length, depending on what the client takes.
pub(super) fn tell_of_shrinking(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
    headers.append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::{accepted, may_shrink, weaken};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let fields = fields.iter().map(|(name, value)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        });
        fields.collect()
    }

    #[track_caller]
    fn check(status: u16, fields: &[(&'static str, &'static str)], expect: bool) {
        let status = StatusCode::from_u16(status).unwrap();
        assert_eq!(
            may_shrink(status, &headers(fields)),
            expect,
            "{status} {fields:?}"
        );
    }

    #[test]
    fn what_shrinks_is_known_by_its_head() {
        let html = ("content-type", "text/html; charset=utf-8");
        check(200, &[html], true);
        check(404, &[html], true);
        check(500, &[("content-type", "Application/Problem+JSON")], true);
        check(200, &[("content-type", "image/svg+xml")], true);
        check(200, &[("content-type", "image/png")], false);
        check(200, &[("content-type", "application/grpc+proto")], false);
        check(200, &[("content-type", "text/event-stream")], false);
        check(
            200,
            &[("content-type", "text/event-stream; charset=utf-8")],
            false,
        );
        check(200, &[], false);
        check(206, &[html], false);
        check(200, &[html, ("content-range", "bytes 0-1/2")], false);
        check(204, &[html], false);
        check(304, &[html], false);
        check(101, &[html], false);
        check(200, &[html, ("content-encoding", "br")], false);
        check(200, &[html, ("content-encoding", "identity")], false);
        check(200, &[html, ("content-digest", "sha-256=:AA==:")], false);
        check(
            200,
            &[html, ("cache-control", "private, No-Transform")],
            false,
        );
        check(200, &[html, ("cache-control", "max-age=1")], true);
    }

    #[test]
    fn what_a_client_refuses_is_left_out() {
        let check = |sent, expect: &str| {
            let left = accepted(&headers(&[("accept-encoding", sent)]));
            assert_eq!(left.unwrap(), expect, "{sent}");
        };
        check("gzip, deflate, br", "gzip, deflate, br");
        check("identity;q=0, gzip", "gzip");
        check("*;q=0", "");
        check("gzip;q=0.0, br;q=0.5,*;q=0.000", "br;q=0.5");
        check("gzip; q=0.01", "gzip; q=0.01");
        check("br ; Q=0, gzip", "gzip");
        check("", "");
    }

    #[test]
    fn strong_tags_become_weak() {
        for (sent, expect) in [("\"a\"", "W/\"a\""), ("W/\"a\"", "W/\"a\"")] {
            let mut headers = headers(&[("etag", sent)]);
            weaken(&mut headers);
            assert_eq!(headers["etag"], expect);
        }
        let mut none = HeaderMap::new();
        weaken(&mut none);
        assert!(none.is_empty());
    }
}
