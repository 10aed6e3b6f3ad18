//! Why a text is no authority.

use std::borrow::Cow;

use tenancy_types::{Code, InvalidDomainName, Kind, Problem};

use super::parse::MAX_INPUT;

/// Why a text is no authority. Offsets count bytes of the text as it was given,
/// from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthority {
    /// There is no host: nothing at all, only a port, or only a dot.
    #[error("the host is empty")]
    Empty,
    /// More than 1,024 bytes.
    #[error("{length} bytes are too long for a host; the limit is {MAX_INPUT}")]
    TooLong {
        /// Bytes given.
        length: usize,
    },
    /// A byte beyond ASCII in a header field, where A-labels are wanted.
    #[error("byte {at} is not ASCII; international names must be sent as A-labels")]
    NotAscii {
        /// Offset of the first such byte.
        at: usize,
    },
    /// A user name or password before the host.
    #[error("'@' at byte {at}: user information is not accepted")]
    UserInfo {
        /// Offset of the `@`.
        at: usize,
    },
    /// Percent-encoding, or the zone id of an IPv6 address.
    #[error("'%' at byte {at}: neither percent-encoding nor zone ids are accepted")]
    PercentSign {
        /// Offset of the `%`.
        at: usize,
    },
    /// An ASCII character that has no place in a host or port.
    #[error("{found:?} at byte {at} has no place in a host or port")]
    Character {
        /// The character.
        found: char,
        /// Its offset.
        at: usize,
    },
    /// `[` without `]`.
    #[error("the bracket of the IPv6 address is not closed")]
    UnclosedBracket,
    /// Text between `]` and the port.
    #[error("text after the closing bracket at byte {at}")]
    AfterBracket {
        /// Offset of the text.
        at: usize,
    },
    /// What stands in brackets is no IPv6 address.
    #[error("no IPv6 address stands in the brackets")]
    Ipv6,
    /// A second colon outside brackets.
    #[error("a second colon at byte {at}; IPv6 addresses are written in brackets")]
    SecondColon {
        /// Offset of the second colon.
        at: usize,
    },
    /// A port where only a host is wanted.
    #[error("a port at byte {at}, where only a host is wanted")]
    UnexpectedPort {
        /// Offset of the colon.
        at: usize,
    },
    /// A port that is not made of digits.
    #[error("the port is not a number at byte {at}")]
    PortNotNumber {
        /// Offset of the first byte that is no digit.
        at: usize,
    },
    /// Port 0, or one above 65535.
    #[error("the port at byte {at} is not between 1 and 65535")]
    PortOutOfRange {
        /// Offset of the port.
        at: usize,
    },
    /// The mapping of UTS #46 refuses the name.
    #[error("not a valid international name")]
    Idna,
    /// A name that some take for an IPv4 address, but not four decimal numbers.
    #[error("ends in a number, but is not an IPv4 address of four decimal numbers")]
    EndsInNumber,
    /// Empty or overlong labels, hyphens at an edge, an overlong name.
    #[error("not a valid domain name")]
    Name {
        /// What is wrong with the name in its ASCII form.
        #[source]
        source: InvalidDomainName,
    },
}

impl Problem for InvalidAuthority {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Name { source } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
        .into()
    }
}
