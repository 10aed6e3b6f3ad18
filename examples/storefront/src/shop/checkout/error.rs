use std::{borrow::Cow, time::Duration};

use tenancy_core::db::DbError;
use tenancy_types::{Code, Kind, Problem, Retry};

use super::ShortItem;
use crate::shop::{ShopError, order::Totals, payment::PaymentUnknown};

/// When a payment whose outcome is not known is worth another try.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// Why a checkout has no final answer. Nothing is recorded under its key by these.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckoutError {
    /// A part of the request is wrong.
    #[error("{field} must be {expected}")]
    InvalidRequest {
        /// Which part.
        field: &'static str,
        /// What it must be.
        expected: Cow<'static, str>,
    },
    /// The key was used for another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// What became of the payment is not known. The order is pending; the same request goes on with it.
    #[error("the outcome of the payment is not known")]
    PaymentUnknown(#[from] PaymentUnknown),
    /// Others took the stock from under it again and again.
    #[error("the stock changed too often meanwhile")]
    Contended,
    /// The shop could not do it.
    #[error(transparent)]
    Shop(#[from] ShopError),
}

impl From<DbError> for CheckoutError {
    fn from(error: DbError) -> Self {
        Self::Shop(error.into())
    }
}

impl Problem for CheckoutError {
    fn code(&self) -> Code {
        match self {
            Self::InvalidRequest { .. } => Code::new("invalid_request"),
            Self::IdempotencyMismatch => Code::new("idempotency_mismatch"),
            Self::PaymentUnknown(_) => Code::new("payment_unknown"),
            Self::Contended => Code::new("database_busy"),
            Self::Shop(error) => error.code(),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::InvalidRequest { .. } => Kind::Invalid,
            Self::IdempotencyMismatch => Kind::Unprocessable,
            Self::PaymentUnknown(_) | Self::Contended => Kind::Unavailable,
            Self::Shop(error) => error.kind(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::InvalidRequest { .. } | Self::IdempotencyMismatch => Retry::No,
            Self::PaymentUnknown(_) => Retry::After(ASK_AGAIN),
            Self::Contended => Retry::Now,
            Self::Shop(error) => error.retry(),
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidRequest { field, expected } => format!("{field} must be {expected}").into(),
            Self::IdempotencyMismatch => {
                "this idempotency key was used for a different request".into()
            }
            Self::PaymentUnknown(_) => {
                "it is not known yet whether the payment was made; send the same request again, you will not pay twice".into()
            }
            Self::Contended => "too much is going on, try again shortly".into(),
            Self::Shop(error) => error.client_text(),
        }
    }
}

/// Why nothing was bought. It is recorded under the key, for good: a new try needs a new key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The shop sells no such variant.
    #[error("the shop sells no variant {variant}")]
    UnknownVariant {
        /// The variant that was asked for.
        variant: i64,
    },
    /// There is not enough of something.
    #[error("{} lines are short", items.len())]
    OutOfStock {
        /// Of what.
        items: Vec<ShortItem>,
    },
    /// It does not cost what the buyer saw.
    #[error("the total is {} now", totals.total)]
    PriceChanged {
        /// What it costs.
        totals: Totals,
    },
    /// The total is larger than any amount.
    #[error("the total is too large")]
    TooExpensive,
    /// The provider declined.
    #[error("the payment was declined")]
    PaymentDeclined,
    /// It was called off before it was paid.
    #[error("the checkout was called off")]
    CheckoutEnded,
}

impl Problem for Refusal {
    fn code(&self) -> Code {
        match self {
            Self::UnknownVariant { .. } => Code::new("unknown_variant"),
            Self::OutOfStock { .. } => Code::new("out_of_stock"),
            Self::PriceChanged { .. } => Code::new("price_changed"),
            Self::TooExpensive => Code::new("invalid_request"),
            Self::PaymentDeclined => Code::new("payment_declined"),
            Self::CheckoutEnded => Code::new("checkout_ended"),
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::UnknownVariant { .. } => Kind::NotFound,
            Self::OutOfStock { .. } | Self::PriceChanged { .. } | Self::CheckoutEnded => {
                Kind::Conflict
            }
            Self::TooExpensive => Kind::Invalid,
            Self::PaymentDeclined => Kind::PaymentRequired,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::UnknownVariant { .. } => "this shop does not sell one of the items".into(),
            Self::OutOfStock { .. } => "there is not enough of some items".into(),
            Self::PriceChanged { .. } => "the total has changed since you saw it".into(),
            Self::TooExpensive => "the total must be an amount of money".into(),
            Self::PaymentDeclined => "the payment was declined, and nothing was charged".into(),
            Self::CheckoutEnded => {
                "this checkout was not finished in time, and nothing was charged".into()
            }
        }
    }
}
