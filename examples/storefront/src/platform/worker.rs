//! The platform's own work in its shops, round after round: orders that were never paid, refunds that the
//! provider has not confirmed, answers and carts that are old.
//!
//! A cell says which shops have something to do, and nothing else of them; then each shop is entered through
//! the guard, like any request. One that is suspended meanwhile refuses, and nothing is wrong with that. What
//! fails is logged, and is there again in the next round.

mod chore;
mod rounds;

use chore::Chore;
pub use rounds::Worker;
