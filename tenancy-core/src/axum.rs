//! Extractors for axum.
//!
//! A handler says by the type of its argument what it will do to the tenant's data, and a request for which
//! that is not possible is refused before the handler runs:
//!
//! ```
//! use tenancy_core::{ReadOnly, ReadWrite, TenantContext};
//!
//! async fn show(tenant: TenantContext<ReadOnly>) -> String {
//!     format!("you see {}", tenant.tenant())
//! }
//!
//! async fn change(tenant: TenantContext<ReadWrite>) -> String {
//!     format!("you may change {}", tenant.tenant())
//! }
//! # axum::Router::<()>::new().route("/", axum::routing::get(show).post(change));
//! ```
//!
//! Refusals look like those of the [`TenantLayer`](crate::middleware::TenantLayer) in front. On a route that
//! no such layer covers the extractor answers 500: it never makes up a tenant.

use axum::{body::Body, extract::FromRequestParts, response::Response};
use http::request::Parts;
use tenancy_types::{ProblemJson, Respond};

use crate::{Admitted, ReadOnly, ReadWrite, Refusal, TenantContext, middleware::Responder};

impl<S: Sync> FromRequestParts<S> for TenantContext<ReadOnly> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(admitted(parts)?.read_only())
    }
}

impl<S: Sync> FromRequestParts<S> for TenantContext<ReadWrite> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        admitted(parts)?
            .read_write()
            .map_err(|refusal| refused(&refusal, parts))
    }
}

#[expect(clippy::result_large_err, reason = "axum's rejections are responses")]
fn admitted(parts: &Parts) -> Result<&Admitted, Response> {
    parts
        .extensions
        .get()
        .ok_or_else(|| refused(&Refusal::NoTenantLayer, parts))
}

fn refused(refusal: &Refusal, parts: &Parts) -> Response {
    match parts.extensions.get::<Responder<Body>>() {
        Some(responder) => responder.respond(refusal, &parts.headers),
        None => ProblemJson.respond(refusal, &parts.headers),
    }
}
