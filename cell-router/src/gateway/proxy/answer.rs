//! An upstream's answer as a client gets it. Pure.

use http::{
    HeaderMap, Response, StatusCode,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};

use crate::gateway::{
    GatewayError,
    edge::Passport,
    headers::hop_by_hop,
    upgrade::{is_asked_for, settle},
};

/// How an answer goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Going {
    /// As HTTP.
    On,
    /// As bytes.
    Upgraded,
}

/// Cleans an answer's head.
///
/// # Errors
/// When the upstream answers what no client could read.
pub(super) fn clean<B>(
    response: &mut Response<B>,
    passport: &Passport,
) -> Result<Going, GatewayError> {
    let received = response.version();
    let going = match response.status() {
        StatusCode::SWITCHING_PROTOCOLS => {
            if !is_asked_for(passport.upgrade.as_ref(), response.headers()) {
                return Err(GatewayError::UpgradeMismatch);
            }
            settle(response.headers_mut());
            Going::Upgraded
        }
        _ => {
            one_length(response.headers_mut());
            hop_by_hop::strip(response.headers_mut()).map_err(GatewayError::upstream)?;
            Going::On
        }
    };
    passport.via.append_to(response.headers_mut(), received);
    Ok(going)
}

/// One length or none: the client's side frames by the field, and its own coding (RFC 9112, section 6.3).
fn one_length(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
        return;
    }
    // hyper takes several only if they are equal.
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    if let (Some(first), Some(_)) = (lengths.next().cloned(), lengths.next()) {
        headers.insert(CONTENT_LENGTH, first);
    }
}
