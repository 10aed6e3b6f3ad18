//! What becomes of a transaction's connection while it is used, and when nobody uses it any more.
//!
//! Work on a connection owns it: a future that is dropped takes it along, and dropping it closes it. That
//! does not help against a future that is kept and not polled, such as the rows of a slow client. So the
//! work lies in the shared state while it waits, where the [reaper](super::reaper) finds it.

use std::{
    future::{Future, poll_fn},
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use futures_core::{Stream, stream::BoxStream};
use futures_util::{StreamExt as _, stream};

use super::reaper::Expire;

/// The state of a transaction, shared by its user and the reaper.
pub(super) type Shared<L> = Arc<Mutex<State<L>>>;

pub(super) enum State<L> {
    /// → `Working` by the first statement.
    Unopened,
    /// → `Working` by a statement, → `Expired` by the reaper.
    Open(L),
    /// → `Open` when it is done and has not failed, → `Failed` when it has or is cancelled, → `Expired` by
    /// the reaper.
    Working(Work),
    /// → `Open` when the statement that runs is done. Holds a connection that can be rolled back when the
    /// database refused a statement, none when one was cancelled.
    Failed(Option<L>),
    /// For good.
    Expired,
}

/// What runs on the connection, and whom to tell when it is ended from outside.
pub(super) struct Work {
    steps: BoxStream<'static, ()>,
    waker: Waker,
}

/// The transaction reached its maximum age.
pub(super) struct Expired;

/// Work that lies in a transaction's state. Dropping it ends the work and fails the transaction.
pub(super) struct Held<L, T> {
    state: Shared<L>,
    answer: Arc<Mutex<Option<T>>>,
}

impl<L, T: Send + 'static> Held<L, T> {
    pub(super) fn steps(state: &Shared<L>, steps: impl Stream<Item = T> + Send + 'static) -> Self {
        let answer = Arc::new(Mutex::new(None));
        let place = Arc::clone(&answer);
        let steps = steps.map(move |step| *lock(&place) = Some(step)).boxed();
        let work = State::Working(Work {
            steps,
            waker: Waker::noop().clone(),
        });
        // What has expired stays so, and the work goes with its connection.
        drop(replace(state, work));
        let state = Arc::clone(state);
        Self { state, answer }
    }

    /// The next answer of the work, or none when it has ended. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<T>, Expired> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Expired>> {
        let State::Working(work) = &mut *lock(&self.state) else {
            return Poll::Ready(Err(Expired));
        };
        work.waker.clone_from(cx.waker());
        let step = std::task::ready!(work.steps.poll_next_unpin(cx));
        Poll::Ready(Ok(step.and_then(|()| lock(&self.answer).take())))
    }

    /// The answer of work that has one.
    pub(super) async fn only(mut self) -> Result<T, Expired> {
        let answer = self.next().await?;
        Ok(answer.expect("the work has one answer, and this is who takes it"))
    }
}

/// Work of one answer.
pub(super) fn hold<L, T: Send + 'static>(
    state: &Shared<L>,
    work: impl Future<Output = T> + Send + 'static,
) -> Held<L, T> {
    Held::steps(state, stream::once(work))
}

impl<L, T> Drop for Held<L, T> {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        if matches!(*state, State::Working(_)) {
            let work = mem::replace(&mut *state, State::Failed(None));
            drop(state);
            drop(work);
        }
    }
}

impl<L: Send> Expire for Mutex<State<L>> {
    fn expire(&self) {
        let ended = mem::replace(&mut *lock(self), State::Expired);
        if let State::Working(work) = &ended {
            work.waker.wake_by_ref();
        }
    }
}

/// Changes the state and returns the one before; what has expired stays so, and then the new state is
/// returned.
pub(super) fn replace<L>(shared: &Shared<L>, next: State<L>) -> State<L> {
    let mut state = lock(shared);
    match *state {
        State::Expired => next,
        _ => mem::replace(&mut *state, next),
    }
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment, so a panic elsewhere leaves it whole.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
