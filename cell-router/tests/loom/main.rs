//! The fast table's own code in every interleaving that loom can think of, with memory as weak as Rust allows.
//!
//! The modules under test are compiled a second time here, with the doubles of [`sync`] in place of what they share
//! between threads. So these are tests like others: no flags, no second build of everything.
//!
//! ```sh
//! cargo test -p tenancy-cell-router --test loom
//! ```
//!
//! Loom knows neither `OnceLock` nor arc-swap: the swap of generations and the making of pages are behind loom's locks
//! here (what these two promise is theirs to prove). Everything else is the product's: the stores and loads of lines,
//! what a writer notes while another thread copies, and how a copy is taken over.
#![expect(
    clippy::unwrap_used,
    dead_code,
    reason = "a test panics where it goes wrong; the modules have more than is tested here"
)]

mod sync;

#[path = "../../src/table/line_table/books.rs"]
mod books;
#[path = "../../src/table/line_table/depths.rs"]
mod depths;
#[path = "../../src/table/line_table/fingerprint.rs"]
mod fingerprint;
#[path = "../../src/table/line_table/generation.rs"]
mod generation;
#[path = "../../src/table/line_table/line.rs"]
mod line;
#[path = "../../src/table/line_table/lines.rs"]
mod lines;
#[path = "../../src/table/line_table/rebuild.rs"]
mod rebuild;
#[path = "../../src/table/line_table/shared.rs"]
mod shared;

mod one_line;
mod whole_table;

use tenancy_cell_router::{Applied, TableSize};
