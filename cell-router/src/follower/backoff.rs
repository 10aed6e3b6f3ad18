use std::time::Duration;

/// How long to wait after failures in a row: twice as long each time up to a limit, less up to a half of
/// chance, so that followers that lost the directory together do not come back together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
}

impl Backoff {
    /// Waits `first` after the first failure and at most `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most }
    }

    /// The longest wait.
    #[must_use]
    pub(super) const fn most(&self) -> Duration {
        self.most
    }

    /// The wait after the given number of failures in a row, of which the first is 1. `chance` is uniform
    /// over all values.
    #[must_use]
    pub fn wait(&self, failures: u32, chance: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let whole = self.first.saturating_mul(1 << doublings).min(self.most);
        let share = f64::from(chance) / f64::from(u32::MAX);
        whole.mul_f64(0.5 + 0.5 * share)
    }
}

impl Default for Backoff {
    /// 100 ms to 10 s.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(10))
    }
}
