//! One number that stands for a whole product.

use std::fmt;

use super::product::{Collection, Image, Policy, Product, Status, Variant};
use crate::money::Money;

/// The first bytes hashed. Another way of writing products down needs another
/// version, or old and new hashes could meet.
const FORMAT: &str = "storefront product 1";

/// BLAKE3 over a product's canonical form: every text and list with its length
/// before it, every number as 64 bits little endian. Equal products have equal
/// hashes, on every machine and in every version that writes the same format.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ContentHash([u8; 32]);

/// Every struct below is taken apart without `..`, so that a new field cannot
/// be forgotten here.
struct Canonical(blake3::Hasher);

impl ContentHash {
    pub(super) fn of(product: &Product) -> Self {
        let mut canonical = Canonical(blake3::Hasher::new());
        canonical.text(FORMAT);
        canonical.product(product);
        Self(*canonical.0.finalize().as_bytes())
    }

    /// The hash from its stored bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Canonical {
    fn product(&mut self, product: &Product) {
        let Product {
            handle,
            title,
            body_html,
            vendor,
            product_type,
            category,
            tags,
            collections,
            published,
            status,
            seo_title,
            seo_description,
            options,
            variants,
            images,
        } = product;
        for text in [handle, title, body_html, vendor, product_type, category] {
            self.text(text);
        }
        self.list(tags, |it, tag| it.text(tag));
        self.list(collections, Self::collection);
        self.number(u64::from(*published));
        self.number(match status {
            Status::Active => 0,
            Status::Draft => 1,
            Status::Archived => 2,
        });
        self.text(seo_title);
        self.text(seo_description);
        self.list(options, |it, name| it.text(name));
        self.list(variants, Self::variant);
        self.list(images, Self::image);
    }

    fn variant(&mut self, variant: &Variant) {
        let Variant {
            options,
            sku,
            price,
            compare_at,
            grams,
            barcode,
            quantity,
            policy,
            image,
        } = variant;
        self.list(options, |it, value| it.text(value));
        self.text(sku);
        self.money(price);
        self.list(compare_at.as_slice(), Self::money);
        self.number(u64::from(*grams));
        self.text(barcode);
        self.list(quantity.as_slice(), |it, count| {
            it.number(u64::from(*count));
        });
        self.number(match policy {
            Policy::Deny => 0,
            Policy::Continue => 1,
        });
        self.list(image.as_slice(), |it, src| it.text(src));
    }

    fn collection(&mut self, Collection { handle, title }: &Collection) {
        self.text(handle);
        self.text(title);
    }

    fn image(&mut self, Image { src, alt }: &Image) {
        self.text(src);
        self.text(alt);
    }

    fn money(&mut self, money: &Money) {
        self.number(money.minor().cast_unsigned());
        self.text(money.currency().code());
    }

    fn list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.number(items.len() as u64);
        for item in items {
            each(self, item);
        }
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}
