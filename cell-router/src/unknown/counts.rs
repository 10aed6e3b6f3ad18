use std::sync::atomic::{AtomicU64, Ordering};

/// What became of questions about hosts that the table does not know, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConfirmCounts {
    /// The directory was asked.
    pub asked: u64,
    /// Of those, it failed or was too slow.
    pub failed: u64,
    /// Waited for the answer to the same question of somebody else.
    pub shared: u64,
    /// Answered from what the directory said a moment before.
    pub remembered: u64,
    /// Not asked, as a bound was met.
    pub refused: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    pub(super) asked: Count,
    pub(super) failed: Count,
    pub(super) shared: Count,
    pub(super) remembered: Count,
    pub(super) refused: Count,
}

#[derive(Default)]
pub(super) struct Count(AtomicU64);

impl Count {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counts {
    pub(super) fn values(&self) -> ConfirmCounts {
        ConfirmCounts {
            asked: self.asked.value(),
            failed: self.failed.value(),
            shared: self.shared.value(),
            remembered: self.remembered.value(),
            refused: self.refused.value(),
        }
    }
}
