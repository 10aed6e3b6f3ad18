//! What the catalogue says of stock: whether a variant, and a product, can be bought now.

use std::collections::BTreeSet;

use tenancy_core::{ReadWrite, db::CellTx};

use crate::shop::ShopError;

/// Brings the flags of these variants' products to what the stock says.
///
/// Stock is changed before, always: whoever holds a product waits for no stock.
pub(super) async fn follow_variants(
    tx: &mut CellTx<ReadWrite>,
    variants: &[i64],
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    let mut products = BTreeSet::new();
    for &variant in variants {
        let statement = tx.sql(PRODUCT_OF).bind(tenant).bind(variant);
        let product: Option<(i64,)> = statement.optional().await?;
        products.extend(product.map(|(id,)| id));
    }
    for product in products {
        // Two buyers of the last pieces of two variants: the second one waits here, and then sees what the
        // first one did.
        tx.sql(LOCK).bind(tenant).bind(product).run().await?;
        follow_product(tx, product).await?;
    }
    Ok(())
}

/// The same for one product that this transaction has written already.
///
/// # Errors
/// [`ShopError::Database`].
pub(in crate::shop) async fn follow_product(
    tx: &mut CellTx<ReadWrite>,
    product: i64,
) -> Result<(), ShopError> {
    let tenant = tx.tenant().as_i64();
    for sql in [VARIANTS, PRODUCT] {
        tx.sql(sql).bind(tenant).bind(product).run().await?;
    }
    Ok(())
}

const PRODUCT_OF: &str =
    "select product_id from product_variant where tenant_id = $1 and variant_id = $2";

const LOCK: &str =
    "update product set available = available where tenant_id = $1 and product_id = $2";

const VARIANTS: &str = "update product_variant set available =
        case when sold_without_stock = 1 or quantity is null or exists (
            select 1 from stock s where s.tenant_id = $1 and s.variant_id = product_variant.variant_id
                and s.on_hand > 0)
        then 1 else 0 end
    where tenant_id = $1 and product_id = $2";

const PRODUCT: &str = "update product set available = (
        select coalesce(max(v.available), 0) from product_variant v
        where v.tenant_id = $1 and v.product_id = $2)
    where tenant_id = $1 and product_id = $2";
