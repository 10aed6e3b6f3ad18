//! The first transaction: a key is claimed, and stock is held for an order that is pending.

use tenancy_core::{ReadWrite, TenantContext, db::CellTx};
use tenancy_types::UnixMicros;

use super::{
    Answer, Basket, Checkout, CheckoutError, CheckoutKey, CheckoutRequest, PENDING_LIMIT, Refusal,
    ShortItem, pricing, settle,
    shelf::{self, Offer},
};
use crate::{
    random,
    shop::{
        ShopError,
        inventory::{self, Cause, ReorderAlert, StockEvent, StockKind, StockWrite},
        order::{self, Order, OrderLine, OrderState, Totals},
        payment::PaymentKey,
    },
};

/// How often stock may be taken from under a checkout between its reading and its writing.
const TRIES: usize = 16;

/// A checkout after its first transaction.
pub(super) enum Begun {
    /// It has its final answer.
    Answered(Answer),
    /// It is to be paid.
    Pending(Order),
}

/// What the first transaction came to, and what is to be raised when it is committed. `None` when somebody else took
/// the stock that was there a moment ago, and it must be read again.
type Tried = Option<(Begun, Vec<ReorderAlert>)>;

impl Checkout {
    pub(super) async fn begin(
        &self,
        tenant: &TenantContext<ReadWrite>,
        key: &CheckoutKey,
        request: &CheckoutRequest,
    ) -> Result<Begun, CheckoutError> {
        for _ in 0..TRIES {
            let mut tx = self.cell.begin(tenant);
            match self.try_begin(&mut tx, key, request).await {
                Ok(Some((begun, alerts))) => {
                    tx.commit().await?;
                    inventory::raise(tenant.tenant(), &alerts);
                    return Ok(begun);
                }
                Ok(None) => tx.rollback().await,
                Err(error) => {
                    tx.rollback().await;
                    return Err(error);
                }
            }
        }
        Err(CheckoutError::Contended)
    }

    async fn try_begin(
        &self,
        tx: &mut CellTx<ReadWrite>,
        key: &CheckoutKey,
        request: &CheckoutRequest,
    ) -> Result<Tried, CheckoutError> {
        let id = self.cell.ids().next();
        let now = self.cell.ids().now();
        if !claim(tx, key, request, id, now).await? {
            // Old answers are forgotten, so it may have gone this moment.
            let begun = earlier(tx, key, Some(request)).await?;
            return Ok(begun.map(|begun| (begun, Vec::new())));
        }
        let offers = shelf::offers(tx, request.items()).await?;
        let priced = match self.price(&offers, request) {
            Ok(priced) => priced,
            Err(refusal) => {
                let answer = Answer::refused(&refusal);
                refuse(tx, key, &answer).await?;
                return Ok(Some((Begun::Answered(answer), Vec::new())));
            }
        };
        let order = new_order(tx, id, now, request, priced);
        let cause = Cause {
            at: now,
            order: Some(id),
            note: String::new(),
        };
        let Some(alerts) = reserve(tx, cause, &order.lines).await? else {
            return Ok(None);
        };
        order::insert(tx, &order).await?;
        Ok(Some((Begun::Pending(order), alerts)))
    }

    /// What the basket costs and where it comes from, if the shop sells it.
    fn price(
        &self,
        offers: &[Option<Offer>],
        request: &CheckoutRequest,
    ) -> Result<(Totals, Vec<OrderLine>), Refusal> {
        let asked = request.items().zip(offers);
        let offers: Vec<(&Offer, i64)> = asked
            .map(|((variant, quantity), offer)| match offer {
                Some(offer) => Ok((offer, quantity)),
                None => Err(Refusal::UnknownVariant { variant }),
            })
            .collect::<Result<_, _>>()?;
        let short: Vec<ShortItem> = offers
            .iter()
            .filter_map(|(offer, quantity)| offer.short_of(*quantity))
            .collect();
        if !short.is_empty() {
            return Err(Refusal::OutOfStock { items: short });
        }
        let basket = Basket {
            currency: offers[0].0.currency,
            lines: offers
                .iter()
                .map(|(offer, quantity)| offer.basket_line(*quantity))
                .collect(),
        };
        let totals =
            pricing::totals(&basket, &*self.shipping, &*self.tax).ok_or(Refusal::TooExpensive)?;
        if request.expected().is_some_and(|seen| seen != totals.total) {
            return Err(Refusal::PriceChanged { totals });
        }
        let lines = offers
            .iter()
            .map(|(offer, quantity)| offer.order_line(*quantity));
        Ok((totals, lines.collect()))
    }
}

