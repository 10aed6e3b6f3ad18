use crate::Progress;

/// Whoever notices that a route table has changed. A [`Progress`] does, for the table of its follower.
pub trait CatchUp: Clone + Send + Sync + 'static {
    /// Waits until it is so: looks at once, and again whenever the table has changed. Returns whether it is; not when it will
    /// never be known.
    ///
    /// # Cancel safety
    /// It may be dropped at any time, and is when it takes too long.
    fn until(&self, is_so: impl Fn() -> bool + Send + Sync) -> impl Future<Output = bool> + Send;
}

impl CatchUp for Progress {
    async fn until(&self, is_so: impl Fn() -> bool + Send + Sync) -> bool {
        Self::until(self, |_| is_so()).await
    }
}
