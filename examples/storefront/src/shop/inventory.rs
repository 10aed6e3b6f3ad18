//! Stock, told as events: every change appends one, and the numbers are their sum.
//!
//! [`Stock`] is the projection. It stands in a table, so that a checkout changes it in one statement that
//! says itself when it cannot (`on_hand` would be negative), and the event goes into the log in the same
//! transaction. Whoever doubts the numbers [compares](compare) them with the log, and [rebuilds](rebuild) them from
//! it.
//!
//! A variant is counted when its `quantity` in the catalogue says how many there were; that number is what
//! the merchant stated last, not what is left. Its stock outlives it: what was sold of a variant that is no
//! longer in the catalogue stays sold.

mod audit;
mod availability;
mod change;
mod history;
mod read;
mod stock;
mod write;

pub use audit::{Difference, compare, rebuild};
pub(super) use availability::follow_product;
pub use change::{ChangeError, StockChange, StockKey, StockStep, change_stock};
pub use history::{LoggedEvent, events};
pub(super) use read::joined;
pub use read::{StockEntry, StockFilter, set_reorder_at, stock, stock_list};
pub use stock::{Impossible, MAX_PIECES, Stock, StockEvent, StockKind};
pub use write::{Cause, ReorderAlert, StockWrite, raise};
