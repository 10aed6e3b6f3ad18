//! Fields that are meant for the next server only (RFC 9110, section 7.6.1).
//!
//! `Trailer` is not among them: it announces what comes behind the body, which is passed on.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::gateway::framing::{FramingFault, is_needed};

/// What the fields said before they were removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::gateway) struct Hop {
    /// The protocol to change to, if `Connection` says so, too.
    pub(in crate::gateway) upgrade: Option<HeaderValue>,
}

/// Removes them, and what `Connection` names; `TE: trailers` stays as the one thing of `TE` that a proxy that passes
/// trailers on may say, too.
///
/// # Errors
/// When `Connection` names a field that every server needs, or is none at all.
pub(in crate::gateway) fn strip(headers: &mut HeaderMap) -> Result<Hop, FramingFault> {
    let mut hop = Hop::default();
    let present = HopByHop::in_them(headers);
    if present.is_empty() {
        return Ok(hop);
    }
    if let Some(named) = named(headers)? {
        if named.has_upgrade {
            hop.upgrade = headers.remove(header::UPGRADE);
        }
        for name in named.others {
            headers.remove(name);
        }
    }
    let wants_trailers = takes_trailers(headers);
    for name in present.names() {
        headers.remove(name);
    }
    if wants_trailers {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    Ok(hop)
}

const HOP_BY_HOP: [HeaderName; 9] = [
    header::CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-authentication-info"),
    HeaderName::from_static("proxy-connection"),
];

/// Which of them are there, by their places in the list: most requests have one, and looking each up costs more than
/// one walk over the names.
struct HopByHop(u16);

impl HopByHop {
    fn in_them(headers: &HeaderMap) -> Self {
        let mut present = 0;
        for name in headers.keys() {
            if let Some(place) = place(name) {
                present |= 1 << place;
            }
        }
        Self(present)
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }

    fn names(&self) -> impl Iterator<Item = &'static HeaderName> {
        static NAMES: [HeaderName; 9] = HOP_BY_HOP;
        let present = self.0;
        let all = NAMES.iter().enumerate();
        all.filter_map(move |(place, name)| (present & 1 << place != 0).then_some(name))
    }
}

fn place(name: &HeaderName) -> Option<usize> {
    let name = name.as_str();
    // Told apart by length first: hardly any other field gets further.
    let place = match name.len() {
        2 => 1,
        7 => 3,
        10 if name == "connection" => 0,
        10 => 6,
        16 => 8,
        17 => 2,
        18 => 4,
        19 => 5,
        25 => 7,
        _ => return None,
    };
    (HOP_BY_HOP[place].as_str() == name).then_some(place)
}

#[derive(Default)]
struct Named {
    has_upgrade: bool,
    others: Vec<HeaderName>,
}

/// What `Connection` names besides itself; `None` without the field.
fn named(headers: &HeaderMap) -> Result<Option<Named>, FramingFault> {
    if !headers.contains_key(header::CONNECTION) {
        return Ok(None);
    }
    let mut named = Named::default();
    let lines = headers.get_all(header::CONNECTION).iter();
    let options = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    for option in options.map(<[u8]>::trim_ascii) {
        if option.eq_ignore_ascii_case(b"upgrade") {
            named.has_upgrade = true;
        }
        if option.is_empty() || ends_here_anyway(option) {
            continue;
        }
        let name = HeaderName::from_bytes(option).map_err(|_| FramingFault::NamesNeeded)?;
        if is_needed(&name) {
            return Err(FramingFault::NamesNeeded);
        }
        named.others.push(name);
    }
    Ok(Some(named))
}

/// Options that name no field, and fields whose value is still looked at before they are removed.
fn ends_here_anyway(option: &[u8]) -> bool {
    [&b"close"[..], b"keep-alive", b"upgrade", b"te"]
        .iter()
        .any(|known| option.eq_ignore_ascii_case(known))
}

/// Whether some member of `TE` is `trailers`.
fn takes_trailers(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::TE).iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .any(|member| member.trim_ascii().eq_ignore_ascii_case(b"trailers"))
}
