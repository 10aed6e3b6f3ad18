//! How deep patterns are, so that a host asks only for those that may exist.

use crate::sync::{AtomicU64, Ordering};

/// How many labels the suffixes of patterns have: a bit for each number. A name of 253 bytes has at most 127 labels.
#[derive(Default)]
pub(super) struct Depths([AtomicU64; 2]);

impl Depths {
    fn bit(depth: usize) -> (usize, u64) {
        (depth / 64 % 2, 1 << (depth % 64))
    }

    /// Only for the one writer, and before the first pattern of this depth is published.
    pub(super) fn insert(&self, depth: usize) {
        let (word, bit) = Self::bit(depth);
        let now = self.0[word].load(Ordering::Relaxed);
        self.0[word].store(now | bit, Ordering::Relaxed);
    }

    /// Only for the one writer, and when the last pattern of this depth is gone.
    pub(super) fn remove(&self, depth: usize) {
        let (word, bit) = Self::bit(depth);
        let now = self.0[word].load(Ordering::Relaxed);
        self.0[word].store(now & !bit, Ordering::Relaxed);
    }

    /// What stands behind the `*.` of those patterns that may take this host in, the longest first.
    pub(super) fn suffixes<'a>(&self, host: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let present = [&self.0[0], &self.0[1]].map(|word| word.load(Ordering::Relaxed));
        // Without patterns, which is how most tables are, the host is not read again.
        let host = if present == [0, 0] { "" } else { host };
        let depth = labels(host);
        let suffixes = host.match_indices('.').map(|(dot, _)| &host[dot + 1..]);
        let deep = suffixes.enumerate().filter(move |(above, _)| {
            let (word, bit) = Self::bit(depth - 1 - above);
            present[word] & bit != 0
        });
        deep.map(|(_, suffix)| suffix)
    }
}

/// How many labels a name has.
pub(super) fn labels(name: &str) -> usize {
    name.bytes().filter(|byte| *byte == b'.').count() + 1
}
