//! What an application's own tests need to prove its isolation, with the feature `test-util`.
//!
//! An isolation test that passes proves little by itself: it also passes when the rows were never there,
//! when the statement has a mistake, or when the connection belongs to a superuser, whom row security does
//! not bind. So each assertion here first proves that its subject is there and that its own statements work,
//! and a [`TestCell`] is opened as the application's role, after the audit that an application's own start
//! goes through.
//!
//! | | asserts |
//! | --- | --- |
//! | [`assert_invisible`] | that one tenant can neither read nor change nor delete what another can |
//! | [`assert_rejected`] | that a row cannot be written in another tenant's name |
//! | [`assert_bound`] | that row security binds a connection at all: for code that opens its own |
//! | [`Matrix`](matrix::Matrix) | that no request of one tenant is answered when a part of it is another's |
//!
//! With `#[sqlx::test]`, whose pool is a superuser's on a fresh database with the application's migrations:
//!
//! ```
//! # #[cfg(feature = "postgres")] mod example {
//! use sqlx::PgPool;
//! use tenancy_core::{
//!     Manifest, Table,
//!     isolation::IsolationMode,
//!     testing::{Rows, TestCell, assert_invisible, assert_rejected},
//!     types::TenantId,
//! };
//!
//! // #[sqlx::test]
//! async fn notes_are_their_tenants_own(pool: PgPool) {
//!     let manifest = Manifest::new([Table::tenant("note", ["id"])]).unwrap();
//!     let cell = TestCell::from_pool(&pool, &manifest, IsolationMode::Sealed).await.unwrap();
//!     let [one, two] = [1, 2].map(|id| TenantId::new(id).unwrap());
//!     let one = cell.tenant(one).await.unwrap();
//!     let two = cell.tenant(two).await.unwrap();
//!
//!     let mut tx = cell.begin(&one);
//!     sqlx::query("insert into note values (1, 7, 'secret')").execute(&mut tx).await.unwrap();
//!     tx.commit().await.unwrap();
//!
//!     assert_invisible(&cell, &one, &two, Rows::table("note").key("id", 7)).await;
//!     assert_invisible(&cell, &one, &two, "select body from note").await;
//!     assert_rejected(&cell, &two, one.tenant(), "insert into note values ($1, 8, 'forged')").await;
//! }
//! # }
//! ```
//!
//! None of this is in a build without the feature: a context that nobody admitted, such as
//! [`for_test`](crate::TenantContext::for_test) makes, does not exist there. Features of one build are
//! united, so the feature belongs into `[dev-dependencies]` only, and a program that ships is built without
//! `--all-features`; `cargo tree --edges normal,features --invert tenancy-core` shows who turns it on.

#[cfg(feature = "postgres")]
mod bound;
#[cfg(feature = "postgres")]
mod cell;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod door;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod invisible;
#[cfg(feature = "http")]
pub mod matrix;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod refusal;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rejected;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod rows;

#[cfg(feature = "postgres")]
pub use bound::assert_bound;
#[cfg(feature = "postgres")]
pub use cell::TestCell;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use door::Cell;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use invisible::assert_invisible;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use rejected::{Foreign, assert_rejected};
#[cfg(any(feature = "postgres", feature = "sqlite"))]
pub use rows::Rows;

#[cfg(feature = "postgres")]
pub use crate::isolation::testing::TestCellError;
