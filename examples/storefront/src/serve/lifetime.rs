//! What ends a process.

use std::{
    io::{self, Read as _},
    thread,
};

use tenancy_cell_router::Stop;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{oneshot, watch},
};

/// How long a process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// Until a signal ends it.
    Own,
    /// Until a signal ends it, or its standard input does: until the process is gone that started it and holds the other end.
    OfStdin,
}

impl Lifetime {
    /// The first SIGINT or SIGTERM says to drain, the second to stop at once, and so does the end of who started it. The process
    /// itself may say so, too.
    pub(super) fn stop_signal(self) -> io::Result<(watch::Sender<Stop>, watch::Receiver<Stop>)> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let (sender, receiver) = watch::channel(Stop::Not);
        let stopping = sender.clone();
        let gone = self.gone();
        tokio::spawn(async move {
            tokio::pin!(gone);
            for next in [Stop::Drain, Stop::Now] {
                let stop = tokio::select! {
                    _ = interrupt.recv() => next,
                    _ = terminate.recv() => next,
                    () = &mut gone => Stop::Now,
                };
                tracing::info!(?stop, "stopping");
                sender.send_replace(stop);
                if stop == Stop::Now {
                    return;
                }
            }
        });
        Ok((stopping, receiver))
    }

    /// Resolves when who started the process is gone.
    async fn gone(self) {
        if self == Self::Own {
            return std::future::pending().await;
        }
        let (sender, receiver) = oneshot::channel();
        // A thread of its own: the runtime would wait for one of its own before it ends.
        thread::spawn(move || {
            let _ = io::stdin().lock().read_to_end(&mut Vec::new());
            let _ = sender.send(());
        });
        let _ = receiver.await;
    }
}