/// Claims the key for an order to come. `false` when it was claimed before.
async fn claim(
    tx: &mut CellTx<ReadWrite>,
    key: &CheckoutKey,
    request: &CheckoutRequest,
    order: i64,
    now: UnixMicros,
) -> Result<bool, ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(CLAIM).bind(tenant).bind(key.as_str().to_owned());
    let statement = statement.bind(request.fingerprint());
    let claimed = statement.bind(order).bind(now.get()).run().await?;
    Ok(claimed == 1)
}

/// What the key's earlier request came to, which must be the same as this one, if any. `None` when nothing was
/// asked with the key.
pub(super) async fn earlier(
    tx: &mut CellTx<ReadWrite>,
    key: &CheckoutKey,
    request: Option<&CheckoutRequest>,
) -> Result<Option<Begun>, CheckoutError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(EARLIER).bind(tenant);
    let row: Option<KeyRow> = statement.bind(key.as_str().to_owned()).optional().await?;
    let Some(row) = row else {
        return Ok(None);
    };
    if request.is_some_and(|request| row.fingerprint != request.fingerprint()) {
        return Err(CheckoutError::IdempotencyMismatch);
    }
    Ok(Some(match (row.status.zip(row.answer), row.order_id) {
        (Some((status, json)), _) => Begun::Answered(Answer::stored(status, &json)?),
        (None, Some(order)) => resumed(order::order_by_id(tx, order).await?),
        (None, None) => return Err(ShopError::NotFound { what: "order" }.into()),
    }))
}

/// The order of a key that had no answer a moment ago: somebody else may have settled it since.
fn resumed(order: Order) -> Begun {
    match order.state {
        OrderState::Pending => Begun::Pending(order),
        state => Begun::Answered(settle::answer(&order, state)),
    }
}

/// Records under the key that nothing is bought.
async fn refuse(
    tx: &mut CellTx<ReadWrite>,
    key: &CheckoutKey,
    answer: &Answer,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(REFUSE).bind(tenant).bind(key.as_str().to_owned());
    let statement = statement.bind(i64::from(answer.status()));
    statement.bind(answer.json()).run().await?;
    Ok(())
}

/// Holds the stock of all lines. `None` when one of them is no longer there.
async fn reserve(
    tx: &mut CellTx<ReadWrite>,
    cause: Cause,
    lines: &[OrderLine],
) -> Result<Option<Vec<ReorderAlert>>, ShopError> {
    let mut stock = StockWrite::new(tx, cause);
    for line in lines.iter().filter(|line| line.from_stock > 0) {
        let event = StockEvent {
            kind: StockKind::Reserved,
            quantity: line.from_stock,
        };
        if stock.apply(line.variant, event).await?.is_none() {
            return Ok(None);
        }
    }
    stock.finish().await.map(Some)
}

fn new_order(
    tx: &CellTx<ReadWrite>,
    id: i64,
    now: UnixMicros,
    request: &CheckoutRequest,
    (totals, lines): (Totals, Vec<OrderLine>),
) -> Order {
    let pending = i64::try_from(PENDING_LIMIT.as_micros()).expect("minutes fit");
    Order {
        id,
        token: random::hex::<16>(),
        payment_key: PaymentKey::of_order(tx.tenant(), id),
        state: OrderState::Pending,
        email: request.email().to_owned(),
        totals,
        refunded: 0,
        created_at: now,
        updated_at: now,
        expires_at: UnixMicros::new(now.get() + pending),
        lines,
    }
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    fingerprint: String,
    order_id: Option<i64>,
    status: Option<i64>,
    answer: Option<String>,
}

const CLAIM: &str = "insert into checkout_key (tenant_id, key, fingerprint, order_id, created_at)
    values ($1, $2, $3, $4, $5) on conflict (tenant_id, key) do nothing";

const EARLIER: &str = "select fingerprint, order_id, status, answer from checkout_key
    where tenant_id = $1 and key = $2";

const REFUSE: &str = "update checkout_key set order_id = null, status = $3, answer = $4
    where tenant_id = $1 and key = $2";
