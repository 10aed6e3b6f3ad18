//! The crate's tests, one module per feature.
#![expect(clippy::unwrap_used, reason = "a test panics where it goes wrong")]

#[cfg(all(feature = "core", feature = "tokio"))]
mod directory;
#[cfg(feature = "layer")]
mod flood;
#[cfg(feature = "tokio")]
mod follower;
#[cfg(feature = "tokio")]
mod follower_dropped;
#[cfg(feature = "tokio")]
mod follower_files;
#[cfg(feature = "tokio")]
mod follower_frozen;
#[cfg(feature = "tokio")]
mod follower_killed;
#[cfg(feature = "tokio")]
mod follower_process;
#[cfg(feature = "tokio")]
mod follower_repair;
#[cfg(feature = "tokio")]
mod follower_world;
#[cfg(feature = "gateway")]
mod gateway;
#[cfg(feature = "parking")]
mod parking;
#[cfg(feature = "peer")]
mod peers;
#[cfg(feature = "layer")]
mod route;
#[cfg(all(feature = "stale", feature = "parking"))]
mod stale;
mod table;
mod table_lines;
mod table_readers;
mod table_world;
mod transport;
#[cfg(feature = "tokio")]
mod unknown;
