//! `Max-Forwards` (RFC 9110, section 7.6.2), which counts for OPTIONS; TRACE is refused before.

use http::{HeaderMap, HeaderValue, Method, header::MAX_FORWARDS};

use crate::gateway::framing::FramingFault;

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Forward {
    /// It travels on.
    On,
    /// It was meant for this server.
    Here,
}

/// Counts this server off.
///
/// # Errors
/// When the field is no number, or there are two.
pub(in crate::gateway) fn count(
    method: &Method,
    headers: &mut HeaderMap,
) -> Result<Forward, FramingFault> {
    if *method != Method::OPTIONS {
        return Ok(Forward::On);
    }
    let mut lines = headers.get_all(MAX_FORWARDS).iter();
    let left = match (lines.next(), lines.next()) {
        (None, _) => return Ok(Forward::On),
        (Some(line), None) => number(line.as_bytes()).ok_or(FramingFault::MaxForwards)?,
        (Some(_), Some(_)) => return Err(FramingFault::MaxForwards),
    };
    let Some(left) = left.checked_sub(1) else {
        return Ok(Forward::Here);
    };
    headers.insert(MAX_FORWARDS, HeaderValue::from(left));
    Ok(Forward::On)
}

fn number(text: &[u8]) -> Option<u32> {
    let is_number = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(text).ok()?.parse().ok())?
}
