use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

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

pub(crate) type Running<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Runs the futures to their ends, in the order of the schedule as far as it goes.
pub(crate) fn interleave<T>(futures: Vec<Running<'_, T>>, schedule: &[usize]) -> Vec<T> {
    let mut context = Context::from_waker(Waker::noop());
    let mut running: Vec<_> = futures.into_iter().map(Ok).collect();
    let rest = (0..running.len()).cycle().take(10_000);
    for at in schedule.iter().copied().chain(rest) {
        let at = at % running.len();
        if let Ok(future) = &mut running[at]
            && let Poll::Ready(output) = future.as_mut().poll(&mut context)
        {
            running[at] = Err(output);
        }
    }
    running
        .into_iter()
        .map(|state| state.err().expect("it comes to an end"))
        .collect()
}
