//! A future that is dropped anywhere.

use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll},
};

/// A future that is given up after a number of polls.
struct GivenUp<F> {
    future: F,
    polls: u32,
}

impl<F: Future + Unpin> Future for GivenUp<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let answer = Pin::new(&mut self.future).poll(cx).map(Some);
        if answer.is_pending() && self.polls == 0 {
            return Poll::Ready(None);
        }
        answer
    }
}

/// Drops the future after `polls` polls, if it was not done before.
pub(crate) async fn given_up<F: Future>(future: F, polls: u32) -> Option<F::Output> {
    let future = pin!(future);
    GivenUp { future, polls }.await
}
