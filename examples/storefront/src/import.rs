//! Product import: bytes of a CSV file in, products and a report out.
//!
//! Reads the columns of Shopify's product CSV. Nothing here reads a file,
//! writes to a database or knows a tenant: the caller feeds chunks of bytes
//! from wherever they come, stores each product that comes out in a
//! transaction of its own, and tells what became of it.
//!
//! ```
//! use storefront::import::{Importer, Limits, Stored};
//! use storefront::money::Currency;
//!
//! let file = b"Handle,Title,Variant Price\nmug,Mug,12\nbowl,Bowl,cheap\n";
//! let mut importer = Importer::new(Currency::from_code("EUR")?, Limits::default());
//! for chunk in file.chunks(10) {
//!     for product in importer.feed(chunk) {
//!         assert_eq!(product.variants[0].price.to_string(), "12.00 EUR");
//!         importer.stored(Stored::Created);
//!     }
//! }
//! assert!(importer.finish().is_empty());
//! let report = importer.into_report();
//! assert_eq!((report.created, report.products_rejected), (1, 1));
//! assert_eq!(report.rejected[0].line, 3);
//! assert_eq!(report.rejected[0].column.as_deref(), Some("Variant Price"));
//! # Ok::<(), storefront::money::MoneyError>(())
//! ```
//!
//! # What is guaranteed
//!
//! - A product is returned only when all of its rows are good, and each handle
//!   at most once.
//! - Every rejected product has a finding in the report with line, character
//!   and, where one is to blame, column; unless there are more findings than
//!   the report keeps.
//! - Memory is bounded by [`Limits`], whatever the file; how the file is cut
//!   into chunks makes no difference.
//! - Equal products have equal [`ContentHash`]es, so importing a file twice
//!   can be seen to change nothing.
//!
//! # What is not
//!
//! The file is the whole truth about a product that it names: a column that it
//! lacks is empty afterwards. Products that it does not name are left alone.
//!
//! # Reading order
//!
//! `csv` (bytes to records), `columns` (the first row), `assemble` (records to
//! groups), `draft` (a group to a product), `cells` (what a cell means).

mod assemble;
mod cells;
mod columns;
mod content_hash;
mod csv;
mod draft;
mod error;
mod html;
mod importer;
mod limits;
mod product;
mod report;
mod row;
mod whole;

pub use content_hash::ContentHash;
pub use csv::{BadRow, CsvEvent, CsvFault, CsvReader, Position, Record};
pub use error::RowError;
pub use importer::Importer;
pub use limits::Limits;
pub use product::{Collection, Image, Policy, Product, Status, Variant};
pub use report::{Finding, Report, Stored};
pub use whole::{InvalidProduct, WholeImage, WholeProduct, WholeVariant};
