//! Orders: what was bought, where each is in its life, and what is done to them.
//!
//! What the provider has a say in (paying, calling off, giving back) is done by [`checkout`](super::checkout).

mod disown;
mod model;
mod read;
mod state;
mod write;

pub use disown::disown_payments;
pub use model::{Order, OrderLine, Totals};
pub(super) use read::overdue;
pub use read::{oldest_overdue, order_by_id, order_by_token, orders};
pub use state::{OrderEvent, OrderState, next};
pub use write::fulfil;
pub(super) use write::{has_pending_refund, insert, locked, move_stock, state_now, transition};
