//! The platform's own work, round after round: orders that were never paid, refunds that the provider has not
//! confirmed, answers and carts that are old, shops that have left.
//!
//! A cell says which shops have something to do, and nothing else of them; then each shop is entered through
//! the guard, like any request. One that is suspended meanwhile refuses, and nothing is wrong with that. What
//! fails is logged, and is there again in a later round.
//!
//! Each kind of work has rounds of its own, so that none waits for another. What deletes because time has
//! passed rests while the wall clock is doubted.

mod chore;
mod clocks;
mod round;
mod task;

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{FutureExt, future::join_all};
use tenancy_cell_router::Stop;
use tenancy_types::{Clock, SystemClock, UnixMicros};
use tokio::{sync::watch, time::sleep};

use super::{Platform, Site};

use chore::Chore;
use clocks::{Clocks, Look};
use round::{Places, in_shops};
use task::Task;

/// Does the platform's own work.
#[derive(Clone, Debug)]
pub struct Worker {
    site: Site,
    /// What control does besides, where this process is control.
    platform: Option<Platform>,
    clocks: Arc<Mutex<Clocks>>,
}

impl Worker {
    /// The worker of a platform, which believes the wall clock as it is now. Its metrics are there from now on.
    #[must_use]
    pub fn new(platform: Platform) -> Self {
        Self::of(platform.site().clone(), Some(platform))
    }

    /// The worker of a process that serves cells and does not control the platform.
    #[must_use]
    pub fn of_cells(site: Site) -> Self {
        Self::of(site, None)
    }

    fn of(site: Site, platform: Option<Platform>) -> Self {
        for task in Task::ALL {
            task.rounds().increment(0);
            task.failures().increment(0);
        }
        round::oldest().set(0.0);
        doubted().set(0.0);
        let clocks = Clocks::new(SystemClock.unix(), SystemClock.now());
        Self {
            site,
            platform,
            clocks: Arc::new(Mutex::new(clocks)),
        }
    }

    /// Works until the process stops. A turn that is cut off then is taken again after the next start.
    pub async fn run(self, mut stop: watch::Receiver<Stop>) {
        let work = join_all(Task::ALL.map(|task| self.repeat(task).boxed()));
        tokio::select! {
            // A sender that is gone is a process that ends.
            _ = stop.wait_for(|stop| *stop >= Stop::Drain) => {}
            _ = work => {}
        }
    }

    /// Does what there is to do at this moment, each kind of work in each shop at most once, and believes that
    /// it is this moment.
    ///
    /// # Cancel safety
    /// What is cut off is done in a later round.
    pub async fn round(&self, now: UnixMicros) {
        for task in Task::ALL {
            self.round_of(task, now, &mut Places::default()).await;
        }
    }

    async fn repeat(&self, task: Task) {
        let mut places = Places::default();
        loop {
            let now = SystemClock.unix();
            if self.believes(now) || !task.deletes() {
                self.round_of(task, now, &mut places).await;
            }
            sleep(self.site.config().rest).await;
        }
    }

    async fn round_of(&self, task: Task, now: UnixMicros, places: &mut Places) {
        match (task, &self.platform) {
            (Task::Chore(chore), _) => in_shops(&self.site, chore, now, places).await,
            (task, Some(platform)) => task.of_control(platform, now).await,
            (_, None) => return,
        }
        task.rounds().increment(1);
    }

    fn believes(&self, now: UnixMicros) -> bool {
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        let look = clocks.look(now, SystemClock.now());
        if let Look::Jumped { seconds } = look {
            tracing::warn!(
                seconds,
                "the wall clock jumped: nothing is deleted for its age until it is back, for a day, or until the next start"
            );
        }
        let believed = look == Look::Believed;
        doubted().set(if believed { 0.0 } else { 1.0 });
        believed
    }
}

fn doubted() -> metrics::Gauge {
    metrics::gauge!("storefront_clock_doubted")
}
