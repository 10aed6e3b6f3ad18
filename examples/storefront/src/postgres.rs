//! Cells in Postgres databases: making one of a database, opening and auditing it, and servers of one's own.
//!
//! A database becomes a cell once, by an [administrator](init()). It has three ways in from then on, with a password
//! each, which stand in the cell's [file](CellFiles) together with the key that seals are made with: the
//! application's, which tenants are served through, the mover's, which changes fences, and the auditor's.

mod address;
mod admin;
mod credentials;
mod files;
mod hold;
mod init;
mod key;
mod limit;
mod open;
mod private;

pub use address::{CellUrl, InvalidCellUrl, Place};
pub use admin::AdminError;
pub use credentials::Credentials;
pub use files::{CellFiles, FileError};
pub use hold::{Hold, HoldError};
pub use init::{Init, InitError, Initialised, Passwords, init, roles_of, script};
pub use key::KeySecret;
pub(crate) use limit::in_time;
pub use open::{OpenCellError, is_away, open};
pub use private::{PrivateError, PrivateServer, PrivateStart, is_private, private_folder, start};
