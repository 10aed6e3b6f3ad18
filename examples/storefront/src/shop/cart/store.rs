//! Carts in the cell's tables.

use tenancy_core::{ReadWrite, db::CellTx};
use tenancy_types::{TenantId, UnixMicros};

use super::{CartError, CartSecret, Change};
use crate::shop::{ShopError, checkout::CheckoutKey};

/// How long a cart is kept after its last change, in seconds: 30 days.
pub const KEPT_SECONDS: i64 = 30 * 24 * 3_600;

/// What a visitor wants of one variant in the cart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The variant.
    pub variant: i64,
    /// What shall become of its line.
    pub change: Change,
}

/// Changes a line of the cart that the secret opens, or of a new one when it opens none, and returns the
/// secret of the cart that was changed. A line that gets more takes the price of now.
///
/// A secret that this shop does not know is never taken over: who plants one in a browser would share the cart.
///
/// # Errors
/// [`ShopError::Cart`] beyond the limits and for a variant that the shop does not list,
/// [`ShopError::Database`]; nothing must be committed then.
pub async fn change(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: Option<&CartSecret>,
    edit: Edit,
) -> Result<CartSecret, ShopError> {
    let (secret, version) = open(tx, now, secret).await?;
    let mut cart = Cart {
        id: secret.cart_id(),
        version,
        tx,
    };
    let held = cart.held(edit.variant).await?;
    let after = edit.change.apply(cart.lines().await?, held)?;
    if after == 0 {
        cart.remove(edit.variant).await?;
    } else {
        let price = cart.price(edit.variant).await?;
        cart.put(edit.variant, after, price).await?;
    }
    Ok(secret)
}

/// An attempt to buy what a cart held when it had this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purchase {
    /// The key under which it is bought.
    pub key: CheckoutKey,
    /// The version.
    pub version: i64,
}

impl Purchase {
    /// The attempt to buy what the secret's cart held at this shop when it had this version.
    #[must_use]
    pub fn of(secret: &CartSecret, tenant: TenantId, version: i64) -> Self {
        Self {
            key: secret.purchase_key(tenant, version),
            version,
        }
    }
}

/// Notes in the cart that it is being bought, unless another purchase of it is not finished: then that one is
/// returned, which must come to its end first. Otherwise the same things could be paid for twice, under two
/// keys. Nothing is noted when there is no such cart.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn note(
    tx: &mut CellTx<ReadWrite>,
    secret: &CartSecret,
    purchase: &Purchase,
) -> Result<Option<Purchase>, ShopError> {
    let statement = "update cart set purchase_key = coalesce(purchase_key, $3),
            purchase_version = coalesce(purchase_version, $4)
        where tenant_id = $1 and cart_id = $2 returning purchase_key, purchase_version";
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(statement).bind(tenant).bind(secret.cart_id());
    let statement = statement.bind(purchase.key.as_str().to_owned());
    let row: Option<(String, i64)> = statement.bind(purchase.version).optional().await?;
    let noted = row.map(|(key, version)| Purchase {
        key: CheckoutKey::stored(key),
        version,
    });
    Ok(noted.filter(|noted| noted.key != purchase.key))
}

/// Takes out what the cart held when this purchase was sent, because an order has taken it. What was put in or
/// changed since stays. Does nothing to a cart that has not noted this purchase, or has finished it.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn take_out(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: &CartSecret,
    purchase: &Purchase,
) -> Result<(), ShopError> {
    if !finish(tx, now, secret, purchase).await? {
        return Ok(());
    }
    let statement =
        "delete from cart_item where tenant_id = $1 and cart_id = $2 and added_at <= $3";
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(statement).bind(tenant).bind(secret.cart_id());
    statement.bind(purchase.version).run().await?;
    Ok(())
}

/// Gives the cart a new version, so that what is sent from its next page is a new attempt to buy. Does nothing
/// to a cart that has not noted this purchase, or has finished it.
///
/// # Errors
/// [`ShopError::Database`].
pub async fn renew(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: &CartSecret,
    purchase: &Purchase,
) -> Result<(), ShopError> {
    finish(tx, now, secret, purchase).await.map(drop)
}

