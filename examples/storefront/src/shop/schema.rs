//! The tables of the shops in a cell.
//!
//! One text for both databases. Every table but `cell_owner` belongs to a tenant: its primary key starts with `tenant_id`, and
//! so do the keys that refer to it, because a foreign key without the tenant would accept another shop's row.
//! Numbers are `bigint` (0 and 1 for no and yes), money is in minor units of the shop's currency, times are
//! microseconds since 1970 UTC.

mod catalogue;
mod owner;
mod selling;

use tenancy_core::{Manifest, Table};
use tenancy_migrate::Schema;

/// A version of the tables: what it is called, and the statements that lead to it from the one before.
#[derive(Clone, Copy, Debug)]
pub struct Version {
    /// Its name; versions apply in the order of [`VERSIONS`].
    pub name: &'static str,
    /// Statements of the common subset of SQLite and Postgres, each on its own.
    pub statements: &'static [&'static str],
}

/// The number of the newest version.
///
/// # Panics
/// Never: there are few versions.
#[must_use]
pub fn newest() -> u32 {
    u32::try_from(VERSIONS.len()).expect("there are few versions")
}

/// All versions, oldest first. One that has been released never changes.
pub const VERSIONS: &[Version] = &[
    Version {
        name: "0001-catalogue",
        statements: catalogue::STATEMENTS,
    },
    Version {
        name: "0002-selling",
        statements: selling::STATEMENTS,
    },
    Version {
        name: "0003-owner",
        statements: owner::STATEMENTS,
    },
];

/// The versions, to be applied.
///
/// # Panics
/// Never: the versions are constant, numbered in order and named.
#[must_use]
pub fn migrations() -> Schema {
    let versions = (1..).zip(VERSIONS);
    let versions = versions.map(|(number, version)| {
        tenancy_migrate::Version::new(number, version.name, version.statements.join(";\n"))
    });
    Schema::new(versions).expect("the versions are numbered in order and named")
}

/// The tables, for isolation, moves, exports and purges.
///
/// # Panics
/// Never: the declarations are constant and a test makes them.
#[must_use]
pub fn manifest() -> Manifest {
    Manifest::new([
        Table::tenant("shop", []),
        Table::tenant("product", ["product_id"]),
        Table::tenant("product_option", ["product_id", "position"]).parent("product"),
        Table::tenant("product_variant", ["variant_id"]).parent("product"),
        Table::tenant("product_image", ["product_id", "position"]).parent("product"),
        Table::tenant("product_tag", ["product_id", "tag"]).parent("product"),
        Table::tenant("collection", ["collection_id"]),
        Table::tenant("collection_product", ["collection_id", "product_id"])
            .parent("collection")
            .parent("product"),
        Table::tenant("search_word", ["word", "product_id"]).parent("product"),
        Table::tenant("stock", ["variant_id"]),
        Table::tenant("stock_event", ["variant_id", "seq"]).parent("stock"),
        Table::tenant("shop_order", ["order_id"]),
        Table::tenant("order_line", ["order_id", "position"]).parent("shop_order"),
        Table::tenant("order_refund", ["refund_id"]).parent("shop_order"),
        Table::tenant("checkout_key", ["key"]),
        Table::tenant("cart", ["cart_id"]),
        Table::tenant("cart_item", ["cart_id", "variant_id"]).parent("cart"),
        Table::control_plane("cell_owner"),
    ])
    .expect("the declarations are constant and valid")
}
