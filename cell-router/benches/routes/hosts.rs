//! Names like those of a platform: most are labels below its own domain, some are the merchants' own.

use std::fmt::Write as _;

use tenancy_types::TenantId;

const WORDS: [&str; 16] = [
    "apple", "bakery", "candle", "denim", "ember", "flower", "garden", "harbor", "indigo", "jewel",
    "kitchen", "lumber", "mosaic", "nectar", "olive", "pottery",
];

/// As many hosts, by their numbers.
#[derive(Clone, Copy)]
pub(crate) struct Hosts {
    pub(crate) count: u32,
    pub(crate) tenants: u32,
}

impl Hosts {
    pub(crate) fn new(count: u32) -> Self {
        let tenants = if count > 4_000_000 { count / 5 } else { count };
        Self { count, tenants }
    }

    /// Writes the host's text.
    pub(crate) fn write(self, n: u32, text: &mut String) {
        text.clear();
        let word = |at: u32| WORDS[(n >> at) as usize % WORDS.len()];
        let written = if n % 10 < 7 {
            write!(text, "shop-{}-{n}.shops.example", word(4))
        } else {
            write!(text, "www.{}-{}-{n:x}.com", word(4), word(8))
        };
        written.expect("texts take everything");
    }

    pub(crate) fn tenant(self, n: u32) -> TenantId {
        TenantId::new(n % self.tenants + 1).expect("it is not 0")
    }
}
