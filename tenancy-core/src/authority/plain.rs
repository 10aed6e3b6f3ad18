//! Hosts that are written in their normal form already, which is how nearly all requests write them.

use http::{Version, header::HOST};

use super::RequestHead;

impl<'a> RequestHead<'a> {
    /// The name of the host that the request is for, when it is seen at a glance that it stands there in its normal
    /// form: the same that [`Authority::from_request`](super::Authority::from_request) finds, without a copy.
    ///
    /// `None` means nothing but that it must be parsed: with a port, in upper case, as a long or international name,
    /// in two places, as an address, wrongly, or not at all.
    ///
    /// ```
    /// use tenancy_core::authority::RequestHead;
    ///
    /// let request = http::Request::get("/").header("host", "shop.example").body(())?;
    /// assert_eq!(RequestHead::from(&request).plain_name(), Some("shop.example"));
    /// let request = http::Request::get("/").header("host", "Shop.Example:80").body(())?;
    /// assert_eq!(RequestHead::from(&request).plain_name(), None);
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn plain_name(self) -> Option<&'a str> {
        let mut lines = self.headers.get_all(HOST).iter();
        let host = match (self.uri.authority(), lines.next()) {
            (None, Some(line)) => line.as_bytes(),
            (Some(target), None) if self.version != Version::HTTP_11 => target.as_str().as_bytes(),
            _ => return None,
        };
        if lines.next().is_some() || !is_plain(host) {
            return None;
        }
        str::from_utf8(host).ok()
    }
}

/// A name up to this length has no label that is too long.
const SHORT: usize = 63;

/// Looks at all bytes without a branch on any, so that a processor does many at once.
///
/// Two hyphens in a row are refused because an `xn--` label must be decoded to be judged, and a last label that
/// begins with a digit because it may be a part of an address.
fn is_plain(host: &[u8]) -> bool {
    let (Some(first), Some(last)) = (host.first(), host.last()) else {
        return false;
    };
    if host.len() > SHORT || separates(*first) || separates(*last) {
        return false;
    }
    let allowed = host.iter().fold(true, |all, byte| all & may_stand(*byte));
    let followers = host.iter().zip(&host[1..]);
    let apart = followers.fold(true, |all, (a, b)| all & !(separates(*a) & separates(*b)));
    let top = host.rsplit(|byte| *byte == b'.').next();
    allowed & apart && top.is_some_and(|label| !label[0].is_ascii_digit())
}

fn may_stand(byte: u8) -> bool {
    byte.is_ascii_lowercase() | byte.is_ascii_digit() | separates(byte) | (byte == b'_')
}

fn separates(byte: u8) -> bool {
    (byte == b'.') | (byte == b'-')
}
