use std::fmt;

use tenancy_types::{Epoch, TenantId, UnixMicros};

use crate::TableCounts;

/// What is left of a purged tenant: that it was, and that its rows were deleted. Nothing in it is personal.
///
/// Displayed it is a text of lines, the last of which is the digest of those before it:
///
/// ```text
/// tenancy purge receipt 1
/// tenant 7
/// epoch 0.7
/// began 1767225600000000
/// ended 1767225600250000
/// rows product=10 variant=20
/// blake3 2f0c…
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeReceipt {
    /// The tenant's number, which no other tenant gets.
    pub tenant: TenantId,
    /// The epoch at which it is gone.
    pub epoch: Epoch,
    /// When it was past the point of no return.
    pub began: UnixMicros,
    /// When nothing was left.
    pub ended: UnixMicros,
    /// How many rows of each table were deleted.
    pub rows: TableCounts,
}

impl PurgeReceipt {
    /// The version of the text.
    pub const FORMAT: u32 = 1;

    /// The BLAKE3 hash of the lines before it, in hexadecimal digits. It tells a receipt that was changed by
    /// accident; it is no signature.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.lines().as_bytes()).to_string()
    }

    fn lines(&self) -> String {
        let Self {
            tenant,
            epoch,
            began,
            ended,
            rows,
        } = self;
        format!(
            "tenancy purge receipt {}\ntenant {tenant}\nepoch {epoch}\nbegan {}\nended {}\nrows {rows}\n",
            Self::FORMAT,
            began.get(),
            ended.get(),
        )
    }
}

impl fmt::Display for PurgeReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}blake3 {}", self.lines(), self.digest())
    }
}
