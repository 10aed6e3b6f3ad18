//! What is in a cart, as a page shows it.

use tenancy_core::{Access, db::CellTx};

use super::CartSecret;
use crate::{
    money::{Currency, Money},
    shop::{
        ShopError,
        checkout::{Basket, BasketLine},
    },
};

/// A cart as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Rises with each change of the cart.
    pub version: i64,
    /// Which version was sent to be bought and has no answer yet, as far as the cart knows.
    pub sent: Option<i64>,
    /// Its lines, in the order of the catalogue.
    pub lines: Vec<Line>,
}

/// One variant in a cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The variant.
    pub variant: i64,
    /// How many: 1 to 1,000.
    pub quantity: i64,
    /// What one cost when it was put in.
    pub price_then: Money,
    /// What the shop says of it now; `None` when it no longer sells it.
    pub offer: Option<Offer>,
}

/// A variant as the shop sells it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The product's part of the address.
    pub handle: String,
    /// The product's title.
    pub title: String,
    /// The variant's values of the product's options.
    pub options: Vec<String>,
    /// What one costs.
    pub price: Money,
    /// What one weighs, in grams.
    pub grams: i64,
    /// Whether it can be bought.
    pub available: bool,
    /// The address of a picture.
    pub image_src: Option<String>,
}

impl Contents {
    /// Whether what it holds is what was sent to be bought and has no answer yet.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        self.sent == Some(self.version)
    }

    /// What is to be paid for: the lines that the shop still sells, at the prices of now.
    #[must_use]
    pub fn basket(&self, currency: Currency) -> Basket {
        let sold = self
            .lines
            .iter()
            .filter_map(|line| line.offer.as_ref().map(|offer| (line, offer)));
        let lines = sold.map(|(line, offer)| BasketLine {
            variant: line.variant,
            unit_price: offer.price.minor(),
            quantity: line.quantity,
            grams: offer.grams,
        });
        Basket {
            currency,
            lines: lines.collect(),
        }
    }
}

/// What is in the cart that the secret opens in the transaction's shop; `None` when it opens none there.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn contents<A: Access>(
    tx: &mut CellTx<A>,
    secret: &CartSecret,
    currency: Currency,
) -> Result<Option<Contents>, ShopError> {
    let (tenant, id) = (tx.tenant().as_i64(), secret.cart_id());
    let statement = tx
        .sql("select updated_at, purchase_version from cart where tenant_id = $1 and cart_id = $2");
    let statement = statement.bind(tenant).bind(id.clone());
    let row: Option<(i64, Option<i64>)> = statement.optional().await?;
    let Some((version, sent)) = row else {
        return Ok(None);
    };
    let rows: Vec<LineRow> = tx.sql(LINES).bind(tenant).bind(id).all().await?;
    let lines = rows
        .into_iter()
        .map(|row| row.into_line(currency))
        .collect();
    Ok(Some(Contents {
        version,
        sent,
        lines,
    }))
}

const LINES: &str = "select i.variant_id, i.quantity, i.unit_price, p.handle, p.title,
        v.option1, v.option2, v.option3, v.price, v.grams, v.available,
        coalesce(v.image_src, p.image_src) as image_src
    from cart_item i
    left join product_variant v on v.tenant_id = i.tenant_id and v.variant_id = i.variant_id
    left join product p on p.tenant_id = v.tenant_id and p.product_id = v.product_id and p.listed = 1
    where i.tenant_id = $1 and i.cart_id = $2 order by i.variant_id";

/// Everything after the price is null when the variant is gone, and handle and title when it is not listed.
#[derive(sqlx::FromRow)]
struct LineRow {
    variant_id: i64,
    quantity: i64,
    unit_price: i64,
    handle: Option<String>,
    title: Option<String>,
    option1: Option<String>,
    option2: Option<String>,
    option3: Option<String>,
    price: Option<i64>,
    grams: Option<i64>,
    available: Option<i64>,
    image_src: Option<String>,
}

impl LineRow {
    fn into_line(self, currency: Currency) -> Line {
        let options = [self.option1, self.option2, self.option3];
        let named = self.handle.zip(self.title).zip(self.price);
        let offer = named.map(|((handle, title), price)| Offer {
            handle,
            title,
            options: options.into_iter().flatten().collect(),
            price: Money::new(price, currency),
            grams: self.grams.unwrap_or(0),
            available: self.available == Some(1),
            image_src: self.image_src,
        });
        Line {
            variant: self.variant_id,
            quantity: self.quantity,
            price_then: Money::new(self.unit_price, currency),
            offer,
        }
    }
}
