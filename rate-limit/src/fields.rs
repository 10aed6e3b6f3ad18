//! The `RateLimit` and `RateLimit-Policy` response fields of draft-ietf-httpapi-ratelimit-headers-11
//! (sections 3 and 4; they read the same in -10).
//!
//! The draft speaks of a quota in a window, and a bucket has neither. What we send is chosen so that a client
//! that keeps to it is never refused, and one that uses it fully gets its whole rate:
//!
//! - `q` is the burst and `w` the seconds in which an empty bucket is full again. Who sends at most `q` in
//!   every `w` never finds the bucket empty.
//! - `r` is what is left and, on an allowed answer, `t` the seconds until the whole burst is there again.
//! - On a refusal `t` is the seconds to wait, because `Retry-After` must not be earlier than the end of the
//!   effective window (section 6).
//!
//! Seconds are whole and rounded up, so that nobody who obeys comes too early.

use std::{fmt, io::Write, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::{Decision, Standing};

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Writes both fields. Those of an inner layer are replaced: two items of one name would contradict.
pub(crate) fn insert(decision: &Decision, headers: &mut HeaderMap) {
    let standing = decision.standing();
    let window = match *decision {
        Decision::Denied { retry_after, .. } => retry_after,
        Decision::Allowed(_) | Decision::TooCostly { .. } => standing.reset_after(),
    };
    headers.insert(RATE_LIMIT, limit(&standing, window));
    headers.insert(POLICY, policy(&standing));
}

fn limit(standing: &Standing, window: Duration) -> HeaderValue {
    let (r, t) = (standing.remaining(), whole_seconds(window));
    value(format_args!("\"default\";r={r};t={t}"))
}

fn policy(standing: &Standing) -> HeaderValue {
    let (q, w) = (standing.burst(), whole_seconds(standing.refill()));
    value(format_args!("\"default\";q={q};w={w}"))
}

/// Formats on the stack; the header value is the one allocation.
fn value(text: fmt::Arguments<'_>) -> HeaderValue {
    let mut buffer = [0_u8; 64];
    let mut free = &mut buffer[..];
    free.write_fmt(text)
        .expect("two numbers of at most 20 digits fit");
    let used = 64 - free.len();
    HeaderValue::from_bytes(&buffer[..used]).expect("digits and ASCII punctuation")
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
