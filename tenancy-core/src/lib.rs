//! Who is the tenant, and what may this code touch?
//!
//! The way of a request, each step in memory until the last:
//!
//! 1. [`Authority`] reads the request's host, in one way everywhere.
//! 2. A [`Resolver`] finds the tenant: all [`Evidence`] must agree, and there is no default tenant.
//! 3. [`admit`] lets it in by lifecycle and [`Membership`]. Only that makes a [`TenantContext`], and the
//!    context's type says whether it may write.
//! 4. A tenant's transaction ([`db`]) is the only door to its rows.
//!
//! With axum and feature `axum`:
//!
//! ```
//! use axum::{Router, routing::get};
//! use tenancy_core::{
//!     HostEvidence, OpenToAll, ReadOnly, Resolver, TenantContext,
//!     middleware::TenantLayer,
//!     types::{Lookup, WorkBudget},
//! };
//!
//! async fn home(tenant: TenantContext<ReadOnly>) -> String {
//!     format!("you are at tenant {}", tenant.tenant())
//! }
//!
//! fn app(routes: impl Lookup, budget: WorkBudget) -> Router {
//!     let layer = TenantLayer::new(routes, Resolver::new().with(HostEvidence), OpenToAll, move |_| budget);
//!     Router::new().route("/", get(home)).layer(layer)
//! }
//! ```

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod admission;
pub mod authority;
#[cfg(feature = "axum")]
mod axum;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub mod db;
pub mod directory;
#[cfg(feature = "hop")]
pub mod hop;
#[cfg(feature = "postgres")]
pub mod isolation;
#[cfg(any(feature = "hop", feature = "postgres"))]
pub mod keys;
mod manifest;
#[cfg(feature = "http")]
pub mod middleware;
mod principal;
pub mod protocol;
mod refusal;
pub mod resolve;
#[cfg(feature = "test-util")]
pub mod testing;
#[cfg(feature = "cli")]
mod toml_fault;

pub use access::{Access, ReadOnly, ReadWrite};
pub use admission::{Admitted, TenantContext, admit};
pub use authority::Authority;
#[cfg(feature = "http")]
pub use authority::AuthorityError;
#[cfg(feature = "cli")]
pub use manifest::ManifestFileError;
pub use manifest::{
    Manifest, ManifestError, SearchDocument, SearchFunction, SearchKind, Table, TableKind,
    TenantColumn,
};
pub use principal::{Grant, Membership, MembershipUnknown, OpenToAll, Principal};
pub use refusal::Refusal;
pub use resolve::{Evidence, Finding, HostEvidence, Resolved, Resolver, Source, SubdomainEvidence};

pub use tenancy_types as types;

#[cfg(all(doctest, feature = "portable"))]
mod misuse;

/// The README's example, so that it is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
