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

/// A letter, a digit or an underscore, which may stand anywhere.
const ORDINARY: u8 = 0;
/// A dot or a hyphen, which stands between two ordinary bytes.
const SEPARATOR: u8 = 1;
/// Any other.
const FOREIGN: u8 = 2;

const CLASSES: [u8; 256] = {
    let mut classes = [FOREIGN; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' | b'_' => ORDINARY,
            b'.' | b'-' => SEPARATOR,
            _ => FOREIGN,
        };
        byte += 1;
    }
    classes
};

/// Looks at all bytes without a branch on any.
///
/// Two hyphens in a row are refused because an `xn--` label must be decoded to be judged, and a last label that
/// begins with a digit because it may be a part of an address.
fn is_plain(host: &[u8]) -> bool {
    if host.is_empty() || host.len() > SHORT {
        return false;
    }
    // A name begins as if behind a dot, and ends as if before one.
    let (mut before, mut wrong) = (SEPARATOR, 0);
    for byte in host {
        let class = CLASSES[usize::from(*byte)];
        wrong |= class & (before | FOREIGN);
        before = class;
    }
    wrong |= before & SEPARATOR;
    let top = host.iter().rposition(|byte| *byte == b'.');
    wrong == 0 && !host[top.map_or(0, |dot| dot + 1)].is_ascii_digit()
}
