//! A visitor's cart.
//!
//! It lives in the cell's tables, below the tenant, and is found by a secret that the visitor's browser keeps
//! ([`CartSecret`]). The tables hold only a hash of the secret: who reads an export or a backup can open no
//! cart. The same secret at another shop finds nothing, because that shop has no such row.
//!
//! - [`change`] puts things in and takes them out; what a cart may hold is decided by [`Change::apply`], pure.
//! - [`contents()`] is what a page shows: each line at the price of now, beside the price at which it was put in.
//! - [`take_out`] empties it of what an order has taken, and [`renew`] starts a new attempt to buy.
//!
//! **Buying once.** A cart as it was shown has one key ([`CartSecret::purchase_key`]), derived from the secret and
//! the cart's version, which rises with each change. So the second click, a second tab, and a visitor who comes
//! back after a crash all send the same version, and the checkout answers them with the same order. Only a change
//! of the cart or an answer that ended the attempt gives a new key. The key itself is never sent: a form can name
//! no purchase but its own cart's. And as long as an attempt has no answer, the cart has it noted ([`note`]):
//! whoever changes the cart meanwhile and buys again, finds the earlier attempt brought to its end first.

mod contents;
mod error;
mod lines;
mod old;
mod secret;
mod store;

pub use contents::{Contents, Line, Offer, contents};
pub use error::CartError;
pub use lines::Change;
pub use old::{TENANTS_WITH_OLD_CARTS, forget_old, kept_since};
pub use secret::CartSecret;
pub use store::{Edit, KEPT_SECONDS, Purchase, change, note, renew, take_out};
