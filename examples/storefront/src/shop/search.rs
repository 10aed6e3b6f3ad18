//! Search and filtered listings, with facets.
//!
//! All words must be there, in title, vendor, type or tags; the last one may be the beginning of a word.
//! Results are ranked by the field that has the words (title 8, vendor and type 4, tags 2, summed over the
//! words), then by title. Facets count the products of the current result, all filters applied.
//!
//! Everything is tables and equality ([`words`]), so it runs on every cell's database, moves with the tenant
//! and is covered by its isolation. Cost: linear in the products that match.

mod cursor;
mod facets;
mod given;
mod index;
mod listing;
mod price;
mod query;
mod sql;
pub mod words;

pub use cursor::Cursor;
pub use facets::{Facets, PriceRange, Value};
pub use given::Given;
pub use index::weighted_words;
pub use listing::{Listing, Scope};
pub use query::{Availability, Query, Sort, decimal};
pub use words::Words;
