//! Payments are made elsewhere, by a provider that is asked through a [`PaymentGateway`].
//!
//! Everything that is asked carries a key, and the provider does what a key asks once, however often it is
//! asked: that is what makes a checkout safe to resume. Each question has three answers: yes, no, and
//! [not known](PaymentUnknown). The third is not a no: the money may have moved.

mod any;
mod bounded;
mod gateway;
mod ledger;

pub use any::AnyPaymentGateway;
pub(super) use bounded::Bounded;
pub use gateway::{
    Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown, Refund, RefundKey, Voided,
};
pub use ledger::{LedgerError, TestGateway};
