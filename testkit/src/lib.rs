//! Private servers for tests: a Postgres cluster and a headless browser.
//!
//! A test must not depend on a server that somebody else started, on a fixed port, or on what the
//! last test left behind. So each server here is started by the test process for itself, in a
//! folder of its own, and is gone afterwards, however the test ends:
//!
//! - [`Postgres`]: a cluster on a Unix socket (no TCP at all), a fresh database per test.
//! - [`Browser`]: Chromium without a window, driven through WebDriver.
//!
//! Each server is the child of a *supervisor*, a shell that waits for the end of a pipe which only
//! the test process holds. Drop, panic and `kill -9` all close that pipe, and the supervisor then
//! stops the server and removes its folder. Nothing else cleans up, so there is one way to get it
//! right.
//!
//! A server that is not installed is an [`Error::Missing`] that says how to get it; no test is
//! skipped for lack of one. This crate knows none of the other crates, so all of them may use it.
#![forbid(unsafe_code)]

mod browser;
mod error;
mod postgres;
mod program;
mod server_user;
mod supervisor;
mod workspace;

pub use browser::Browser;
pub use error::Error;
pub use postgres::{Database, Postgres};

/// The README's example, so that it is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadMe;
