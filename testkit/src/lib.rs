//! Private servers for tests: Postgres with replicas and a pooler, Redis, a faulty line, a browser.
//!
//! A test must not depend on a server that somebody else started, on a fixed port, or on what the
//! last test left behind. So each server here is started by the test process for itself, in a
//! folder of its own, and is gone afterwards, however the test ends:
//!
//! - [`Postgres`]: a cluster on a Unix socket (no TCP at all), a fresh database per test, empty or copied
//!   from a [`Template`]; it can be crashed, stopped and started again.
//! - [`Replica`]: follows a cluster by streaming, can lag, can be promoted.
//! - [`PgBouncer`]: a pooler in transaction mode in front of a cluster.
//! - [`Redis`]: on a Unix socket, without persistence.
//! - [`Proxy`]: a port in front of any of these that delays, hangs, refuses or cuts connections.
//! - `Browser` (feature `browser`): Chromium without a window, driven through WebDriver.
//!
//! Each server is the child of a *supervisor*, a shell that reads a pipe which only the test process
//! holds, and takes its orders from there. Drop, panic and `kill -9` all close that pipe, and the
//! supervisor then stops the server and removes its folder. Nothing else cleans up, so there is one way
//! to get it right. The proxy is a thread of the test process and ends with it.
//!
//! A server that is not installed is an [`Error::Missing`] that says how to get it; no test is
//! skipped for lack of one. This crate knows none of the other crates, so all of them may use it.
#![forbid(unsafe_code)]

mod address;
#[cfg(feature = "browser")]
mod browser;
mod error;
mod pgbouncer;
mod postgres;
mod program;
mod proxy;
mod redis;
mod server;
mod server_user;
mod supervisor;
mod workspace;

pub use address::Address;
#[cfg(feature = "browser")]
pub use browser::Browser;
pub use error::Error;
pub use pgbouncer::PgBouncer;
pub use postgres::{Database, Postgres, Replica, Template};
pub use proxy::{Direction, Proxy};
pub use redis::Redis;

/// The README's example, so that it is compiled.
#[cfg(all(doctest, feature = "browser"))]
#[doc = include_str!("../README.md")]
struct ReadMe;
