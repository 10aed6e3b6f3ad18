use std::{future::Future, time::Duration};

use tokio::time::timeout;

use super::{
    AnyPaymentGateway, Charge, PaymentGateway as _, PaymentKey, PaymentToken, PaymentUnknown,
    Refund, RefundKey, Voided,
};
use crate::money::Money;

/// A gateway that answers in time, whatever the provider's code does: one that hangs or panics leaves the
/// payment unknown, and the process as it was.
#[derive(Clone, Debug)]
pub(in crate::shop) struct Bounded {
    gateway: AnyPaymentGateway,
    limit: Duration,
}

impl Bounded {
    pub(in crate::shop) fn new(gateway: AnyPaymentGateway, limit: Duration) -> Self {
        Self { gateway, limit }
    }

    /// The same gateway with this long for an answer.
    pub(in crate::shop) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub(in crate::shop) async fn charge(
        &self,
        key: &PaymentKey,
        amount: Money,
        token: &PaymentToken,
    ) -> Result<Charge, PaymentUnknown> {
        let (gateway, key, token) = (self.gateway.clone(), key.clone(), token.clone());
        self.ask(async move { gateway.charge(&key, amount, &token).await })
            .await
    }

    pub(in crate::shop) async fn void(&self, key: &PaymentKey) -> Result<Voided, PaymentUnknown> {
        let (gateway, key) = (self.gateway.clone(), key.clone());
        self.ask(async move { gateway.void(&key).await }).await
    }

    pub(in crate::shop) async fn refund(
        &self,
        payment: &PaymentKey,
        refund: &RefundKey,
        amount: Money,
    ) -> Result<Refund, PaymentUnknown> {
        let (gateway, payment, refund) = (self.gateway.clone(), payment.clone(), refund.clone());
        self.ask(async move { gateway.refund(&payment, &refund, amount).await })
            .await
    }

    /// A task of its own catches the panic. It ends in time, also when nobody waits for it any more; what was
    /// asked is asked again later.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl Future<Output = Result<T, PaymentUnknown>> + Send + 'static,
    ) -> Result<T, PaymentUnknown> {
        match tokio::spawn(timeout(self.limit, question)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(late)) => Err(PaymentUnknown::new(late)),
            Err(panicked) => Err(PaymentUnknown::new(panicked)),
        }
    }
}
