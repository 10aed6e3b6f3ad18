use std::{num::NonZeroU16, time::Duration};

/// How much database work one request of a tenant may cause. Set by the plan at admission, obeyed by the
/// tenant's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkBudget {
    /// Database connections that the tenant may hold at one time.
    pub connections: NonZeroU16,
    /// The longest that one statement may run.
    pub statement_timeout: Duration,
}

impl WorkBudget {
    /// A budget; what is meant for interactive requests is a timeout of a few seconds.
    #[must_use]
    pub const fn new(connections: NonZeroU16, statement_timeout: Duration) -> Self {
        Self {
            connections,
            statement_timeout,
        }
    }
}
