//! Who was asked? One type for the host of a request, used everywhere.
//!
//! A tenant is found by the host a client named. If two parts of a system read
//! that host differently (the gateway sees `shop-a.example`, the cell sees
//! `shop-b.example`), one customer is served the data of another. So there is
//! one parser, its result is normalised, and equal values mean equal hosts.
//! The rule throughout: text that could be read in two ways is refused, not
//! guessed.
//!
//! # What is accepted
//!
//! The form is `host [":" port]` of [RFC 3986, 3.2][3986] without userinfo.
//!
//! * **Names.** Letters are folded to lower case and one trailing dot is
//!   dropped, so `Shop.Example.` and `shop.example` are equal. Text beyond ASCII
//!   is mapped by [UTS #46][uts46], non-transitional: `Bücher.example` and
//!   `xn--bcher-kva.example` are equal, `faß.example` is not `fass.example`,
//!   full-width letters and ideographic dots become their ASCII forms. What is
//!   kept is always the ASCII form, a [`DomainName`]: at most 253 bytes, labels
//!   of 1 to 63 bytes of `[a-z0-9_-]` without a hyphen at either end. The
//!   underscore is no host name by RFC 952, but subdomains with one are in
//!   service everywhere, and it can be confused with nothing.
//! * **IPv4** as four decimal numbers without leading zeros.
//! * **IPv6** in brackets, in any of its spellings; it is written back in the
//!   form of RFC 5952. An IPv4-mapped address stays the IPv6 address it was
//!   written as.
//! * **Port** 1 to 65535. An empty one (`shop.example:`) is the absent one, as
//!   RFC 3986 has it. A scheme's default port is not dropped, for a `Host` field
//!   does not name its scheme; tenants are found by host alone.
//!
//! # What is refused
//!
//! * **Userinfo** (`shop.example@evil.example`), since readers differ on which
//!   side is the host.
//! * **Percent signs**: percent-encoding has no meaning in a `Host` field, and
//!   decoding it twice, or once too seldom, is a classical way around a check.
//!   IPv6 zone ids go with it; they name an interface of one machine.
//! * **Anything else outside `[A-Za-z0-9._-]`**: white space, control
//!   characters, NUL, slashes, backslashes, quotes, commas (a list of hosts is
//!   not a host). A mapped character counts as what it becomes: U+FF0F is a slash.
//! * **Names that end in a number.** `127.1`, `0x7f.1`, `2130706433`, and
//!   `1.2.3.4.5` are addresses to some resolvers, names to others. As in the
//!   [URL standard][whatwg], a host whose last label is decimal or `0x`
//!   hexadecimal is an IPv4 address or an error; beyond that standard, the
//!   address must be spelt in its one plain form.
//! * **Two trailing dots, empty labels, overlong labels and names**, text longer
//!   than [1,024 bytes](InvalidAuthority::TooLong) before mapping.
//! * **Broken punycode**, and labels that mapping would not have made
//!   (`xn--example-`, upper case or unmapped characters inside).
//! * **Bytes beyond ASCII in a header field.** RFC 9110 wants A-labels there;
//!   of those who send raw bytes nobody knows the encoding. Text from people
//!   (an operator adds a domain) is a `&str`, and there U-labels are welcome.
//!
//! # From a request
//!
//! With feature `http`, [`Authority::from_request`] weighs the request target
//! against `Host`:
//!
//! | case | answer |
//! | --- | --- |
//! | target names a host (`:authority`, absolute form), no `Host` | the target's; with HTTP/1.1 an error, as `Host` is required there (RFC 9112, 3.2) |
//! | both, equal after normalisation | that one |
//! | both, differing | an error (RFC 9113, 8.3.1; for HTTP/1.1 stricter than RFC 9112, 3.2.2, which has the target win in silence) |
//! | `Host` alone | that one |
//! | neither | an error |
//! | more than one `Host` line, equal or not | an error (RFC 9112, 3.2) |
//!
//! # Behind a proxy
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-Host` are words of whoever sent the
//! request, so they count only when the peer is one of the [`TrustedProxies`];
//! from anyone else they are ignored, well-formed or not.
//! [`Authority::from_forwarded_request`] follows three rules:
//!
//! 1. **Only the last element counts.** Proxies append; what stands left of the
//!    last element may have been written by the client. The last one was
//!    written by the peer itself, the nearest trusted proxy. When it says
//!    nothing of a host, then no earlier element is asked instead. Fields in
//!    several lines are one list, in order.
//! 2. **All of `Forwarded` must be well-formed.** Otherwise a client could open a
//!    quoted string that swallows what the proxy appends. `X-Forwarded-Host` knows
//!    no quotes; there only the last element must be a host.
//! 3. **Both fields present must agree.** A proxy that sets one passes the
//!    client's other one through.
//!
//! Rule 3 cannot see a proxy that sets neither: a trusted proxy must set, append
//! to or drop both fields. Whoever lists a network vouches for that.
//!
//! # Cost
//!
//! Plain ASCII names without a label that starts with `xn--` never reach the
//! mapping; in lower case they are copied once, into the [`DomainName`]. The
//! time is linear in the text, which is bounded.
//!
//! [3986]: https://www.rfc-editor.org/rfc/rfc3986#section-3.2
//! [uts46]: https://www.unicode.org/reports/tr46/
//! [whatwg]: https://url.spec.whatwg.org/#ends-in-a-number-checker

mod error;
#[cfg(feature = "http")]
mod forwarded;
mod name;
mod parse;
#[cfg(feature = "http")]
mod plain;
#[cfg(feature = "http")]
mod proxies;
#[cfg(feature = "http")]
mod request;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tenancy_types::DomainName;

pub use self::error::InvalidAuthority;
#[cfg(feature = "http")]
pub use self::{
    proxies::{InvalidNetwork, Network, TrustedProxies},
    request::{AuthorityError, Place, RequestHead},
};

/// The host that a request names, with its port: normalised, so that equal
/// values are equal hosts.
///
/// ```
/// use tenancy_core::Authority;
///
/// let authority: Authority = "Bücher.Example.:8080".parse()?;
/// assert_eq!(authority.to_string(), "xn--bcher-kva.example:8080");
/// assert_eq!(authority, "xn--bcher-kva.example:8080".parse()?);
/// assert_eq!(authority.port(), Some(8080));
/// # Ok::<(), tenancy_core::authority::InvalidAuthority>(())
/// ```
///
/// `Display` writes the normal form, which parses to the same value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Authority {
    host: Host,
    port: Option<u16>,
}

/// A host without a port: a name or an address literal.
///
/// Parses like [`Authority`], except that a port (also an empty one) is refused.
/// Exhaustive on purpose: these are the kinds of host there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// A name in its normal form; never an IPv4 address.
    Name(DomainName),
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address, written in brackets.
    V6(Ipv6Addr),
}

impl Authority {
    /// The host, which is what tenants are found by.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port, if one was given: 1 to 65535.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The host, without the port.
    #[must_use]
    pub fn into_host(self) -> Host {
        self.host
    }
}

impl Host {
    /// The name, or `None` for an address.
    #[must_use]
    pub fn name(&self) -> Option<&DomainName> {
        match self {
            Self::Name(name) => Some(name),
            Self::V4(_) | Self::V6(_) => None,
        }
    }
}

impl FromStr for Authority {
    type Err = InvalidAuthority;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::authority(text)
    }
}

impl FromStr for Host {
    type Err = InvalidAuthority;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse::host(text)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        match self.port {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name.as_str()),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}
