use axum::{
    extract::{FromRequestParts, Path},
    http::request::Parts,
};

use crate::shop::ShopError;

/// The handle in an address. What cannot be one leads nowhere, like one that nothing has.
#[derive(Debug)]
pub(super) struct Handle(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Handle {
    type Rejection = ShopError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ShopError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        match path {
            Ok(Path(handle)) if is_handle(&handle) => Ok(Self(handle)),
            _ => Err(ShopError::NotFound { what: "page" }),
        }
    }
}

fn is_handle(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
