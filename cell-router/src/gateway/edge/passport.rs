use http::HeaderValue;

use crate::gateway::Pseudonym;

/// What the edge leaves in a request's extensions for the proxy: that it was there, and what it took off the request.
#[derive(Clone, Debug)]
pub(in crate::gateway) struct Passport {
    /// The protocol that the client wants to change to.
    pub(in crate::gateway) upgrade: Option<HeaderValue>,
    /// The name of this gateway in the answer's `Via`.
    pub(in crate::gateway) via: Pseudonym,
}
