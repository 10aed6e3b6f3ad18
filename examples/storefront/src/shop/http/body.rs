//! Bodies of requests: forms and JSON, read whole and bounded.

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;

use crate::{
    pages::Refused,
    shop::{ShopError, search::Given},
};

/// The most bytes of a body: a checkout of a full cart has a tenth of it.
const MOST: usize = 64 * 1024;

/// The fields of a form.
#[derive(Debug)]
pub(super) struct Form(pub(super) Given);

impl<S: Sync> FromRequest<S> for Form {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let body = read(request, "application/x-www-form-urlencoded").await?;
        let given = str::from_utf8(&body).map_err(|_| not_text());
        let given = given
            .and_then(Given::read)
            .map_err(|error| Refused::new(&error))?;
        Ok(Self(given))
    }
}

/// A JSON document.
#[derive(Debug)]
pub(super) struct Json<T>(pub(super) T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Refused;

    /// Only with the content type of JSON: that no form of another site can have.
    async fn from_request(request: Request, _: &S) -> Result<Self, Refused> {
        let body = read(request, "application/json").await?;
        let read = serde_json::from_slice(&body);
        let read = read.map_err(|error| ShopError::invalid("body", error.to_string()));
        read.map(Self).map_err(|error| Refused::new(&error))
    }
}

async fn read(request: Request, media_type: &'static str) -> Result<Bytes, Refused> {
    if !is_of(&request, media_type) {
        return Err(Refused::unsupported_media_type(media_type));
    }
    let read = axum::body::to_bytes(request.into_body(), MOST).await;
    read.map_err(|error| {
        let source = std::error::Error::source(&error);
        let error = match source {
            Some(source) if source.is::<LengthLimitError>() => {
                ShopError::BodyTooLarge { most: MOST }
            }
            _ => ShopError::invalid("body", "it could not be read to its end"),
        };
        Refused::new(&error)
    })
}

/// Whether the body has this media type, with whatever parameters (RFC 9110, section 8.3.1).
fn is_of(request: &Request, media_type: &str) -> bool {
    let field = request.headers().get(CONTENT_TYPE);
    let text = field
        .and_then(|field| field.to_str().ok())
        .unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(media_type)
}

fn not_text() -> ShopError {
    ShopError::invalid("body", "it is not text in UTF-8")
}
