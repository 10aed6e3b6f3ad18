//! The crate's tests, one binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod table;
