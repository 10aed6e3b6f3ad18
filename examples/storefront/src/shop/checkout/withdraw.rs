//! Ending an attempt to buy in favour of another one.

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};

use super::{
    Answer, Checkout, CheckoutError, CheckoutKey, Refusal,
    begin::{Begun, earlier},
    settle::Outcome,
};

impl Checkout {
    /// Brings what was begun with a key to its end, whatever was asked with it: the order is paid when the
    /// provider has taken the money, and called off when not. When nothing was begun with the key, nothing will
    /// be.
    ///
    /// # Errors
    /// [`CheckoutError::PaymentUnknown`] while the provider cannot say whether it was paid, and
    /// [`CheckoutError::Shop`].
    ///
    /// # Cancel safety
    /// What was begun is ended or still pending.
    pub async fn withdraw(
        &self,
        tenant: &TenantContext<ReadWrite>,
        key: &CheckoutKey,
    ) -> Result<Answer, CheckoutError> {
        let mut tx = self.cell.begin(tenant);
        let begun = match self.use_up(&mut tx, key).await {
            Ok(begun) => begun,
            Err(error) => {
                tx.rollback().await;
                return Err(error);
            }
        };
        tx.commit().await?;
        match begun {
            Begun::Answered(answer) => Ok(answer),
            Begun::Pending(order) => self.end(tenant, &order, Outcome::Cancelled).await,
        }
    }

    async fn use_up(
        &self,
        tx: &mut CellTx<ReadWrite>,
        key: &CheckoutKey,
    ) -> Result<Begun, CheckoutError> {
        let ended = Answer::refused(&Refusal::CheckoutEnded);
        let now = self.cell.ids().now();
        let tenant = tx.tenant().as_i64();
        let statement = tx.sql(USE_UP).bind(tenant).bind(key.as_str().to_owned());
        let statement = statement.bind(i64::from(ended.status())).bind(ended.json());
        if statement.bind(now.get()).run().await? == 1 {
            return Ok(Begun::Answered(ended));
        }
        let begun = earlier(tx, key, None).await?;
        // An answer that was forgotten this moment: the same request is worth another try.
        begun.ok_or(CheckoutError::Contended)
    }
}

/// No request has an empty fingerprint.
const USE_UP: &str =
    "insert into checkout_key (tenant_id, key, fingerprint, status, answer, created_at)
    values ($1, $2, '', $3, $4, $5) on conflict (tenant_id, key) do nothing";
