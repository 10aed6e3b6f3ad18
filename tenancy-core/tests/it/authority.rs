//! The authority parser: a corpus of real and hostile hosts, and laws that hold
//! for any text. The fuzz target checks the same laws.

mod corpus;
mod laws;
#[cfg(feature = "http")]
mod proxies;
#[cfg(feature = "http")]
mod request;
#[cfg(feature = "http")]
mod request_laws;
mod text;
