//! Who may serve and write a tenant: the pure tables that everything else obeys.
//!
//! Two rows say who owns a tenant. The *placement* in the directory is the only arbiter; the *fence* in a
//! cell's own database is what a write checks in its own transaction, because a directory elsewhere cannot
//! be part of that transaction. Each row has one table of events: [`placement::next`] and [`fence::next`].
//! What a table does not list is [`Rejected`].
//!
//! Three rules hold them together:
//!
//! 1. **Every change of owner or lifecycle has an epoch of its own.** A move reserves `e+1` when it starts,
//!    the flip uses it, and an abort burns it by going to `e+2`. While a tenant moves, nothing else changes.
//! 2. **The directory first, then the fence, then the acknowledgement.** Whoever crashes in between leaves
//!    two rows that disagree, and anybody can finish the work by writing the directory's answer to the fence.
//! 3. **A write is admitted only at exactly the fence's epoch** ([`admits_write`]). A request that was let
//!    in before the change carries the older epoch, so it is refused however late it arrives.
//!
//! Nothing here reads a clock or a database. The shells in `db` and the directories call these
//! functions, and so does the model in the tests, which searches all interleavings with crashes.

mod admits;
pub mod fence;
pub mod placement;
mod rejected;

pub use admits::{Denied, admits_read, admits_write};
pub use fence::{Fence, FenceEvent, FenceState};
pub use placement::PlacementEvent;
pub use rejected::Rejected;
