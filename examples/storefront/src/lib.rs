//! A hosted-shop platform on the Tenancy crates: the reference application, and the only place where all of
//! them meet.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`shop`], [`pages`] | what runs inside a cell: catalogue, search, pages, import |
//! | [`import`], [`money`] | product files and amounts, as values |
//! | [`front`] | sockets, TLS, load balancers, and restarts without loss |
//! | [`gateway`] | the way of a visitor's request to its cell |
//! | [`ops`] | the operators' API |
//! | [`platform`] | directory, routes, limits, cells, and what is done to shops |
//! | [`cluster`] | how processes of one platform find and believe each other |
//! | [`postgres`] | cells in Postgres: made, opened, audited, and started |
//! | [`serve`], [`telemetry`], [`demo`], [`config`] | one process of it all |
//! | [`cli`] | the command line |

#![forbid(unsafe_code)]

pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod front;
pub mod gateway;
pub mod import;
pub mod money;
pub mod ops;
pub mod pages;
pub mod platform;
pub mod postgres;
mod random;
pub mod serve;
pub mod shop;
pub mod telemetry;
