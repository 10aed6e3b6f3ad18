use std::error::Error;

use tenancy_types::{Clock, Lifecycle, RequestKey, UnixMicros};

use super::{
    Fitness, NotEmpty, PurgeError, PurgeEvent, PurgePhase, PurgeReceipt, PurgeRequest, Purger, Then,
};
use crate::{
    Entry, Home, Journal, TableCounts,
    workflow::{Driver, Steps},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// Purges and refills tenants: writes the request down, then carries out one act after the other and
/// journals each.
///
/// It holds no state of its own, so any number may run on one journal. The journal serves purges alone.
#[derive(Debug)]
pub struct Purging<P, J, C> {
    purger: P,
    journal: J,
    clock: C,
}

/// How a purge ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purged {
    /// Nothing is left of the tenant.
    Forgotten(PurgeReceipt),
    /// It is served again, with an archive's rows, at this placement.
    Refilled(Home),
}

impl<P: Purger, J: Journal, C: Clock> Purging<P, J, C> {
    /// A runner over the application's acts and a journal.
    #[must_use]
    pub const fn new(purger: P, journal: J, clock: C) -> Self {
        Self {
            purger,
            journal,
            clock,
        }
    }

    /// The application's acts.
    #[must_use]
    pub const fn purger(&self) -> &P {
        &self.purger
    }

    /// Purges or refills a tenant, or goes on with it, or says what came of it.
    ///
    /// The same request gets the same answer, whenever it asks and whatever crashed in between. That the
    /// tenant may be purged at all (a grace time has passed, somebody has confirmed) is the caller's to know.
    ///
    /// # Errors
    /// [`Overtaken`](PurgeError::Overtaken) and [`Refused`](PurgeError::Refused) are final and have done
    /// nothing; [`Lifecycle`](PurgeError::Lifecycle) when the tenant is past what was asked for and was not
    /// brought there by it; [`UnderWay`](PurgeError::UnderWay) when another purge of the tenant was first; all
    /// others leave it half done: ask again, or [`resume_all`](Self::resume_all).
    ///
    /// # Cancel safety
    /// A dropped future is a crash: the workflow stays where it is.
    pub async fn run(&self, request: &PurgeRequest) -> Result<Purged, PurgeError> {
        let text = request.to_text();
        let mut attempt = 1;
        loop {
            let key = request.key_of(attempt);
            let entries = self.journal.entries(&key).await?;
            let known = entries.first().is_some_and(|first| first.text == text);
            if !known && was_refused(&entries) {
                attempt += 1;
                continue;
            }
            if !known {
                request.may_begin()?;
            }
            self.driver().begin(&key, text).await?;
            return self.go_on(&key, request).await;
        }
    }

    /// Gives up the refill of a tenant that is provisioning, and purges it: when its archive is lost, or cannot be
    /// loaded any more. Asking again, also of a tenant that is gone by it, has the same answer. A refill that is
    /// finished meanwhile stays.
    ///
    /// Nothing must fill the tenant at the same time; see [`Purger`] for what comes late.
    ///
    /// # Errors
    /// [`Lifecycle`](PurgeError::Lifecycle) when the tenant is not provisioning by a refill, nor gone by its
    /// abandonment; others as for [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run): ask again, or [`resume_all`](Self::resume_all).
    pub async fn abandon(&self, home: Home) -> Result<Purged, PurgeError> {
        let asked = PurgeRequest::abandon(home)?;
        let mut attempt = 1;
        let (key, first) = loop {
            let key = asked.key_of(attempt);
            let entries = self.journal.entries(&key).await?;
            if was_refused(&entries) {
                attempt += 1;
                continue;
            }
            break (key, entries.into_iter().next());
        };
        let request = first.and_then(|first| PurgeRequest::from_text(&first.text));
        let Some(request) = request.filter(|found| matches!(found.then, Then::Refill { .. }))
        else {
            return Err(asked.impossible(home.placement.lifecycle));
        };
        let abandoned = PurgeEvent::Abandoned;
        self.driver()
            .tell::<Emptying<'_, P>>(&key, &abandoned)
            .await?;
        self.go_on(&key, &request).await
    }

