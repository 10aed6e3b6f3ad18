//! What the shop offers of what is asked for: price, name and stock, as they are now.

use std::collections::HashMap;

use tenancy_core::{Access, db::CellTx};

use super::{BasketLine, ShortItem};
use crate::{
    money::Currency,
    shop::{ShopError, inventory::joined, order::OrderLine},
};

/// How many variants one statement asks for.
const CHUNK: usize = 20;

/// A variant that can be bought, if there is enough of it.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    pub(super) currency: Currency,
    variant: i64,
    title: String,
    options: String,
    sku: String,
    price: i64,
    grams: i64,
    on_hand: i64,
    supply: Supply,
}

/// Where pieces of a variant come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Supply {
    /// Nobody counts.
    Uncounted,
    /// From stock, and nowhere else.
    Stock,
    /// From stock as far as it goes; the rest is delivered later.
    StockThenLater,
}

impl Offer {
    /// How far this many are more than there are.
    pub(super) fn short_of(&self, quantity: i64) -> Option<ShortItem> {
        let short = self.supply == Supply::Stock && quantity > self.on_hand;
        short.then(|| ShortItem {
            variant_id: self.variant.to_string(),
            requested: quantity,
            available: self.on_hand,
        })
    }

    pub(super) fn basket_line(&self, quantity: i64) -> BasketLine {
        BasketLine {
            variant: self.variant,
            unit_price: self.price,
            quantity,
            grams: self.grams,
        }
    }

    pub(super) fn order_line(&self, quantity: i64) -> OrderLine {
        OrderLine {
            variant: self.variant,
            title: self.title.clone(),
            options: self.options.clone(),
            sku: self.sku.clone(),
            unit_price: self.price,
            quantity,
            from_stock: match self.supply {
                Supply::Uncounted => 0,
                Supply::Stock | Supply::StockThenLater => quantity.min(self.on_hand),
            },
        }
    }
}

/// The offer for each of these variants, in their order; `None` for one that the shop does not sell.
pub(super) async fn offers<A: Access>(
    tx: &mut CellTx<A>,
    items: impl Iterator<Item = (i64, i64)>,
) -> Result<Vec<Option<Offer>>, ShopError> {
    let tenant = tx.tenant().as_i64();
    let variants: Vec<i64> = items.map(|(variant, _)| variant).collect();
    let mut offers = HashMap::with_capacity(variants.len());
    for chunk in variants.chunks(CHUNK) {
        let mut statement = tx.sql(OFFERS).bind(tenant);
        for index in 0..CHUNK {
            // No variant has the id 0, which fills the places that are left.
            statement = statement.bind(chunk.get(index).copied().unwrap_or(0));
        }
        let rows: Vec<OfferRow> = statement.all().await?;
        for row in rows {
            offers.insert(row.variant_id, row.into_offer()?);
        }
    }
    Ok(variants
        .iter()
        .map(|variant| offers.remove(variant))
        .collect())
}

const OFFERS: &str = "select v.variant_id, p.title, v.option1, v.option2, v.option3, v.sku, v.price, v.grams,
        v.quantity, v.sold_without_stock, coalesce(s.on_hand, 0) as on_hand, h.currency
    from product_variant v
    join product p on p.tenant_id = $1 and p.product_id = v.product_id and p.listed = 1
    join shop h on h.tenant_id = $1
    left join stock s on s.tenant_id = $1 and s.variant_id = v.variant_id
    where v.tenant_id = $1 and v.variant_id in
        ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";

#[derive(sqlx::FromRow)]
struct OfferRow {
    variant_id: i64,
    title: String,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    sku: String,
    price: i64,
    grams: i64,
    quantity: Option<i64>,
    sold_without_stock: i64,
    on_hand: i64,
    currency: String,
}

impl OfferRow {
    fn into_offer(self) -> Result<Offer, ShopError> {
        let currency = Currency::from_code(&self.currency).map_err(|source| ShopError::BadRow {
            column: "shop.currency",
            source: source.into(),
        })?;
        Ok(Offer {
            currency,
            variant: self.variant_id,
            title: self.title,
            options: joined([self.option1, self.option2, self.option3]),
            sku: self.sku,
            price: self.price,
            grams: self.grams,
            on_hand: self.on_hand,
            supply: match (self.quantity, self.sold_without_stock) {
                (None, _) => Supply::Uncounted,
                (Some(_), 0) => Supply::Stock,
                (Some(_), _) => Supply::StockThenLater,
            },
        })
    }
}
