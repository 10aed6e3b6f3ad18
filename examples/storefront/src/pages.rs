//! The shops' pages: what they show, and how refusals look.
//!
//! Templates are rendered on the server; everything works without a script. A page is made from values that
//! were read before, so nothing here touches a database.

mod card;
mod cart;
mod date;
mod frame;
mod home;
mod listing;
mod order;
mod product;
mod respond;
mod sums;
mod theme;

pub use card::{Card, Picture};
pub use cart::CartPage;
pub use date::rfc3339;
pub use frame::{Frame, Link};
pub use home::HomePage;
pub use listing::{ListingPage, search_heading};
pub use order::{OrderPage, masked};
pub use product::ProductPage;
pub use respond::{Answer, Refused};
pub use sums::Sums;
pub use theme::{STYLESHEET, accent, stylesheet};
