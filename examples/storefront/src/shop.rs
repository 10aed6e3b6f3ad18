//! A shop: its catalogue, search, pages and product import, all inside one cell.
//!
//! - [`Cell`] is the handle that everything takes, [`router`] the shops' addresses.
//! - [`catalog`] and [`search`] read, [`store`] writes, [`import`] feeds it from a product file.
//! - [`checkout`] sells: [`inventory`], [`order`] and [`payment`] are what it is made of.
//! - [`schema`] has the tables, once for all databases.
//!
//! Each function takes a transaction of one tenant, and each statement names the tenant as well: the
//! database's isolation is the guard, not the habit.

pub mod cart;
pub mod catalog;
mod cell;
pub mod checkout;
mod error;
mod http;
mod ids;
mod importing;
pub mod inventory;
pub mod order;
pub mod payment;
pub mod products;
pub mod schema;
pub mod search;
pub mod store;

pub use catalog::{CollectionCard, Product, ProductCard, Shop, Variant};
pub use cell::Cell;
pub use error::ShopError;
pub(crate) use http::finish;
pub use http::router;
pub use ids::Ids;
pub use importing::{ImportError, ImportMode, import};
