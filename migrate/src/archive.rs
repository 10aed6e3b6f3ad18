//! All rows of one tenant in one file, to be kept or to be loaded into any cell of either database.
//!
//! # Format, version 1
//!
//! A tar file of these entries in this order, and no other:
//!
//! | entry | content |
//! | --- | --- |
//! | `manifest.json` | below |
//! | `manifest.blake3` | the BLAKE3 hash of `manifest.json`, 64 hexadecimal digits and a line feed |
//! | `tables/NAME.jsonl` | a table's rows, for each table in the manifest's order, parents first |
//!
//! A line of a table is a JSON object with a value for each of its columns, in their order, of at most 8 MiB. A
//! number with a fraction or an exponent is a float and any other an integer of 64 bits; floats survive exactly,
//! but for a zero with a sign, which becomes one without. The column
//! that names the tenant is left out: whoever loads the rows becomes their tenant.
//!
//! ```json
//! {
//!   "format": 1,
//!   "exported_at": 1767225600000000,
//!   "tenant_id": 7,
//!   "cell": 1,
//!   "epoch": "0.2",
//!   "schema_version": 2,
//!   "about": {"slug": "garden"},
//!   "tables": [{"name": "product", "columns": ["id", "title"], "rows": 2, "bytes": 51, "blake3": "…"}]
//! }
//! ```
//!
//! `exported_at` is in microseconds since 1970, and `about` is the application's. The checksums tell a file
//! that was damaged from one that was not. They are no signatures: who can write the file can write them.

mod clip;
mod error;
mod export;
mod fingerprint;
mod load;
mod manifest;
mod open;
mod row;
mod spool;
mod table;

pub use error::{ArchiveError, Flaw};
pub use export::{Export, ExportedArchive, export};
pub use manifest::{ArchiveManifest, ArchivedTable};
pub use open::Archive;

/// The version of the format that is written, and the only one that is read.
const FORMAT: u32 = 1;

/// The names of the first two entries.
const MANIFEST: &str = "manifest.json";
const CHECKSUM: &str = "manifest.blake3";

/// A manifest is some hundred bytes for each table.
const MAX_MANIFEST: u64 = 4 << 20;

/// The longest line of a table, in bytes. One row is in memory as a whole, several times.
const MAX_LINE: usize = 8 << 20;

/// How many rows are read or written at once, at most.
const BATCH: std::num::NonZeroU32 = std::num::NonZeroU32::new(500).expect("it is not 0");

/// No row is added to a batch that has as many bytes of lines: so it has at most these and those of one line.
const BATCH_BYTES: u64 = 4 << 20;

/// Runs work on files where it keeps nobody else waiting. When the future is dropped, the work goes on to its
/// end and its result is dropped.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down, and whoever waits here is dropped with it.
            Err(_) => std::future::pending().await,
        },
    }
}

/// The name of a table's entry.
fn entry_of(table: &str) -> Box<str> {
    format!("tables/{table}.jsonl").into()
}
