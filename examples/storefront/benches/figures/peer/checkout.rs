//! A checkout: two transactions around a charge, with the storefront's statements, word for word.
//!
//! The provider is the storefront's own stand-in on both sides: it is nobody's work that is compared. A key
//! that comes again is answered with 409, because nobody repeats one here.

use std::sync::atomic::{AtomicI64, Ordering};

use axum::{Json, extract::State};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, Sqlite, Transaction};
use storefront::{
    money::Money,
    shop::payment::{Charge, PaymentGateway as _, PaymentKey, PaymentToken},
};
use tenancy_types::{Clock as _, SystemClock, TenantId};

use super::{NoAnswer, Shops, currency};

/// Ids that a statement has places for.
const CHUNK: usize = 20;
/// Microseconds until an order that is not paid expires.
const PENDING: i64 = 15 * 60 * 1_000_000;

#[derive(Deserialize)]
pub(super) struct Asked {
    items: Vec<Item>,
    email: String,
    payment_token: String,
}

#[derive(Deserialize)]
struct Item {
    variant_id: String,
    quantity: i64,
}

#[derive(Serialize)]
pub(super) struct Placed {
    order_token: String,
    state: &'static str,
    total_minor: i64,
    currency: String,
}

/// An order that is being made.
struct Order {
    id: i64,
    token: String,
    payment: PaymentKey,
    currency: String,
    total: i64,
    lines: Vec<Line>,
}

struct Line {
    offer: Offer,
    quantity: i64,
    from_stock: i64,
}

type Tx = Transaction<'static, Sqlite>;

pub(super) async fn checkout(
    State(shops): State<Shops>,
    headers: HeaderMap,
    Json(asked): Json<Asked>,
) -> Result<(StatusCode, Json<Placed>), NoAnswer> {
    let (tenant, cell) = shops.of(&headers)?;
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    let key = key.ok_or(NoAnswer::Refused("no key"))?;
    let token = PaymentToken::new(&asked.payment_token).ok_or(NoAnswer::Refused("no token"))?;

    let mut tx = cell.writer.begin_with("begin immediate").await?;
    let order = begin(&mut tx, *tenant, key, &asked).await?;
    tx.commit().await?;

    let amount = Money::new(order.total, currency(&order.currency)?);
    let Charge::Charged = shops.gateway.charge(&order.payment, amount, &token).await? else {
        return Err(NoAnswer::Refused("declined"));
    };

    let placed = Placed {
        order_token: order.token.clone(),
        state: "paid",
        total_minor: order.total,
        currency: order.currency.clone(),
    };
    let mut tx = cell.writer.begin_with("begin immediate").await?;
    settle(&mut tx, tenant.as_i64(), &order, &placed).await?;
    tx.commit().await?;
    Ok((StatusCode::CREATED, Json(placed)))
}

async fn begin(tx: &mut Tx, tenant: TenantId, key: &str, asked: &Asked) -> Result<Order, NoAnswer> {
    let (id, now) = (next_id(), SystemClock.unix().get());
    let claimed = sqlx::query(
        "insert into checkout_key (tenant_id, key, fingerprint, order_id, created_at)
    values ($1, $2, $3, $4, $5) on conflict (tenant_id, key) do nothing",
    )
    .bind(tenant.as_i64())
    .bind(key)
    .bind(fingerprint(asked))
    .bind(id)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    if claimed.rows_affected() == 0 {
        return Err(NoAnswer::Refused("the key was used before"));
    }
    let lines = lines(tx, tenant.as_i64(), asked).await?;
    let order = Order {
        id,
        token: random_token()?,
        payment: PaymentKey::of_order(tenant, id),
        currency: lines[0].offer.currency.clone(),
        total: lines
            .iter()
            .map(|line| line.offer.price * line.quantity)
            .sum(),
        lines,
    };
    move_stock(tx, tenant.as_i64(), &order, "reserved", now).await?;
    insert(tx, tenant.as_i64(), &order, &asked.email, now).await?;
    Ok(order)
}

#[derive(FromRow)]
struct Offer {
    variant_id: i64,
    title: String,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
    price: i64,
    quantity: Option<i64>,
    on_hand: i64,
    currency: String,
}

