//! What a gateway tells a cell of a request, so that the cell can believe it.
//!
//! The gateway has found out which tenant a request is for. It tells the cell in one header field, [`HEADER`], that only a
//! holder of the platform's key can make: the tenant and where it lives, at which epoch, and when that was said. A cell that
//! takes requests from a [`HopVerifyLayer`] takes no tenant from anywhere else.
//!
//! - The gateway's [`HopSignLayer`] removes what a client sent under that name, however often, before it adds its own.
//! - A token is made once for a tenant and second, and kept: a request of a busy tenant costs a look into memory.
//! - It is short-lived, and for one cell. Whoever gets hold of one can say to that cell, for half a minute, what any visitor of
//!   that tenant can make the gateway say. It grants nothing beyond that: who the visitor is, is proven in the cell.
//! - The cell looks at the tenant's fence all the same: a token says what the gateway believes, not who owns the tenant.
//!
//! # Form
//! Base64 (RFC 4648, section 5, without padding) of: the version, 1; the length of the key's id and the id; the tenant (4
//! bytes), its [`Placement`](crate::types::Placement) as a word (8), the second since 1970 in which it was made (4), all
//! big-endian; and 16 bytes of HMAC-SHA256 over all before it.

mod claim;
mod layer;
mod refused;
mod service;
mod signer;
mod token;
mod verifier;

use http::HeaderName;

pub use claim::HopClaim;
pub use layer::{HopSignLayer, HopVerifyLayer};
pub use refused::HopRefused;
pub use service::{HopSign, HopVerify};
pub use signer::HopSigner;
pub use verifier::HopVerifier;

/// The header field of the token.
pub const HEADER: HeaderName = HeaderName::from_static("tenancy-hop");
