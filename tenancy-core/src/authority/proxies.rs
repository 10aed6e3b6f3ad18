//! Whose word about the host counts besides the request's own.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use tenancy_types::{Code, Kind, Problem};

/// The networks of the proxies that may say which host a request was for.
///
/// ```
/// use tenancy_core::authority::TrustedProxies;
///
/// let proxies: TrustedProxies = "10.0.0.0/8, 2001:db8::/32, 192.0.2.7".parse()?;
/// assert!(proxies.trusts("10.1.2.3".parse()?));
/// // Sockets that listen on both protocols report IPv4 peers in this form.
/// assert!(proxies.trusts("::ffff:10.1.2.3".parse()?));
/// assert!(!proxies.trusts("192.0.2.8".parse()?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Parses from networks separated by commas; empty text is [`TrustedProxies::none`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Box<[Network]>);

impl TrustedProxies {
    /// Nobody is trusted: forwarding fields are ignored.
    #[must_use]
    pub fn none() -> Self {
        Self(Box::default())
    }

    /// Trusts every address in these networks.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether the peer at this address is a trusted proxy. Looks at each network
    /// in turn; there are few.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(peer))
    }
}

impl FromStr for TrustedProxies {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.trim().is_empty() {
            return Ok(Self::none());
        }
        text.split(',')
            .map(|network| network.trim().parse())
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
///
/// IPv4 and IPv6 do not mix (`::/0` holds no IPv4 address), except that
/// IPv4-mapped IPv6 addresses and networks (`::ffff:10.0.0.0/104`) count as the
/// IPv4 ones they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The lowest address, canonical.
    first: IpAddr,
    /// Leading bits that all addresses share: at most 32 or 128.
    prefix: u32,
}

impl Network {
    /// Whether the address lies in this network.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let differing = left_aligned(address) ^ left_aligned(self.first);
        address.is_ipv4() == self.first.is_ipv4() && differing.leading_zeros() >= self.prefix
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let written: IpAddr = address
            .parse()
            .map_err(|_| InvalidNetwork::Address { text: text.into() })?;
        let width = width(written);
        let prefix = prefix
            .map_or(Some(width), |digits| prefix_below(digits, width))
            .ok_or_else(|| InvalidNetwork::Prefix {
                text: text.into(),
                width,
            })?;
        if left_aligned(written).trailing_zeros() < 128 - prefix {
            return Err(InvalidNetwork::HostBits { text: text.into() });
        }
        let first = written.to_canonical();
        // A mapped network has at least 96 bits, or it would have had host bits.
        let prefix = prefix - (width - self::width(first));
        Ok(Self { first, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

fn width(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// The bits of the address, its first one highest.
fn left_aligned(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn prefix_below(digits: &str, width: u32) -> Option<u32> {
    let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
    let prefix = digits_only.then(|| digits.parse().ok())??;
    (prefix <= width).then_some(prefix)
}

/// Why a text is no network. Speaks of configuration, to operators.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidNetwork {
    /// What stands before the slash is no IP address.
    #[error("{text:?} does not start with an IP address")]
    Address {
        /// The text.
        text: String,
    },
    /// What stands after the slash is no number of bits.
    #[error("{text:?} does not end with a number of bits from 0 to {width}")]
    Prefix {
        /// The text.
        text: String,
        /// Bits of an address of this kind.
        width: u32,
    },
    /// Bits after the prefix are set: `10.0.0.1/8`. Either the address or the
    /// prefix is not what was meant.
    #[error("{text:?} has bits set after its prefix")]
    HostBits {
        /// The text.
        text: String,
    },
}

impl Problem for InvalidNetwork {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