    /// The workflows that are not finished.
    ///
    /// # Errors
    /// [`PurgeError::Journal`] when the list could not be read.
    pub async fn unfinished(&self) -> Result<Vec<RequestKey>, PurgeError> {
        Ok(self.journal.unfinished().await?)
    }

    /// Finishes what a crash has left, one workflow after the other, and says what became of each. One that
    /// fails does not keep the others from being finished.
    ///
    /// # Errors
    /// [`PurgeError::Journal`] when the list of workflows could not be read.
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run): call it again.
    pub async fn resume_all(
        &self,
    ) -> Result<Vec<(RequestKey, Result<Purged, PurgeError>)>, PurgeError> {
        let mut resumed = Vec::new();
        for key in self.unfinished().await? {
            let result = self.resume(&key).await;
            resumed.push((key, result));
        }
        Ok(resumed)
    }

    /// Finishes one of them.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    ///
    /// # Cancel safety
    /// As for [`run`](Self::run): call it again.
    pub async fn resume(&self, key: &RequestKey) -> Result<Purged, PurgeError> {
        let request = self.request(key).await?;
        self.go_on(key, &request).await
    }

    /// What one of them was asked to do.
    ///
    /// # Errors
    /// As for [`run`](Self::run).
    pub async fn request(&self, key: &RequestKey) -> Result<PurgeRequest, PurgeError> {
        let parse =
            |first: &str| PurgeRequest::from_text(first).ok_or("it is of another format".into());
        Ok(self.driver().request(key, parse).await?)
    }

    async fn go_on(&self, key: &RequestKey, request: &PurgeRequest) -> Result<Purged, PurgeError> {
        let acts = &self.purger;
        match self.driver().run(key, &Emptying { acts, request }).await? {
            PurgePhase::Purged(receipt) => Ok(Purged::Forgotten(receipt)),
            PurgePhase::Refilled(home) => Ok(Purged::Refilled(home)),
            PurgePhase::Overtaken => Err(PurgeError::Overtaken),
            PurgePhase::Refused(reason) => Err(PurgeError::Refused { reason }),
            phase => unreachable!("{} is no last phase", phase.as_str()),
        }
    }

    const fn driver(&self) -> Driver<'_, J, C> {
        Driver {
            journal: &self.journal,
            clock: &self.clock,
        }
    }
}

/// The purge of one tenant.
struct Emptying<'a, P> {
    acts: &'a P,
    request: &'a PurgeRequest,
}

