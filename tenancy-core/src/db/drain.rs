//! How a tenant's writers are waited for.

use std::time::Duration;

use tenancy_types::UnixMicros;

use crate::protocol::{Fence, FenceEvent, FenceState};

/// How a cell stops writing to a tenant for a while: its fence is set, and the write transactions that were
/// let in before are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drain {
    /// When the cell may lift the fence by itself. A fence that is set already keeps its own. One whose time has
    /// passed keeps nobody out, so a drain until then waits for nobody and holds only against who does not come.
    pub until: UnixMicros,
    /// How long to wait for open writers before `stragglers` says what becomes of them. On Postgres no longer than
    /// the fence stands.
    pub wait: Duration,
    /// Writers that have not ended by then.
    pub stragglers: Stragglers,
}

/// What becomes of writers that do not end in time. Exhaustive and without a default on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stragglers {
    /// They go on, and nobody is drained: on Postgres the fence is lifted.
    Unfence,
    /// Their connections are ended, and what they wrote is rolled back. On SQLite nobody can be: it is as
    /// [`Unfence`](Self::Unfence).
    Terminate,
}

impl Drain {
    /// What is to happen to a fence that is so, if it is not set already.
    pub(super) fn event(self, fence: Fence) -> Option<FenceEvent> {
        match fence.state {
            FenceState::Fenced { .. } => None,
            _ => Some(FenceEvent::Set { until: self.until }),
        }
    }
}