/// Ends the purchase that the cart has noted, and raises the cart's version. `false` when it has not noted it.
async fn finish(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: &CartSecret,
    purchase: &Purchase,
) -> Result<bool, ShopError> {
    let statement =
        "update cart set updated_at = case when updated_at < $3 then $3 else updated_at + 1 end,
            purchase_key = null, purchase_version = null
        where tenant_id = $1 and cart_id = $2 and purchase_key = $4";
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(statement).bind(tenant).bind(secret.cart_id());
    let statement = statement.bind(now.get());
    let finished = statement.bind(purchase.key.as_str().to_owned()).run();
    Ok(finished.await? == 1)
}

/// The cart of the secret, with its new version; a new cart when there is none.
async fn open(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: Option<&CartSecret>,
) -> Result<(CartSecret, i64), ShopError> {
    if let Some(secret) = secret
        && let Some(version) = touch(tx, now, secret).await?
    {
        return Ok((secret.clone(), version));
    }
    let secret = CartSecret::random();
    let statement =
        "insert into cart (tenant_id, cart_id, created_at, updated_at) values ($1, $2, $3, $3)";
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(statement).bind(tenant).bind(secret.cart_id());
    statement.bind(now.get()).run().await?;
    Ok((secret, now.get()))
}

/// Raises the cart's version, whatever the clock does, and so locks its row: changes of one cart wait for each
/// other. `None` when there is no such cart.
async fn touch(
    tx: &mut CellTx<ReadWrite>,
    now: UnixMicros,
    secret: &CartSecret,
) -> Result<Option<i64>, ShopError> {
    let statement =
        "update cart set updated_at = case when updated_at < $3 then $3 else updated_at + 1 end
        where tenant_id = $1 and cart_id = $2 returning updated_at";
    let tenant = tx.tenant().as_i64();
    let statement = tx.sql(statement).bind(tenant).bind(secret.cart_id());
    let row: Option<(i64,)> = statement.bind(now.get()).optional().await?;
    Ok(row.map(|(version,)| version))
}

/// A cart whose row this transaction has locked.
struct Cart<'a> {
    tx: &'a mut CellTx<ReadWrite>,
    id: String,
    version: i64,
}

impl Cart<'_> {
    async fn lines(&mut self) -> Result<usize, ShopError> {
        let statement = "select count(*) from cart_item where tenant_id = $1 and cart_id = $2";
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(statement).bind(tenant);
        let (lines,): (i64,) = statement.bind(self.id.clone()).one().await?;
        Ok(usize::try_from(lines).expect("a count is not negative"))
    }

    async fn held(&mut self, variant: i64) -> Result<i64, ShopError> {
        let statement = "select quantity from cart_item
            where tenant_id = $1 and cart_id = $2 and variant_id = $3";
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(statement).bind(tenant).bind(self.id.clone());
        let row: Option<(i64,)> = statement.bind(variant).optional().await?;
        Ok(row.map_or(0, |(quantity,)| quantity))
    }

    /// The price of a variant that the shop lists.
    async fn price(&mut self, variant: i64) -> Result<i64, ShopError> {
        let statement = "select v.price from product_variant v
            join product p on p.tenant_id = v.tenant_id and p.product_id = v.product_id
            where v.tenant_id = $1 and v.variant_id = $2 and p.tenant_id = $1 and p.listed = 1";
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(statement).bind(tenant).bind(variant);
        let row: Option<(i64,)> = statement.optional().await?;
        let (price,) = row.ok_or(CartError::UnknownVariant { variant })?;
        Ok(price)
    }

    async fn put(&mut self, variant: i64, quantity: i64, price: i64) -> Result<(), ShopError> {
        let statement =
            "insert into cart_item (tenant_id, cart_id, variant_id, quantity, unit_price, added_at)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (tenant_id, cart_id, variant_id) do update set quantity = excluded.quantity,
                unit_price = excluded.unit_price, added_at = excluded.added_at";
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(statement).bind(tenant).bind(self.id.clone());
        let statement = statement.bind(variant).bind(quantity).bind(price);
        statement.bind(self.version).run().await?;
        Ok(())
    }

    async fn remove(&mut self, variant: i64) -> Result<(), ShopError> {
        let statement =
            "delete from cart_item where tenant_id = $1 and cart_id = $2 and variant_id = $3";
        let tenant = self.tx.tenant().as_i64();
        let statement = self.tx.sql(statement).bind(tenant).bind(self.id.clone());
        statement.bind(variant).run().await?;
        Ok(())
    }
}
