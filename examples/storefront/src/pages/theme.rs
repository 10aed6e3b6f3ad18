use std::sync::LazyLock;

use tenancy_types::TenantId;

/// The style of all shops.
pub const STYLESHEET: &str = include_str!("../../assets/shop.css");

/// How many accent colours the stylesheet has.
const ACCENTS: u32 = 12;

/// The stylesheet's file name. It holds the hash of the content, so browsers may keep the file for ever.
pub fn stylesheet() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| {
        let hash = blake3::hash(STYLESHEET.as_bytes()).to_hex();
        format!("shop-{}.css", &hash[..16])
    });
    &NAME
}

/// The number of a shop's accent colour. In the stylesheet neighbouring numbers are colours far apart.
#[must_use]
pub fn accent(tenant: TenantId) -> u32 {
    tenant.get() % ACCENTS
}
