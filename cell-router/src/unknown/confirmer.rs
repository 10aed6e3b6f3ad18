use std::{
    error::Error as _,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use tenancy_types::{Clock, Route};
use tokio::time::timeout;

use super::{
    Confirm, ConfirmCounts, RouteKey, Verdict,
    absent::AbsentNames,
    budget::Budget,
    counts::Counts,
    flights::{Boarding, Flight, Flights},
};
use crate::{Contact, Error, Progress};

/// Asks the directory about hosts that the table does not know, within bounds. Clones share them.
#[derive(Clone)]
pub struct Confirmer {
    shared: Arc<Shared>,
}

/// What questions may cost the directory, whatever arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmLimits {
    /// Questions a second, at least 1.
    pub per_second: u32,
    /// How many of them may come together, at least 1.
    pub burst: u32,
    /// Questions on their way at the same time.
    pub at_once: usize,
    /// How long one may take.
    pub patience: Duration,
    /// How long a host that the directory does not have is not asked for again.
    pub remembered: Duration,
}

impl Default for ConfirmLimits {
    /// 20 a second, 20 together, 8 on their way, a second for each, 10 seconds remembered.
    fn default() -> Self {
        Self {
            per_second: 20,
            burst: 20,
            at_once: 8,
            patience: Duration::from_secs(1),
            remembered: Duration::from_secs(10),
        }
    }
}

/// The answer, or where to wait for it.
#[derive(Debug)]
pub enum Asked {
    /// Nobody had to be asked.
    Answered(Verdict),
    /// The directory is asked.
    Waiting(Confirming),
}

/// The answer to come. Who waits no more drops it; the question ends with the last one who does.
pub struct Confirming(Flight);

impl Future for Confirming {
    type Output = Verdict;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Verdict> {
        self.0.poll_unpin(cx)
    }
}

impl fmt::Debug for Confirming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Confirming").field(&self.0.peek()).finish()
    }
}

type Question =
    Box<dyn Fn(RouteKey) -> BoxFuture<'static, Result<Option<Route>, Error>> + Send + Sync>;

struct Shared {
    question: Question,
    progress: Progress,
    clock: Box<dyn Clock>,
    patience: Duration,
    budget: Budget,
    absent: AbsentNames,
    flights: Flights,
    counts: Counts,
}

impl Confirmer {
    /// Asks this authority, as long as the table's follower, whose `progress` this is, believes it: while it follows, and
    /// until it has routes at all. An authority that was restored, or is another one, would lead hosts to others' tenants.
    pub fn new(
        authority: impl Confirm,
        progress: Progress,
        clock: impl Clock,
        limits: ConfirmLimits,
    ) -> Self {
        let authority = Arc::new(authority);
        let question = move |key| {
            let authority = Arc::clone(&authority);
            async move { authority.confirm(&key).await }.boxed()
        };
        let shared = Arc::new(Shared {
            question: Box::new(question),
            progress,
            clock: Box::new(clock),
            patience: limits.patience,
            budget: Budget::per_second(limits.per_second, limits.burst),
            absent: AbsentNames::new(limits.remembered),
            flights: Flights::new(limits.at_once),
            counts: Counts::default(),
        });
        Self { shared }
    }

    /// Finds out where a key leads that the table does not know.
    #[must_use]
    pub fn ask(&self, key: &RouteKey) -> Asked {
        let shared = &self.shared;
        if shared.absent.contains(key, shared.clock.now()) {
            shared.counts.remembered.add();
            return Asked::Answered(Verdict::Absent);
        }
        if !shared.is_believed() {
            shared.counts.refused.add();
            return Asked::Answered(Verdict::NotFoundOut);
        }
        let start = || {
            let within = shared.budget.take(shared.clock.now());
            within.then(|| Arc::clone(shared).fly(key.clone()))
        };
        let (flight, count) = match shared.flights.board(key, start) {
            Boarding::Joined(flight) => (flight, &shared.counts.shared),
            Boarding::Started(flight) => (flight, &shared.counts.asked),
            Boarding::Refused => {
                shared.counts.refused.add();
                return Asked::Answered(shared.unasked());
            }
        };
        count.add();
        Asked::Waiting(Confirming(flight))
    }

    /// What became of the questions.
    #[must_use]
    pub fn counts(&self) -> ConfirmCounts {
        self.shared.counts.values()
    }
}

impl Shared {
    fn fly(self: Arc<Self>, key: RouteKey) -> Flight {
        let flight = async move {
            let answer = timeout(self.patience, (self.question)(key.clone())).await;
            let verdict = self.judge(&key, answer.ok());
            self.flights.land(&key);
            verdict
        };
        flight.boxed().shared()
    }

    /// `None` is an answer that came too late.
    fn judge(&self, key: &RouteKey, answer: Option<Result<Option<Route>, Error>>) -> Verdict {
        match answer {
            // It may have become another one meanwhile.
            Some(Ok(_)) if !self.is_believed() => {
                self.counts.failed.add();
                Verdict::NotFoundOut
            }
            Some(Ok(Some(route))) => Verdict::Hit(route),
            Some(Ok(None)) => {
                self.absent.remember(key, self.clock.now());
                Verdict::Absent
            }
            Some(Err(error)) => {
                self.counts.failed.add();
                tracing::warn!(%error, source = error.source(), "a host could not be confirmed");
                Verdict::NotFoundOut
            }
            None => {
                self.counts.failed.add();
                tracing::warn!(patience = ?self.patience, "a host was not confirmed in time");
                Verdict::NotFoundOut
            }
        }
    }

    /// Whether what the authority says goes with the table.
    fn is_believed(&self) -> bool {
        let status = self.progress.status();
        let goes_with = match status.contact {
            Contact::Live => true,
            Contact::Never => status.position.is_none(),
            Contact::Lost { .. } => false,
        };
        goes_with && status.refused.is_none()
    }

    fn unasked(&self) -> Verdict {
        match self.progress.status().contact {
            Contact::Live => Verdict::Absent,
            Contact::Never | Contact::Lost { .. } => Verdict::NotFoundOut,
        }
    }
}

impl fmt::Debug for Confirmer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmer")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
