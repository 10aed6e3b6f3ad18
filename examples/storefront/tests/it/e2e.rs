//! The whole system as its users meet it: the real binary, real sockets, a real browser.

mod books;
mod browser;
mod buyers;
mod buying;
mod checkouts;
mod contract;
mod faults;
mod http;
mod isolation;
mod kill;
mod metrics;
mod ops_audit;
mod ops_products;
mod platform;
mod restart;
