use std::{fmt, sync::Arc};

use futures_util::future::BoxFuture;

use super::{
    Charge, PaymentGateway, PaymentKey, PaymentToken, PaymentUnknown, Refund, RefundKey, Voided,
};
use crate::money::Money;

/// Any [`PaymentGateway`], for what should not be generic over it. Cloning is cheap.
#[derive(Clone)]
pub struct AnyPaymentGateway(Arc<dyn Erased>);

impl AnyPaymentGateway {
    /// Erases the type of a gateway.
    pub fn new(gateway: impl PaymentGateway) -> Self {
        Self(Arc::new(gateway))
    }
}

impl fmt::Debug for AnyPaymentGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyPaymentGateway")
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, PaymentUnknown>>;

/// The object-safe twin of [`PaymentGateway`].
trait Erased: Send + Sync + 'static {
    fn charge<'a>(
        &'a self,
        key: &'a PaymentKey,
        amount: Money,
        token: &'a PaymentToken,
    ) -> Answer<'a, Charge>;
    fn void<'a>(&'a self, key: &'a PaymentKey) -> Answer<'a, Voided>;
    fn refund<'a>(
        &'a self,
        payment: &'a PaymentKey,
        refund: &'a RefundKey,
        amount: Money,
    ) -> Answer<'a, Refund>;
}

impl<G: PaymentGateway> Erased for G {
    fn charge<'a>(
        &'a self,
        key: &'a PaymentKey,
        amount: Money,
        token: &'a PaymentToken,
    ) -> Answer<'a, Charge> {
        Box::pin(PaymentGateway::charge(self, key, amount, token))
    }

    fn void<'a>(&'a self, key: &'a PaymentKey) -> Answer<'a, Voided> {
        Box::pin(PaymentGateway::void(self, key))
    }

    fn refund<'a>(
        &'a self,
        payment: &'a PaymentKey,
        refund: &'a RefundKey,
        amount: Money,
    ) -> Answer<'a, Refund> {
        Box::pin(PaymentGateway::refund(self, payment, refund, amount))
    }
}

impl PaymentGateway for AnyPaymentGateway {
    async fn charge(
        &self,
        key: &PaymentKey,
        amount: Money,
        token: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        self.0.charge(key, amount, token).await
    }

    async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        self.0.void(key).await
    }

    async fn refund(
        &self,
        payment: &PaymentKey,
        refund: &RefundKey,
        amount: Money,
    ) -> Result<Refund, PaymentUnknown> {
        self.0.refund(payment, refund, amount).await
    }
}
