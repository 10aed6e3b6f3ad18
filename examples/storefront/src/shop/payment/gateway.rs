use std::{error::Error, fmt, future::Future};

use tenancy_types::TenantId;

use crate::money::Money;

/// A payment provider.
///
/// Implementations do what a key asks once: a second question with the same key has the first one's answer.
/// An error means that the answer is not known.
pub trait PaymentGateway: Send + Sync + 'static {
    /// Takes the money. After a [`void`](Self::void) of the key that said [`Never`](Voided::Never) it is
    /// declined.
    fn charge(
        &self,
        key: &PaymentKey,
        amount: Money,
        token: &PaymentToken,
    ) -> impl Future<Output = Result<Charge, PaymentUnknown>> + Send;

    /// Ends a payment that may have been asked for: either the money was taken, or it never will be.
    fn void(&self, key: &PaymentKey)
    -> impl Future<Output = Result<Voided, PaymentUnknown>> + Send;

    /// Gives back a part of a payment, never more than was taken.
    fn refund(
        &self,
        payment: &PaymentKey,
        refund: &RefundKey,
        amount: Money,
    ) -> impl Future<Output = Result<Refund, PaymentUnknown>> + Send;
}

/// The answer to a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The money was taken.
    Charged,
    /// It was not, and will not be under this key.
    Declined,
}

/// The answer to a void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voided {
    /// It is too late: the money was taken.
    Charged,
    /// It was not taken, and will not be under this key.
    Never,
}

/// The answer to a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refund {
    /// The money was given back.
    Refunded,
    /// It was not, and will not be under this key.
    Refused,
}

/// It is not known what became of a payment: the provider did not answer, or not intelligibly, or its answer
/// could not be recorded.
#[derive(Debug, thiserror::Error)]
#[error("what became of the payment is not known")]
pub struct PaymentUnknown {
    /// What went wrong.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PaymentUnknown {
    /// From what went wrong.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            source: source.into(),
        }
    }
}

/// Names one payment at the provider, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PaymentKey(Box<str>);

impl PaymentKey {
    /// The key of an order's payment. Tenants share the provider, so the tenant is a part of it.
    #[must_use]
    pub fn of_order(tenant: TenantId, order: i64) -> Self {
        Self(format!("order-{}-{order}", tenant.as_i64()).into())
    }

    /// What the keys of payments that belong to another shop begin with. No provider knows such a key.
    pub(in crate::shop) const ELSEWHERE: &'static str = "elsewhere ";

    /// Whether the payment belongs to another shop, from which this one was copied.
    pub(in crate::shop) fn is_elsewhere(&self) -> bool {
        self.0.starts_with(Self::ELSEWHERE)
    }

    /// A key as it was stored with its order.
    pub(in crate::shop) fn stored(text: String) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Names one refund of a payment at the provider, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RefundKey(Box<str>);

impl RefundKey {
    /// The key of one refund of a payment.
    #[must_use]
    pub fn of_refund(payment: &PaymentKey, refund: i64) -> Self {
        Self(format!("{}-refund-{refund}", payment.as_str()).into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the buyer's side of the provider gave out for one payment. It is handed on, never stored or shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PaymentToken(Box<str>);

impl PaymentToken {
    /// The longest token that is handed on, in bytes.
    pub const MAX_BYTES: usize = 255;

    /// A token of 1 to 255 visible ASCII characters, or `None`.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let valid = (1..=Self::MAX_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        valid.then(|| Self(text.into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PaymentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PaymentToken(…)")
    }
}
