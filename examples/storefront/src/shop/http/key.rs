use axum::{extract::FromRequestParts, http::request::Parts};
use http::HeaderName;

use crate::shop::{ShopError, checkout::CheckoutKey};

const FIELD: HeaderName = HeaderName::from_static("idempotency-key");

/// The request's `Idempotency-Key`, which must be there: without it a program that hears no answer could not
/// ask again without buying again.
#[derive(Debug)]
pub(super) struct RequestKey(pub(super) CheckoutKey);

impl<S: Sync> FromRequestParts<S> for RequestKey {
    type Rejection = ShopError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ShopError> {
        let mut fields = parts.headers.get_all(FIELD).iter();
        let text = fields.next().and_then(|field| field.to_str().ok());
        let key = text.and_then(CheckoutKey::new);
        match (key, fields.next()) {
            (Some(key), None) => Ok(Self(key)),
            _ => Err(ShopError::invalid(
                "Idempotency-Key",
                "it must stand once, with 1 to 255 visible ASCII characters",
            )),
        }
    }
}
