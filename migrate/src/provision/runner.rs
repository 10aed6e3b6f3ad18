use std::error::Error;

use tenancy_types::{Clock, RequestKey};

use super::{ActError, Event, Home, Phase, ProvisionError, ProvisionRequest, Provisioner, Refusal};
use crate::{Entry, Journal, JournalError};

/// The word before the request in the first entry, with the version of the journal's format.
const STARTED: &str = "started 1 ";

/// Makes tenants: writes the request down, then carries out one act after the other and journals each.
///
/// It holds no state of its own, so any number may run on one journal.
#[derive(Debug)]
pub struct Provisioning<P, J, C> {
    provisioner: P,
    journal: J,
    clock: C,
}

/// What became of the workflows that were unfinished.
#[derive(Debug, Default)]
pub struct Resumed {
    /// Tenants that are ready now.
    pub ready: Vec<Home>,
    /// Workflows that were undone or refused.
    pub refused: Vec<(RequestKey, Refusal)>,
    /// Workflows that are still unfinished, with the reason.
    pub unfinished: Vec<(RequestKey, ProvisionError)>,
}

impl<P: Provisioner, J: Journal, C: Clock> Provisioning<P, J, C> {
    /// A runner over the application's acts and a journal.
    #[must_use]
    pub const fn new(provisioner: P, journal: J, clock: C) -> Self {
        Self {
            provisioner,
            journal,
            clock,
        }
    }

    /// The application's acts.
    #[must_use]
    pub const fn provisioner(&self) -> &P {
        &self.provisioner
    }

    /// Makes a tenant, or goes on making it, or says what came of it.
    ///
    /// The same key with the same request gets the same answer, whenever it asks and whatever crashed in
    /// between. The placement in the answer is the one the tenant became active at.
    ///
    /// # Errors
    /// [`Refused`](ProvisionError::Refused) is final and leaves nothing behind;
    /// [`RequestMismatch`](ProvisionError::RequestMismatch) when the key was used for something else; all
    /// others leave open what becomes of the tenant: repeat the request with its key.
    ///
    /// # Cancel safety
    /// A dropped future is a crash: the workflow stays where it is. Repeat the request with its key.
    pub async fn provision(
        &self,
        key: &RequestKey,
        request: &P::Request,
    ) -> Result<Home, ProvisionError> {
        let first = format!("{STARTED}{}", request.to_text());
        if self.journal.entries(key).await?.is_empty() {
            self.append(key, 0, first.clone()).await?;
        }
        let entries = self.journal.entries(key).await?;
        if entries.first().is_none_or(|entry| entry.text != first) {
            return Err(ProvisionError::RequestMismatch { key: key.clone() });
        }
        self.run(key, request).await
    }

    /// Finishes or undoes what a crash has left, one workflow after the other. One that fails does not keep
    /// the others from being finished.
    ///
    /// # Errors
    /// [`ProvisionError::Journal`] when the list of workflows could not be read.
    ///
    /// # Cancel safety
    /// As for [`provision`](Self::provision): call it again.
    pub async fn resume_all(&self) -> Result<Resumed, ProvisionError> {
        let mut resumed = Resumed::default();
        for key in self.journal.unfinished().await? {
            match self.resume(&key).await {
                Ok(home) => resumed.ready.push(home),
                Err(ProvisionError::Refused(refusal)) => resumed.refused.push((key, refusal)),
                Err(error) => resumed.unfinished.push((key, error)),
            }
        }
        Ok(resumed)
    }

    async fn resume(&self, key: &RequestKey) -> Result<Home, ProvisionError> {
        let entries = self.journal.entries(key).await?;
        let request = entries
            .first()
            .map_or(Err("it is missing".into()), |first| {
                let text = first.text.strip_prefix(STARTED);
                P::Request::from_text(text.ok_or("it is of another format")?)
            });
        let request = request.map_err(|source| bad_entry(key, 0, source))?;
        self.run(key, &request).await
    }