impl<P: Purger> Steps for Emptying<'_, P> {
    type Phase = PurgePhase;
    type Event = PurgeEvent;

    const DOING: &'static str = "a purge";
    const STARTED: PurgePhase = PurgePhase::Started;

    fn name(phase: &PurgePhase) -> &'static str {
        phase.as_str()
    }

    fn next(phase: PurgePhase, event: PurgeEvent, at: UnixMicros) -> Result<PurgePhase, BoxError> {
        Ok(phase.next(event, at)?)
    }

    async fn act(&self, phase: &PurgePhase) -> Option<Result<PurgeEvent, BoxError>> {
        use PurgeEvent as E;
        use PurgePhase as P;
        let acts = self.acts;
        Some(match phase {
            P::Started => match &self.request.then {
                Then::Forget => self.begin().await,
                Then::Refill { archive } => self.check(archive).await,
            },
            P::Checked => self.begin().await,
            P::Begun(deletion) => acts.fence(deletion.home).await.map(|()| E::Fenced),
            P::Fenced(deletion) => acts.settle(deletion.home).await.map(|()| E::Settled),
            P::Settled(deletion) => acts.count(deletion.home).await.map(E::Counted),
            P::Counted(deletion) => acts.empty(deletion.home).await.map(|()| E::Emptied),
            P::Emptied(deletion) => acts.count(deletion.home).await.map(proven_or_left),
            P::Proven(deletion) => self.leave(deletion.home).await,
            P::Retracted(deletion) => acts.fence(deletion.home).await.map(|()| E::Closed),
            P::Closed(deletion) => acts.forget(deletion.home).await.map(|()| E::Forgotten),
            P::Reopened(deletion) => acts.fence(deletion.home).await.map(|()| E::Readied),
            P::Readied(deletion) => self.fill(deletion.home).await,
            P::Filled(home) => {
                let decided = acts.decide(*home, Lifecycle::Active).await;
                decided.map(E::Published)
            }
            P::Published(home) => acts.fence(*home).await.map(|()| E::Opened),
            P::Purged(_) | P::Refilled(_) | P::Overtaken | P::Refused(_) => return None,
        })
    }

    /// What writes into a tenant that is being purged may do so again: a runner must not race it for ever.
    fn pause(event: &PurgeEvent) -> Option<BoxError> {
        let PurgeEvent::Left(rows) = event else {
            return None;
        };
        let (table, rows) = rows.first_left()?;
        let table = table.into();
        Some(NotEmpty { table, rows }.into())
    }
}

impl<P: Purger> Emptying<'_, P> {
    async fn check(&self, archive: &str) -> Result<PurgeEvent, BoxError> {
        Ok(match self.acts.check(self.request.tenant, archive).await? {
            Fitness::Fits => PurgeEvent::Checked,
            Fitness::Unfit(reason) => PurgeEvent::Refused(one_line(&reason)),
        })
    }

    async fn begin(&self) -> Result<PurgeEvent, BoxError> {
        let PurgeRequest { tenant, epoch, .. } = *self.request;
        let begun = self.acts.begin(tenant, epoch).await?;
        Ok(begun.map_or(PurgeEvent::Overtaken, |placement| {
            PurgeEvent::Begun(Home { tenant, placement })
        }))
    }

    /// Out of purging, by the one way or the other. Who is emptied while provisioning has been on the other.
    async fn leave(&self, home: Home) -> Result<PurgeEvent, BoxError> {
        match self.request.then {
            Then::Refill { .. } if home.placement.lifecycle == Lifecycle::Purging => {
                let placement = self.acts.decide(home, Lifecycle::Provisioning).await?;
                Ok(PurgeEvent::Reopened(placement))
            }
            Then::Refill { .. } | Then::Forget => {
                let placement = self.acts.decide(home, Lifecycle::Gone).await?;
                Ok(PurgeEvent::Retracted(placement))
            }
        }
    }

    async fn fill(&self, home: Home) -> Result<PurgeEvent, BoxError> {
        let Then::Refill { archive } = &self.request.then else {
            return Err("a tenant that is to be forgotten is not filled".into());
        };
        self.acts.fill(home, archive).await?;
        Ok(PurgeEvent::Filled)
    }
}

/// Whether a workflow has ended without having begun, for its archive's sake.
fn was_refused(entries: &[Entry]) -> bool {
    let last = entries.last().and_then(|entry| entry.text.parse().ok());
    matches!(last, Some(PurgeEvent::Refused(_)))
}

/// A reason as the journal takes it, which is kept for ever: some words.
fn one_line(reason: &str) -> Box<str> {
    let words: Vec<_> = reason.split_whitespace().collect();
    let line: String = words.join(" ").chars().take(200).collect();
    if line.is_empty() {
        return "no reason was given".into();
    }
    line.into()
}

fn proven_or_left(rows: TableCounts) -> PurgeEvent {
    if rows.first_left().is_some() {
        PurgeEvent::Left(rows)
    } else {
        PurgeEvent::Proven
    }
}
