//! A hosted-shop platform on the Tenancy crates: the reference application.

#![forbid(unsafe_code)]

pub mod import;
pub mod money;
