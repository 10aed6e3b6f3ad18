use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, REFERRER_POLICY},
};

use crate::{
    pages::Refused,
    shop::{
        ShopError,
        checkout::{Answer, CheckoutError},
    },
};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A page or a document of the API.
///
/// What is the same for all visitors has an `ETag` of its content: caches keep it and ask each time, so nobody
/// sees yesterday's price. What belongs to one visitor is kept by nobody, indexed by nobody, and its address
/// is told to no other site.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    audience: Audience,
    content_type: &'static str,
    content: String,
}

/// For whom an answer is.
#[derive(Clone, Copy, Debug)]
enum Audience {
    Everybody,
    OneVisitor,
}

impl Reply {
    /// A page that is the same for all visitors.
    pub(super) fn page(page: &impl askama::Template) -> Result<Self, ShopError> {
        let content = page.render().map_err(ShopError::Render)?;
        Ok(Self {
            status: StatusCode::OK,
            audience: Audience::Everybody,
            content_type: "text/html; charset=utf-8",
            content,
        })
    }

    /// A page for one visitor.
    pub(super) fn private_page(page: &impl askama::Template) -> Result<Self, ShopError> {
        Ok(Self {
            audience: Audience::OneVisitor,
            ..Self::page(page)?
        })
    }

    /// A document that is the same for all programs.
    pub(super) fn json(json: &impl serde::Serialize) -> Self {
        Self {
            status: StatusCode::OK,
            audience: Audience::Everybody,
            content_type: "application/json",
            content: serde_json::to_string(json)
                .expect("texts, numbers and lists have a JSON form"),
        }
    }

    /// A document for one buyer.
    pub(super) fn private_json(json: &impl serde::Serialize) -> Self {
        Self {
            audience: Audience::OneVisitor,
            ..Self::json(json)
        }
    }

    /// The final answer to a checkout, word for word.
    pub(super) fn answer(answer: &Answer) -> Self {
        let status = StatusCode::from_u16(answer.status());
        Self {
            status: status.expect("answers have the statuses of kinds"),
            audience: Audience::OneVisitor,
            content_type: "application/json",
            content: answer.json(),
        }
    }

    /// The same with another status than 200.
    #[must_use]
    pub(super) fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let (kind, audience) = (self.content_type, self.audience);
        let hash = blake3::hash(self.content.as_bytes()).to_hex();
        let tag = format!("\"{}\"", &hash[..24]);
        let mut response = Response::new(Body::from(self.content));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        match audience {
            Audience::Everybody => {
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                let tag = HeaderValue::from_str(&tag).expect("hex digits in quotes");
                headers.insert(ETAG, tag);
            }
            Audience::OneVisitor => {
                let keep_nothing = HeaderValue::from_static("private, no-store");
                headers.insert(CACHE_CONTROL, keep_nothing);
                headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
                headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            }
        }
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

impl CheckoutError {
    /// Logs what somebody must know of whom no answer tells.
    pub(super) fn log(&self) {
        if let Self::PaymentUnknown(unknown) = self {
            tracing::warn!(
                error = unknown as &dyn std::error::Error,
                "the outcome of a payment is not known"
            );
        }
    }
}

impl IntoResponse for CheckoutError {
    fn into_response(self) -> Response {
        self.log();
        match self {
            Self::Shop(error) => error.into_response(),
            error => Refused::new(&error).into_response(),
        }
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
