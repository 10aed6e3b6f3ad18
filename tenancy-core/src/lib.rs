//! Who is the tenant, and what may this code touch?

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod admission;
pub mod authority;
mod principal;
mod refusal;
pub mod resolve;

pub use access::{Access, ReadOnly, ReadWrite};
pub use admission::{Admitted, TenantContext, admit};
pub use authority::Authority;
#[cfg(feature = "http")]
pub use authority::AuthorityError;
pub use principal::{Grant, Membership, MembershipUnknown, OpenToAll, Principal};
pub use refusal::Refusal;
pub use resolve::{Evidence, Finding, HostEvidence, Resolved, Resolver, Source, SubdomainEvidence};

pub use tenancy_types as types;
