//! Orders: what was bought, where each is in its life, and what is done to them.

mod model;
mod state;

pub use model::{Order, OrderLine, Totals};
pub use state::{OrderEvent, OrderState, next};