async fn lines(tx: &mut Tx, tenant: i64, asked: &Asked) -> Result<Vec<Line>, NoAnswer> {
    let mut statement = sqlx::query_as(
        "select v.variant_id, p.title, v.option1, v.option2, v.option3, v.sku, v.price, v.grams,
        v.quantity, v.sold_without_stock, coalesce(s.on_hand, 0) as on_hand, h.currency
    from product_variant v
    join product p on p.tenant_id = $1 and p.product_id = v.product_id and p.listed = 1
    join shop h on h.tenant_id = $1
    left join stock s on s.tenant_id = $1 and s.variant_id = v.variant_id
    where v.tenant_id = $1 and v.variant_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(tenant);
    for index in 0..CHUNK {
        let variant = asked.items.get(index).map(|item| item.variant_id.parse());
        statement = statement.bind(variant.transpose()?.unwrap_or(0_i64));
    }
    let offers: Vec<Offer> = statement.fetch_all(&mut **tx).await?;
    let line = |offer: Offer| {
        let wanted = offer.variant_id.to_string();
        let item = asked.items.iter().find(|item| item.variant_id == wanted);
        let quantity = item.map_or(0, |item| item.quantity);
        Line {
            quantity,
            from_stock: offer.quantity.map_or(0, |_| quantity.min(offer.on_hand)),
            offer,
        }
    };
    let lines: Vec<Line> = offers.into_iter().map(line).collect();
    if lines.len() != asked.items.len() || lines.iter().any(|line| line.from_stock < line.quantity)
    {
        return Err(NoAnswer::Refused("not enough of it"));
    }
    Ok(lines)
}

async fn insert(
    tx: &mut Tx,
    tenant: i64,
    order: &Order,
    email: &str,
    now: i64,
) -> Result<(), NoAnswer> {
    sqlx::query(
        "insert into shop_order (tenant_id, order_id, token, payment_key, state, email, currency,
        items_total, shipping, tax, total, refunded, created_at, updated_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $14)",
    )
    .bind(tenant)
    .bind(order.id)
    .bind(&order.token)
    .bind(order.payment.as_str())
    .bind("pending")
    .bind(email)
    .bind(&order.currency)
    .bind(order.total)
    .bind(0_i64)
    .bind(0_i64)
    .bind(order.total)
    .bind(0_i64)
    .bind(now)
    .bind(now + PENDING)
    .execute(&mut **tx)
    .await?;
    for (position, line) in (0_i64..).zip(&order.lines) {
        let offer = &line.offer;
        let options = [&offer.option1, &offer.option2, &offer.option3];
        let options: Vec<&str> = options.into_iter().flatten().map(String::as_str).collect();
        sqlx::query(
            "insert into order_line (tenant_id, order_id, position, variant_id, title, options, sku,
        unit_price, quantity, from_stock)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(tenant)
        .bind(order.id)
        .bind(position)
        .bind(offer.variant_id)
        .bind(&offer.title)
        .bind(options.join(" / "))
        .bind(&offer.sku)
        .bind(offer.price)
        .bind(line.quantity)
        .bind(line.from_stock)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

#[derive(FromRow)]
struct Moved {
    seq: i64,
}

/// Reserves the stock of an order, or allocates it, and writes it into the log.
async fn move_stock(
    tx: &mut Tx,
    tenant: i64,
    order: &Order,
    kind: &str,
    now: i64,
) -> Result<(), NoAnswer> {
    for line in &order.lines {
        let n = line.from_stock;
        let [on_hand, reserved, allocated] = match kind {
            "reserved" => [-n, n, 0],
            _ => [0, -n, n],
        };
        let moved: Option<Moved> = sqlx::query_as(
            "update stock set received = received + $3, on_hand = on_hand + $4,
        reserved = reserved + $5, allocated = allocated + $6, sold = sold + $7, seq = seq + 1
    where tenant_id = $1 and variant_id = $2 and received + $3 >= 0 and on_hand + $4 >= 0
        and reserved + $5 >= 0 and allocated + $6 >= 0 and sold + $7 >= 0
    returning variant_id, received, on_hand, reserved, allocated, sold, seq, reorder_at",
        )
        .bind(tenant)
        .bind(line.offer.variant_id)
        .bind(0_i64)
        .bind(on_hand)
        .bind(reserved)
        .bind(allocated)
        .bind(0_i64)
        .fetch_optional(&mut **tx)
        .await?;
        let seq = moved.ok_or(NoAnswer::Refused("not enough of it"))?.seq;
        sqlx::query(
            "insert into stock_event (tenant_id, variant_id, seq, kind, quantity, order_id, note, at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(tenant)
        .bind(line.offer.variant_id)
        .bind(seq)
        .bind(kind)
        .bind(n)
        .bind(order.id)
        .bind("")
        .bind(now)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

async fn settle(tx: &mut Tx, tenant: i64, order: &Order, placed: &Placed) -> Result<(), NoAnswer> {
    let now = SystemClock.unix().get();
    let paid = sqlx::query(
        "update shop_order set state = $4, updated_at = $5
        where tenant_id = $1 and order_id = $2 and state = $3",
    )
    .bind(tenant)
    .bind(order.id)
    .bind("pending")
    .bind("paid")
    .bind(now)
    .execute(&mut **tx)
    .await?;
    if paid.rows_affected() == 0 {
        return Err(NoAnswer::Refused("the order has ended"));
    }
    move_stock(tx, tenant, order, "allocated", now).await?;
    sqlx::query(
        "update checkout_key set status = $3, answer = $4 where tenant_id = $1 and order_id = $2",
    )
    .bind(tenant)
    .bind(order.id)
    .bind(201_i64)
    .bind(serde_json::to_string(placed)?)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Ids that ascend with the time, as the storefront's do.
fn next_id() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(0);
    let now = SystemClock.unix().get();
    let last = LAST.fetch_max(now, Ordering::Relaxed);
    if last < now {
        now
    } else {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn random_token() -> Result<String, NoAnswer> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::from)?;
    Ok(u128::from_le_bytes(bytes)).map(|number| format!("{number:032x}"))
}

fn fingerprint(asked: &Asked) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(asked.email.as_bytes())
        .update(asked.payment_token.as_bytes());
    for item in &asked.items {
        hasher
            .update(item.variant_id.as_bytes())
            .update(&item.quantity.to_le_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
