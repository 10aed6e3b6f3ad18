//! What stands in a Postgres cell so that a tenant's rows cannot be reached from another tenant's request.
//!
//! An application declares its tables in a [`Manifest`](crate::Manifest). From that, from the names of five
//! [`Roles`] and from an [`IsolationMode`], an [`Isolation`] writes the statements that guard them, and
//! [`install`] runs them: an administrator's work, once for each cell and each change of the manifest. It is
//! printed before it is run, by whoever wants to see it, and it can be run any number of times.
//!
//! ```
//! use tenancy_core::{
//!     Manifest, Table,
//!     isolation::{Isolation, IsolationMode, Roles},
//! };
//!
//! let manifest = Manifest::new([Table::tenant("product", ["id"])])?;
//! let isolation = Isolation::new(&manifest, Roles::named("shop")?, IsolationMode::Sealed);
//! println!("{isolation}");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What stops what
//!
//! | | plain | sealed |
//! | --- | --- | --- |
//! | a statement without a tenant, or with another one's predicate | its rows are out of sight | the same |
//! | a write of another tenant's row | refused by the policy's check | the same |
//! | a later policy that opens a table | the restrictive floor stays below it | the same |
//! | row security switched off, or a floor that was changed | nothing; the audit finds it | the same |
//! | a table made by hand, with a column of a declared name | closed by the event trigger, where there is one, until it is declared | the same |
//! | a pool that keeps a tenant | the tenant is the transaction's, and ends with it | the same |
//! | an injected `set_config('app.tenant_id', …)` | **nothing** | the forged setting is an error |
//! | a setting seen elsewhere and used again | – | it is worth nothing in any other transaction |
//! | a seal seen elsewhere and used again by an injected statement | – | taken only by the message that begins a transaction |
//! | a seal seen elsewhere and used again by whoever logs in as the application | – | **nothing**, until it expires |
//! | a stolen key, an administrator, the mover's password | nothing | nothing |
//!
//! Plain mode stops mistakes. Sealed mode also stops injected SQL from becoming another tenant; what it can
//! still do is to act as the tenant in whose transaction it runs, to hold locks and to waste time, to end the
//! application's other connections, and to read in `pg_stat_activity` which statements these run. Parameters do
//! not stand there; values that were written into a statement's text do. Settings and locks that it leaves in the
//! session end with the transaction: whoever gets the connection next finds it as it was when it was made.
//!
//! # The guard
//!
//! `tenancy.enter` is called in the message that begins a transaction. A writer first *tries* the tenant's
//! lock, shared, and then reads the fence, in a statement of its own: whoever changes the fence holds that
//! lock alone, so a writer that has it reads the fence as it will stay until the writer ends. That holds
//! because the function is `VOLATILE`, where each statement sees what was committed before it. Under
//! `REPEATABLE READ` and `SERIALIZABLE` all statements see one snapshot, which may be older than the lock;
//! there the row is read `FOR SHARE`, which fails with 40001 when it has changed since. The function decides
//! nothing: what the row means is the [`protocol`](crate::protocol)'s matter.
//!
//! `tenancy.leave` goes before `COMMIT`, in one message, and raises unless the transaction is still open and
//! the tenant's.

pub mod audit;
mod error;
mod install;
mod introspect;
mod mode;
mod parts;
mod password;
mod plan;
mod policy;
mod roles;
mod scram;
mod seal;
mod seal_keys;
pub mod sqlstate;
mod statement;
#[cfg(feature = "test-util")]
pub mod testing;

pub use crate::keys::{InvalidKey, InvalidKeyId};
pub use audit::{AuditError, AuditReceipt};
pub use error::InstallError;
pub use install::{Change, Installed, WhatChanged, install, install_with_key};
pub use introspect::{FoundTable, IntrospectError, Introspected, Looks, introspect};
pub use mode::{IsolationMode, Net};
pub use password::{Password, set_password};
pub use plan::Isolation;
pub use roles::{InvalidPrefix, Login, Roles};
pub use seal::{SealAccess, SealClaim, SealKey};
pub use seal_keys::{install_key, retire_key};
pub use statement::Statement;
