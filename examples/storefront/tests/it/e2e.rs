//! The whole system as its users meet it: the real binary, real sockets, a real browser.

mod books;
mod browser;
mod buyers;
mod buying;
mod cell_owners;
mod cells;
mod checkouts;
mod commands;
mod contract;
mod export;
mod faults;
mod http;
pub(crate) mod import_archive;
mod import_archive_killed;
mod isolation;
mod kill;
mod metrics;
mod mixtures;
mod offboarding;
mod ops_audit;
mod ops_orders;
mod ops_products;
mod ops_stock;
pub(crate) mod platform;
mod purge;
mod restart;
mod routes;
