//! The shops' pages: what they show, and how refusals look.
//!
//! Templates are rendered on the server; everything works without a script. A page is made from values that
//! were read before, so nothing here touches a database.

mod card;
mod frame;
mod home;
mod listing;
mod product;
mod respond;
mod theme;

pub use card::{Card, Picture};
pub use frame::{Frame, Link};
pub use home::HomePage;
pub use listing::{ListingPage, search_heading};
pub use product::ProductPage;
pub use respond::{Answer, Refused};
pub use theme::{STYLESHEET, accent, stylesheet};
