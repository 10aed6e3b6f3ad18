//! How deep patterns are, so that a host asks only for those that may exist, and whether they change.

use crate::sync::{AtomicU64, Ordering};

/// How many labels the suffixes of patterns have, and how often patterns were changed.
#[derive(Default)]
pub(super) struct Depths {
    /// A bit for each number of labels. A name of 253 bytes has at most 127 labels.
    present: [AtomicU64; 2],
    /// How many changes of patterns were begun.
    begun: AtomicU64,
}

impl Depths {
    fn bit(depth: usize) -> (usize, u64) {
        (depth / 64 % 2, 1 << (depth % 64))
    }

    /// The same for other lines, which change apart from these.
    pub(super) fn copied(&self) -> Self {
        let copy = |word: &AtomicU64| AtomicU64::new(word.load(Ordering::Relaxed));
        Self {
            present: [copy(&self.present[0]), copy(&self.present[1])],
            begun: copy(&self.begun),
        }
    }

    /// Only for the one writer, and before anything of a change of a pattern is stored.
    pub(super) fn begin_change(&self) {
        let begun = self.begun.load(Ordering::Relaxed);
        self.begun.store(begun + 1, Ordering::Release);
    }

    /// How many changes were begun. Who read something of a change with acquire counts it.
    #[inline]
    pub(super) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Only for the one writer, and before the first pattern of this depth is published.
    pub(super) fn insert(&self, depth: usize) {
        let (word, bit) = Self::bit(depth);
        let now = self.present[word].load(Ordering::Relaxed);
        self.present[word].store(now | bit, Ordering::Release);
    }

    /// Only for the one writer, and when the last pattern of this depth is gone.
    pub(super) fn remove(&self, depth: usize) {
        let (word, bit) = Self::bit(depth);
        let now = self.present[word].load(Ordering::Relaxed);
        self.present[word].store(now & !bit, Ordering::Release);
    }

    /// What stands behind the `*.` of those patterns that may take this host in, the longest first.
    pub(super) fn suffixes<'a>(&self, host: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let present = [0, 1].map(|word: usize| self.present[word].load(Ordering::Acquire));
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
