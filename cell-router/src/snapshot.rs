//! A directory's facts in files and on the wire: what a table is filled from when the directory cannot be asked.
//!
//! A *base* holds the facts of one [`Position`](tenancy_types::Position); *logs* hold the entries behind it, one log
//! for each run of the process. Facts, not an image of a table: a file outlives the table's layout and hash keys, and
//! whoever observes facts, such as a limiter that learns plans, hears them from a file as from the directory.
//!
//! # Format
//! Version 1, little-endian. A reader of version N also reads N - 1.
//!
//! ```text
//! header  magic 8 | version u16 | kind u8 (1 base, 2 log) | 0 | incarnation u16 | 0 u16
//!         | directory u128 | revision u64 | crc u32
//! block   length u32 (1 ..= 65536) | crc u32 | records
//! end     0 u32 | crc u32 | facts u64 | tenants u64 | names u64        (of a base only)
//! ```
//!
//! Each checksum is the CRC-32C (RFC 3385 compares it with others) of everything since the file began, checksums left
//! out: a block that is missing, repeated, or of another file does not fit. Records do not cross blocks. A base without
//! its end is none. A log has no end: where a block does not fit, it ends, and whatever is behind is dropped.
//!
//! ```text
//! record  0 tenant varint, revision varint    whom the following records of the block are about
//!         1 placement u64                     2 plan index varint, and when it is new in this block: its name
//!         3 slug added    4 domain added    5 slug removed    6 domain removed        names: length u8, text
//! ```
//!
//! No length is believed before it is checked: a reader holds one block, whatever a file says, and what the logs change,
//! of which it reads at most 24 MiB.

mod damage;
mod guards;

#[cfg(feature = "peer")]
mod assembler;
#[cfg(feature = "tokio")]
mod base;
#[cfg(feature = "tokio")]
mod disk;
#[cfg(feature = "tokio")]
mod folder;
#[cfg(feature = "tokio")]
mod format;
#[cfg(feature = "tokio")]
mod frames;
#[cfg(feature = "tokio")]
mod keeper;
#[cfg(feature = "tokio")]
mod load;
#[cfg(feature = "tokio")]
mod overlay;
#[cfg(feature = "tokio")]
mod record;
#[cfg(feature = "tokio")]
mod scan;
#[cfg(feature = "tokio")]
mod size;
#[cfg(feature = "tokio")]
mod writer;

pub use damage::Damage;
#[cfg(feature = "tokio")]
pub use folder::SnapshotFolder;
pub use guards::{Guards, Refusal};

#[cfg(feature = "peer")]
pub(crate) use {assembler::Assembler, frames::Frames};
#[cfg(feature = "tokio")]
pub(crate) use {
    disk::{Disk, RealDisk},
    keeper::{Chain, Keeper, LOOK},
    load::Skipped,
    size::Totals,
};

#[cfg(all(test, feature = "tokio"))]
pub(crate) mod tests;
