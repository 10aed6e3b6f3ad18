//! What users prove their isolation with: each assertion passes where things are well, and each is seen to
//! fail where they are not.

mod assertions;
mod matrix;
mod sqlx_test;

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

/// What an assertion says when it fails.
pub(crate) async fn complaint(assertion: impl Future<Output = ()>) -> String {
    let panicked = AssertUnwindSafe(assertion).catch_unwind().await;
    text(panicked.expect_err("the assertion fails"))
}

pub(crate) fn text(panic: Box<dyn Any + Send>) -> String {
    *panic.downcast().expect("a formatted message")
}
