//! When to look at the log: when a notification says so, and from time to time.

use std::{convert::Infallible, error::Error as _, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tenancy_types::Revision;
use tokio::{sync::watch, task::AbortHandle};

use super::{
    super::random,
    DirectoryError, PostgresDirectoryOptions,
    door::{Door, in_time},
    schema::SCHEMA,
    unavailable,
};

/// The pauses between attempts to listen, each twice the one before.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The tasks that wake the followers of a process. Dropping it ends them.
pub(super) struct Listening([AbortHandle; 2]);

impl Listening {
    pub(super) fn start(
        door: &Door,
        wake: watch::Sender<Revision>,
        options: PostgresDirectoryOptions,
    ) -> Self {
        let looking = tokio::spawn(look(wake.clone(), options.look_every));
        let listener = Listener {
            address: door.lasting().clone(),
            patience: options.patience,
            wake,
        };
        let listening = tokio::spawn(listener.run());
        Self([looking.abort_handle(), listening.abort_handle()])
    }

    pub(super) fn end(&self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.end();
    }
}

/// Bounds how long an entry goes unseen, whatever becomes of notifications.
async fn look(wake: watch::Sender<Revision>, every: Duration) -> Infallible {
    loop {
        tokio::time::sleep(every).await;
        wake.send_modify(|_| {});
    }
}

struct Listener {
    address: PgConnectOptions,
    patience: Duration,
    wake: watch::Sender<Revision>,
}

impl Listener {
    async fn run(self) -> Infallible {
        let mut failures = 0;
        loop {
            let error = match self.listen(&mut failures).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            let pause = pause(failures, random::bits());
            failures += 1;
            tracing::warn!(%error, source = error.source(), failures, ?pause, "directory not listened to");
            tokio::time::sleep(pause).await;
        }
    }

    /// Listens until the connection is lost.
    async fn listen(&self, failures: &mut u32) -> Result<Infallible, DirectoryError> {
        let mut listener = in_time(self.patience, self.connect()).await?;
        *failures = 0;
        // What was written before this connection listened is told to nobody.
        self.look();
        loop {
            match tokio::time::timeout(self.patience, listener.try_recv()).await {
                Ok(Ok(Some(_))) => self.look(),
                Ok(Ok(None)) => return Err(unavailable("the connection that listens was lost")),
                Ok(Err(error)) => return Err(unavailable(error)),
                // Silence may be that of a line that broke without a word.
                Err(_) => in_time(self.patience, ask(&mut listener)).await?,
            }
        }
    }

    fn look(&self) {
        self.wake.send_modify(|_| {});
    }

    /// A connection of its own, which no other borrower can get.
    async fn connect(&self) -> Result<PgListener, DirectoryError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_lazy_with(self.address.clone());
        let mut listener = PgListener::connect_with(&pool).await.map_err(unavailable)?;
        listener.eager_reconnect(false);
        listener.listen(SCHEMA).await.map_err(unavailable)?;
        Ok(listener)
    }
}

/// Whether the server is there. Notifications that come meanwhile are kept for the next who waits for one.
async fn ask(listener: &mut PgListener) -> Result<(), DirectoryError> {
    let asked = sqlx::raw_sql("select").execute(listener).await;
    asked.map(drop).map_err(unavailable)
}

/// Between a half and the whole of the pause, so that processes do not come back in step.
fn pause(failures: u32, random: u64) -> Duration {
    let (first, longest) = PAUSES;
    let whole = first.saturating_mul(1 << failures.min(10)).min(longest);
    whole / 2 + (whole / 2).mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PAUSES, pause};

    #[test]
    fn pauses_grow_up_to_the_longest_and_differ() {
        let (first, longest) = PAUSES;
        for failures in 0..40 {
            let (least, most) = (pause(failures, 0), pause(failures, u64::MAX));
            assert_eq!(least * 2, most, "after {failures} failures");
            assert!((first..=longest).contains(&most));
        }
        assert_eq!(pause(0, u64::MAX), first);
        assert_eq!(pause(1, u64::MAX), Duration::from_millis(200));
        assert_eq!(pause(40, u64::MAX), longest);
    }
}
