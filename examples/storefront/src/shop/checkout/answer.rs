//! The final answer to a checkout: what is recorded under its key, and replayed word for word.

use serde::{Deserialize, Serialize};
use tenancy_types::Problem;

use super::Refusal;
use crate::shop::{
    ShopError,
    order::{Order, OrderState},
};

/// A final answer: status and document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    document: Document,
}

/// The document of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Document {
    /// The order is paid (201).
    Placed(Placed),
    /// Nothing was bought.
    Refused {
        /// Why.
        error: Refused,
    },
}

/// A paid order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Placed {
    /// What its page is found by.
    pub order_token: String,
    /// `paid`: the state in which the order was when the answer was made.
    pub state: String,
    /// What was paid, in minor units.
    pub total_minor: i64,
    /// The currency's code.
    pub currency: String,
}

/// Why nothing was bought.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Refused {
    /// The stable code.
    pub code: String,
    /// A sentence for the buyer.
    pub message: String,
    /// Of `out_of_stock`: the lines that are short.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub items: Option<Vec<ShortItem>>,
    /// Of `unknown_variant`: the variant.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variant_id: Option<String>,
    /// Of `price_changed`: what it costs now, in minor units.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub total_minor: Option<i64>,
    /// Of `price_changed`: the currency's code.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub currency: Option<String>,
}

/// A line of which there is not enough.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ShortItem {
    /// The variant; a text, because a number of JSON keeps 53 bits in many programs.
    pub variant_id: String,
    /// How many were asked for.
    pub requested: i64,
    /// How many there are.
    pub available: i64,
}

impl Answer {
    /// The answer for a paid order.
    pub(super) fn placed(order: &Order) -> Self {
        let placed = Placed {
            order_token: order.token.clone(),
            state: OrderState::Paid.as_str().to_owned(),
            total_minor: order.totals.total,
            currency: order.totals.currency.code().to_owned(),
        };
        Self {
            status: 201,
            document: Document::Placed(placed),
        }
    }

    /// The answer that nothing was bought.
    pub(super) fn refused(refusal: &Refusal) -> Self {
        let mut error = Refused {
            code: refusal.code().as_str().to_owned(),
            message: refusal.client_text().into_owned(),
            items: None,
            variant_id: None,
            total_minor: None,
            currency: None,
        };
        match refusal {
            Refusal::OutOfStock { items } => error.items = Some(items.clone()),
            Refusal::UnknownVariant { variant } => error.variant_id = Some(variant.to_string()),
            Refusal::PriceChanged { totals } => {
                error.total_minor = Some(totals.total);
                error.currency = Some(totals.currency.code().to_owned());
            }
            Refusal::TooExpensive | Refusal::PaymentDeclined | Refusal::CheckoutEnded => {}
        }
        Self {
            status: refusal.kind().http_status(),
            document: Document::Refused { error },
        }
    }

    /// An answer as it was stored.
    pub(super) fn stored(status: i64, json: &str) -> Result<Self, ShopError> {
        let bad = |source| ShopError::BadRow {
            column: "checkout_key.answer",
            source,
        };
        Ok(Self {
            status: u16::try_from(status).map_err(|error| bad(error.into()))?,
            document: serde_json::from_str(json).map_err(|error| bad(error.into()))?,
        })
    }

    /// Its HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the order is paid.
    #[must_use]
    pub const fn is_placed(&self) -> bool {
        matches!(self.document, Document::Placed(_))
    }

    /// Its document.
    #[must_use]
    pub const fn document(&self) -> &Document {
        &self.document
    }

    /// Its document as the API sends it, the same text each time.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string(&self.document).expect("texts and numbers are JSON")
    }
}
