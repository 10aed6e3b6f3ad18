use std::error::Error;

use tenancy_types::{Clock, RequestKey, UnixMicros};

use super::{ActError, Event, Home, Phase, ProvisionError, ProvisionRequest, Provisioner, Refusal};
use crate::{
    Journal,
    workflow::{Driver, Steps},
};

type BoxError = Box<dyn Error + Send + Sync>;

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
        self.driver().begin(key, first).await?;
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
        let parse = |first: &str| {
            let text = first.strip_prefix(STARTED);
            P::Request::from_text(text.ok_or("it is of another format")?)
        };
        let request = self.driver().request(key, parse).await?;
        self.run(key, &request).await
    }

    async fn run(&self, key: &RequestKey, request: &P::Request) -> Result<Home, ProvisionError> {
        let making = Making {
            acts: &self.provisioner,
            key,
            request,
        };
        match self.driver().run(key, &making).await? {
            Phase::Refused(refusal) => Err(refusal.into()),
            Phase::Ready(home) => Ok(home),
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

/// The making of one tenant.
struct Making<'a, P: Provisioner> {
    acts: &'a P,
    key: &'a RequestKey,
    request: &'a P::Request,
}

impl<P: Provisioner> Steps for Making<'_, P> {
    type Phase = Phase;
    type Event = Event;

    const DOING: &'static str = "provisioning";
    const STARTED: Phase = Phase::Started;

    fn name(phase: &Phase) -> &'static str {
        phase.as_str()
    }

    fn next(phase: Phase, event: Event, _: UnixMicros) -> Result<Phase, BoxError> {
        Ok(phase.next(event)?)
    }

    async fn act(&self, phase: &Phase) -> Option<Result<Event, BoxError>> {
        let (acts, request) = (self.acts, self.request);
        Some(match *phase {
            Phase::Started => refusable(acts.create(self.key, request).await.map(Event::Created)),
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
}

fn refusable(result: Result<Event, ActError>) -> Result<Event, BoxError> {
    match result {
        Ok(event) => Ok(event),
        Err(ActError::Refused(refusal)) => Ok(Event::Refused(refusal)),
        Err(ActError::Failed(source)) => Err(source),
    }
}
