use std::{borrow::Cow, time::Duration};

use tenancy_types::{CellId, Code, Kind, Problem, Retry};

use crate::keys::TokenRefused;

/// Why a cell does not believe a request. Nothing of it says whether there is such a tenant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HopRefused {
    /// The request came past the gateways.
    #[error("the request has no hop token")]
    Missing,
    /// More than one token: somebody added to what the gateway said.
    #[error("the request has {count} hop tokens")]
    Several {
        /// How many.
        count: usize,
    },
    /// It is none, or was cut off or changed.
    #[error("the hop token is malformed")]
    Malformed,
    /// It is of a later version than this program's.
    #[error("the hop token is of version {version}")]
    Version {
        /// Which.
        version: u8,
    },
    /// The ring has no such key.
    #[error("no key {id:?} is known")]
    UnknownKey {
        /// The id of the key that it names.
        id: Box<str>,
    },
    /// It was not signed with that key.
    #[error("the hop token is forged")]
    Forged,
    /// It is too old, or the clocks of gateway and cell are apart.
    #[error("the hop token is {age:?} old")]
    Expired {
        /// How old.
        age: Duration,
    },
    /// It is of the future: the clocks of gateway and cell are apart.
    #[error("the hop token is {ahead:?} ahead")]
    Early {
        /// How far.
        ahead: Duration,
    },
    /// It is for another cell.
    #[error("the hop token is for {meant}, and this is {here}")]
    OtherCell {
        /// The one that was meant.
        meant: CellId,
        /// This one.
        here: CellId,
    },
}

impl From<TokenRefused> for HopRefused {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Malformed => Self::Malformed,
            TokenRefused::Version { version } => Self::Version { version },
            TokenRefused::UnknownKey { id } => Self::UnknownKey { id },
            TokenRefused::Forged => Self::Forged,
        }
    }
}

impl Problem for HopRefused {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Missing => "hop_missing",
            Self::Several { .. } | Self::Malformed | Self::Forged => "hop_invalid",
            Self::Version { .. } | Self::UnknownKey { .. } => "hop_unknown_key",
            Self::Expired { .. } | Self::Early { .. } => "hop_expired",
            Self::OtherCell { .. } => "hop_misdirected",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Missing | Self::Several { .. } | Self::Malformed | Self::Forged => {
                Kind::Forbidden
            }
            // The gateways are ours, and something about them is not as it should be.
            Self::Version { .. }
            | Self::UnknownKey { .. }
            | Self::Expired { .. }
            | Self::Early { .. } => Kind::Unavailable,
            Self::OtherCell { .. } => Kind::Misdirected,
        }
    }

    fn retry(&self) -> Retry {
        match self.kind() {
            Kind::Unavailable => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self.kind() {
            Kind::Unavailable => "this is not available at the moment".into(),
            Kind::Misdirected => "this is served elsewhere".into(),
            _ => "this address is not for visitors".into(),
        }
    }
}
