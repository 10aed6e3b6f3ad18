use std::{future::Future, pin::pin, task::Poll};

/// When a future is dropped. Exhausting both at every point stands for a crash at every point.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Drop {
    /// Right after it has asked something of the outside world: the answer finds nobody.
    Asked,
    /// When the answer is there, before it is looked at.
    Answered,
}

/// Polls the future `polls` times and then drops it; `None` when it was not done by then.
pub(crate) async fn interrupt<F: Future>(future: F, polls: u32, drop: Drop) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match (future.as_mut().poll(context), drop) {
            (Poll::Ready(output), _) => Poll::Ready(Some(output)),
            (Poll::Pending, Drop::Asked) if left == 0 => Poll::Ready(None),
            (Poll::Pending, _) => Poll::Pending,
        }
    })
    .await
}