    /// Acts and journals until there is an answer.
    async fn run(&self, key: &RequestKey, request: &P::Request) -> Result<Home, ProvisionError> {
        loop {
            let entries = self.journal.entries(key).await?;
            let phase = replay(key, &entries)?;
            let answer = match self.advance(key, request, phase, entries.len()).await? {
                Phase::Ready(home) => Ok(home),
                Phase::Refused(refusal) => Err(refusal.into()),
                // Another runner has gone on; the journal knows how far.
                _ => continue,
            };
            self.journal.close(key).await?;
            return answer;
        }
    }

    /// Goes on from a phase that has so many entries, to a last phase or to where another runner was first.
    async fn advance(
        &self,
        key: &RequestKey,
        request: &P::Request,
        mut phase: Phase,
        mut number: usize,
    ) -> Result<Phase, ProvisionError> {
        while let Some(result) = self.act(key, request, &phase).await {
            let event = match result {
                Ok(event) => event,
                // An act that came late may fail for that very reason.
                Err(_) if self.journal.entries(key).await?.len() > number => return Ok(phase),
                Err(source) => {
                    let phase = phase.as_str();
                    return Err(ProvisionError::Unfinished { phase, source });
                }
            };
            if !self.append(key, number, event.to_string()).await? {
                return Ok(phase);
            }
            tracing::info!(%key, phase = phase.as_str(), %event, "provisioning went on");
            phase = phase
                .next(event)
                .expect("an act leads to an event that the table lists");
            number += 1;
        }
        Ok(phase)
    }

    /// Does what comes next; `None` in a last phase.
    async fn act(
        &self,
        key: &RequestKey,
        request: &P::Request,
        phase: &Phase,
    ) -> Option<Result<Event, Box<dyn Error + Send + Sync>>> {
        let acts = &self.provisioner;
        Some(match *phase {
            Phase::Started => refusable(acts.create(key, request).await.map(Event::Created)),
            Phase::Created(home) => acts.fence(home).await.map(|()| Event::Fenced),
            Phase::Fenced(home) => {
                refusable(acts.seed(request, home).await.map(|()| Event::Seeded))
            }
            Phase::Seeded(home) => acts.publish(home).await.map(Event::Published),
            Phase::Published(home) => acts.open(home).await.map(|()| Event::Opened),
            Phase::Unwinding(home, _) => acts.retract(home).await.map(Event::Retracted),
            Phase::Retracted(home, _) => acts.clear(home).await.map(|()| Event::Cleared),
            Phase::Ready(_) | Phase::Refused(_) => return None,
        })
    }

    /// Whether the entry was added; not when another runner was first.
    async fn append(
        &self,
        key: &RequestKey,
        number: usize,
        text: String,
    ) -> Result<bool, ProvisionError> {
        let number = u32::try_from(number).expect("a workflow has few entries");
        let at = self.clock.unix();
        match self.journal.append(key, number, Entry { at, text }).await {
            Ok(()) => Ok(true),
            Err(JournalError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn refusable(result: Result<Event, ActError>) -> Result<Event, Box<dyn Error + Send + Sync>> {
    match result {
        Ok(event) => Ok(event),
        Err(ActError::Refused(refusal)) => Ok(Event::Refused(refusal)),
        Err(ActError::Failed(source)) => Err(source),
    }
}

/// The phase that the entries behind the first one lead to.
fn replay(key: &RequestKey, entries: &[Entry]) -> Result<Phase, ProvisionError> {
    let mut phase = Phase::Started;
    for (number, entry) in entries.iter().enumerate().skip(1) {
        let event: Event = entry
            .text
            .parse()
            .map_err(|error| bad_entry(key, number, error))?;
        phase = phase
            .next(event)
            .map_err(|error| bad_entry(key, number, error))?;
    }
    Ok(phase)
}

fn bad_entry(
    key: &RequestKey,
    number: usize,
    source: impl Into<Box<dyn Error + Send + Sync>>,
) -> ProvisionError {
    ProvisionError::BadEntry {
        key: key.clone(),
        number,
        source: source.into(),
    }
}
