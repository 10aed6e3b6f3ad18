use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderValue,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG},
};

use crate::{pages::Refused, shop::ShopError};

/// A page or a document of the API, with an `ETag` of its content.
///
/// Caches keep it and ask each time, so nobody sees yesterday's price.
#[derive(Debug)]
pub(super) struct Reply {
    content_type: &'static str,
    content: String,
}

impl Reply {
    pub(super) fn page(page: &impl askama::Template) -> Result<Self, ShopError> {
        Ok(Self {
            content_type: "text/html; charset=utf-8",
            content: page.render().map_err(ShopError::Render)?,
        })
    }

    pub(super) fn json(json: &impl serde::Serialize) -> Self {
        Self {
            content_type: "application/json",
            content: serde_json::to_string(json)
                .expect("texts, numbers and lists have a JSON form"),
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let hash = blake3::hash(self.content.as_bytes()).to_hex();
        let tag =
            HeaderValue::from_str(&format!("\"{}\"", &hash[..24])).expect("hex digits in quotes");
        let mut response = Response::new(Body::from(self.content));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, tag);
        response
    }
}

impl IntoResponse for ShopError {
    fn into_response(self) -> Response {
        let refused = Refused::new(&self);
        if refused.is_ours() {
            tracing::error!(
                error = &self as &dyn std::error::Error,
                "a shop could not answer"
            );
        }
        refused.into_response()
    }
}

impl IntoResponse for Refused {
    /// The answer for those who prefer nothing; `finish` knows who does.
    fn into_response(self) -> Response {
        let mut response: Response = self.answer(&http::HeaderMap::new());
        response.extensions_mut().insert(self);
        response
    }
}
