use std::{borrow::Cow, time::Duration};

use tenancy_types::{Code, Kind, Problem, Retry};

use super::{cart::CartError, order::OrderState};

/// Why a shop could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShopError {
    /// A part of the request is wrong.
    #[error("parameter {parameter}: {message}")]
    InvalidRequest {
        /// The parameter's name.
        parameter: &'static str,
        /// What is wrong with it, as the end of a sentence.
        message: Cow<'static, str>,
    },
    /// The shop has no such page, product or collection.
    #[error("the shop has no such {what}")]
    NotFound {
        /// What was asked for: `product`, `order`, `stock`, `page` and so on.
        what: &'static str,
    },
    /// The cart cannot be changed so.
    #[error(transparent)]
    Cart(#[from] CartError),
    /// A page of another origin sent what only the shop's own pages may send.
    #[error("a request that changes something came from another origin")]
    CrossSite,
    /// A form that acts on a cart did not come from that cart's page.
    #[error("a form came without the token of the cart")]
    ForeignForm,
    /// The body is larger than what is accepted.
    #[error("the body is larger than {most} bytes")]
    BodyTooLarge {
        /// The most bytes that are accepted.
        most: usize,
    },
    /// The tenant has no row in the table of shops.
    #[error("the shop has not been set up")]
    NotSetUp,
    /// The cell's database did not do it.
    #[error("the cell's database refused or failed")]
    Database(#[from] tenancy_core::db::DbError),
    /// A row holds what this program cannot have written.
    #[error("column {column} holds something unreadable")]
    BadRow {
        /// The column.
        column: &'static str,
        /// Why it cannot be read.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The order is in a state in which this cannot be done to it.
    #[error("an order that is {found} does not allow this")]
    OrderState {
        /// Its state.
        found: OrderState,
    },
    /// Money of the order is on its way back.
    #[error("a refund of the order is pending")]
    RefundPending,
    /// The order was paid to another shop, from which this one was copied.
    #[error("the payment belongs to the shop from which this one was copied")]
    PaymentElsewhere,
    /// There is not enough stock to take that much away.
    #[error("there is not enough stock of variant {variant}")]
    NotEnoughStock {
        /// The variant.
        variant: i64,
    },
    /// An order has stock that the stock's numbers do not have.
    #[error("the stock of variant {variant} does not have what an order has of it")]
    StockBroken {
        /// The variant.
        variant: i64,
    },
    /// A page could not be made.
    #[error("render a page")]
    Render(#[source] askama::Error),
}

impl ShopError {
    /// The error for a parameter: `message` follows on its name.
    pub fn invalid(parameter: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        let message = message.into();
        Self::InvalidRequest { parameter, message }
    }
}

impl Problem for ShopError {
    fn code(&self) -> Code {
        match self {
            Self::InvalidRequest { .. } => Code::new("invalid_request"),
            Self::NotFound { .. } => Code::new("not_found"),
            Self::Cart(error) => error.code(),
            Self::CrossSite | Self::ForeignForm => Code::new("csrf_rejected"),
            Self::BodyTooLarge { .. } => Code::new("body_too_large"),
            Self::NotSetUp => Code::new("shop_not_set_up"),
            Self::OrderState { .. } | Self::RefundPending => Code::new("order_state"),
            Self::PaymentElsewhere => Code::new("payment_elsewhere"),
            Self::NotEnoughStock { .. } => Code::new("not_enough_stock"),
            Self::Database(error) => error.code(),
            Self::StockBroken { .. } | Self::BadRow { .. } | Self::Render(_) => {
                Code::new("internal")
            }
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::InvalidRequest { .. } => Kind::Invalid,
            Self::NotFound { .. } => Kind::NotFound,
            Self::Cart(error) => error.kind(),
            Self::CrossSite | Self::ForeignForm => Kind::Forbidden,
            Self::BodyTooLarge { .. } => Kind::TooLarge,
            Self::NotSetUp => Kind::Unavailable,
            Self::OrderState { .. }
            | Self::RefundPending
            | Self::PaymentElsewhere
            | Self::NotEnoughStock { .. } => Kind::Conflict,
            Self::Database(error) => error.kind(),
            Self::StockBroken { .. } | Self::BadRow { .. } | Self::Render(_) => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::NotSetUp => Retry::After(Duration::from_secs(1)),
            Self::Database(error) => error.retry(),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::InvalidRequest { parameter, message } => format!("{parameter}: {message}").into(),
            Self::NotFound { what } => format!("there is no such {what} in this shop").into(),
            Self::Cart(error) => error.client_text(),
            Self::CrossSite => "this can be sent only from the shop's own pages".into(),
            Self::ForeignForm => {
                "this form is out of date: open your cart and send it from there".into()
            }
            Self::BodyTooLarge { .. } => self.to_string().into(),
            Self::NotSetUp => "this shop is being set up, try again shortly".into(),
            Self::OrderState { found } => {
                format!("the order is {found}, which does not allow this").into()
            }
            Self::RefundPending => "the order is being refunded, which does not allow this".into(),
            Self::PaymentElsewhere => {
                "the order was paid in the shop from which this one was copied".into()
            }
            Self::NotEnoughStock { .. } => "there is not that much on hand".into(),
            Self::Database(error) => error.client_text(),
            Self::StockBroken { .. } | Self::BadRow { .. } | Self::Render(_) => {
                "something went wrong on our side".into()
            }
        }
    }
}
