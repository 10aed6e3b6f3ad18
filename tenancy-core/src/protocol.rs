//! Who may serve and write a tenant: the pure tables that everything else obeys.
//!
//! Two rows say who owns a tenant. The *placement* in the directory is the only arbiter; the *fence* in a
//! cell's own database is what a write checks in its own transaction, because a directory elsewhere cannot
//! be part of that transaction. Each row has one table of events: [`placement::next`] and [`fence::next`].
//! What a table does not list is [`Rejected`].
//!
//! Four rules hold them together:
//!
//! 1. **Every change of owner or lifecycle has an epoch of its own.** A move reserves `e+1` when it starts,
//!    the flip uses it, and an abort burns it by going to `e+2`. While a tenant moves, nothing else changes.
//! 2. **The directory first, then the fence, then the acknowledgement.** Whoever crashes in between leaves
//!    two rows that disagree, and anybody can finish the work by writing the directory's answer to the fence:
//!    [`follow()`] says how.
//! 3. **A write is admitted only at exactly the fence's epoch** ([`admits_write`]). A request that was let
//!    in before the change carries the older epoch, so it is refused however late it arrives.
//! 4. **A mover proves in each of its transactions that it still is the mover** of this move ([`mover`]), and
//!    that the fence has the epoch at which its move stands.
//!
//! # A move
//!
//! | step | where | by |
//! | --- | --- | --- |
//! | start: *moving*, and `e+1` is reserved | directory | [`PlacementEvent::StartMove`] |
//! | claim | both cells | [`mover::claim`] |
//! | receive; copy | target | [`FenceEvent::Receive`]; [`mover::admits_target`] |
//! | fence with a deadline; drain; read the tail | source | [`FenceEvent::Set`]; [`mover::admits_source`] |
//! | write the tail | target | [`mover::admits_target`] |
//! | seal | source | [`FenceEvent::Seal`] |
//! | complete | target | [`FenceEvent::Complete`] |
//! | **flip**: the target owns the tenant at `e+1` | directory | [`PlacementEvent::Flip`] |
//! | activate the target, then retire the source | cells | [`follow()`] |
//!
//! A fence that expired before the seal leads back to *fence with a deadline*. To give up is
//! [`PlacementEvent::AbortMove`] at any time before the flip, and then [`follow()`] in both cells. The next
//! move begins when the last one is through: the owner is active, the other cell is left. A cell that was
//! restored begins with [`reassert`], a directory that was restored with [`settle()`], and a read that must
//! not go back asks [`Position::covers`].
//!
//! # What the models show
//!
//! `tests/it/{protocol,purge,ownership,reads}_model.rs` call these functions in all interleavings of movers,
//! writers, readers and faults. The invariants: **I1** every acknowledged write is at the owner; **I2** two
//! cells never commit writes; **I4** epochs grow; **I5, I6** every crash leads to one owner with all rows, and
//! nothing is left elsewhere; **I7** no read returns an emptied tenant, or less than its token has seen. Each
//! of these mistakes breaks one, which a test shows:
//!
//! | mistake | broken |
//! | --- | --- |
//! | no drain between the fence and the tail | I1, I2 |
//! | fences in memory only | I2 |
//! | the target is published before the tail is copied | I1, I7 |
//! | a timer lifts a sealed fence | I2 |
//! | a given-up move leaves the target as it is | I5, I6 |
//! | a given-up move keeps the epoch | I4 |
//! | a mover fences at an epoch that is not its move's | I5 |
//! | rows from a mover that was taken over | I1 |
//! | a worker outside the guard | I1 |
//! | a flip that loses the lifecycle | a suspended tenant arrives active |
//! | the guard reads the fence before it has the lock (a `STABLE` function) | I1, I2 |
//! | a restored cell serves without having asked the directory | I2 |
//! | a restored source is not frozen while its tenant moves | I2 |
//! | a target is activated because it is named, without having all rows | I1 |
//! | a target is activated at another epoch than its own | I2 |
//! | a restored directory goes on without having asked the fences | I2, I4 |
//! | a restored directory publishes before the other cells have followed | I2 |
//! | a read where its token is not covered | I7 |
//! | a left tenant is emptied before the replica has followed, or under a reader | I7 |
//! | a lifecycle is acknowledged before the fence has it, or resumes at the old epoch | a late write; I4 |
//! | a hint is applied though its epoch is older than what the gateway knows | I4 |
//! | a hint is believed that is not of the cell that was asked | a gateway knows what the directory never said |
//! | a parked write is released past the guard | I1 |
//! | a request is sent again after something of it was committed | it is carried out twice |
//! | rows are deleted while the tenant can still come back | a tenant is served with a part of its rows |
//!
//! **I3**, that no read returns another tenant's row, is the database's matter and not to be seen in a model
//! of one tenant.
//!
//! Nothing here reads a clock or a database. The shells in `db` and the directories call these functions.

mod admits;
pub mod fence;
mod follow;
pub mod mover;
mod moves;
pub mod placement;
mod position;
mod rejected;
mod settle;
mod whereabouts;

pub use admits::{Denied, admits_read, admits_write};
pub use fence::{Fence, FenceEvent, FenceState};
pub use follow::{follow, reassert};
pub use mover::Mover;
pub use moves::Move;
pub use placement::PlacementEvent;
pub use position::Position;
pub use rejected::Rejected;
pub use settle::{Surveyed, Unsettled, settle};
pub use whereabouts::{Whereabouts, whereabouts};
