use std::borrow::Cow;

use tenancy_types::{Code, Kind, Problem};

use crate::shop::checkout::{MAX_LINES, MAX_QUANTITY};

/// Why a cart cannot be changed as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CartError {
    /// The quantity is not one that can be put in.
    #[error("the quantity {asked} is out of range")]
    Quantity {
        /// What was asked for.
        asked: i64,
    },
    /// Together with what is there it would be too many.
    #[error("the line has {held}, and {asked} more are too many")]
    LineFull {
        /// What the line has.
        held: i64,
        /// What was to be added.
        asked: i64,
    },
    /// The shop lists no such variant.
    #[error("the shop lists no variant {variant}")]
    UnknownVariant {
        /// What was asked for.
        variant: i64,
    },
    /// The cart has as many different articles as it may.
    #[error("the cart has {MAX_LINES} lines")]
    Full,
}

impl Problem for CartError {
    fn code(&self) -> Code {
        match self {
            Self::Quantity { .. } => Code::new("invalid_request"),
            Self::UnknownVariant { .. } => Code::new("unknown_variant"),
            Self::LineFull { .. } | Self::Full => Code::new("cart_full"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Quantity { .. } => Kind::Invalid,
            Self::UnknownVariant { .. } => Kind::NotFound,
            Self::LineFull { .. } | Self::Full => Kind::Conflict,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Quantity { .. } => {
                format!("quantity: it is not a whole number from 1 to {MAX_QUANTITY}")
            }
            Self::UnknownVariant { .. } => {
                return "this shop does not sell that article".into();
            }
            Self::LineFull { held, .. } => {
                format!("your cart has {held} of this already, and {MAX_QUANTITY} are the most")
            }
            Self::Full => {
                format!("your cart has {MAX_LINES} different articles, which are the most")
            }
        }
        .into()
    }
}
