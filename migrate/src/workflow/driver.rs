use std::{error::Error, fmt, future::Future, str::FromStr};

use tenancy_types::{Clock, RequestKey, UnixMicros};

use super::{Entry, Journal, JournalError};

type BoxError = Box<dyn Error + Send + Sync>;

/// A kind of workflow: its phases, the one act that follows each, and the table of what an act leads to.
pub(crate) trait Steps: Sync {
    type Phase: Send + Sync;
    type Event: Clone + fmt::Display + FromStr<Err: Into<BoxError>> + Send + Sync;

    /// What the workflow does, for logs.
    const DOING: &'static str;
    /// Where every workflow begins.
    const STARTED: Self::Phase;

    /// The phase's name, for logs and errors.
    fn name(phase: &Self::Phase) -> &'static str;

    /// The phase after an event that was journalled at that time.
    fn next(
        phase: Self::Phase,
        event: Self::Event,
        at: UnixMicros,
    ) -> Result<Self::Phase, BoxError>;

    /// Does what comes next; `None` in a last phase.
    fn act(
        &self,
        phase: &Self::Phase,
    ) -> impl Future<Output = Option<Result<Self::Event, BoxError>>> + Send;

    /// Why the runner stops after it has journalled an event, to go on another time.
    fn pause(_event: &Self::Event) -> Option<BoxError> {
        None
    }
}

/// Why a workflow has no answer yet.
pub(crate) enum Stopped {
    Mismatch {
        key: RequestKey,
    },
    Unfinished {
        phase: &'static str,
        source: BoxError,
    },
    Journal {
        source: JournalError,
    },
    BadEntry {
        key: RequestKey,
        number: usize,
        source: BoxError,
    },
}

impl From<JournalError> for Stopped {
    fn from(source: JournalError) -> Self {
        Self::Journal { source }
    }
}

/// Carries out one act after the other and journals each. It holds no state of its own.
pub(crate) struct Driver<'a, J, C> {
    pub(crate) journal: &'a J,
    pub(crate) clock: &'a C,
}

impl<J: Journal, C: Clock> Driver<'_, J, C> {
    /// Writes the request down, unless it is there; it must be the same then.
    pub(crate) async fn begin(&self, key: &RequestKey, request: String) -> Result<(), Stopped> {
        if self.journal.entries(key).await?.is_empty() {
            self.append(key, 0, self.entry(request.clone())).await?;
        }
        let entries = self.journal.entries(key).await?;
        if entries.first().is_some_and(|entry| entry.text == request) {
            Ok(())
        } else {
            Err(Stopped::Mismatch { key: key.clone() })
        }
    }

    /// The request that was written down.
    pub(crate) async fn request<R>(
        &self,
        key: &RequestKey,
        parse: impl FnOnce(&str) -> Result<R, BoxError> + Send,
    ) -> Result<R, Stopped> {
        let entries = self.journal.entries(key).await?;
        let request = entries
            .first()
            .map_or(Err("it is missing".into()), |first| parse(&first.text));
        request.map_err(|source| bad_entry(key, 0, source))
    }

    /// Acts and journals until there is an answer: a last phase.
    pub(crate) async fn run<S: Steps>(
        &self,
        key: &RequestKey,
        steps: &S,
    ) -> Result<S::Phase, Stopped> {
        loop {
            let entries = self.journal.entries(key).await?;
            let phase = replay::<S>(key, &entries)?;
            // Where another runner has gone on, the journal knows how far.
            if let Some(last) = self.advance(key, steps, phase, entries.len()).await? {
                self.journal.close(key).await?;
                return Ok(last);
            }
        }
    }

    /// Journals an event that no act has led to, where the phase takes it.
    pub(crate) async fn tell<S: Steps>(
        &self,
        key: &RequestKey,
        event: &S::Event,
    ) -> Result<(), Stopped> {
        loop {
            let entries = self.journal.entries(key).await?;
            let entry = self.entry(event.to_string());
            let phase = replay::<S>(key, &entries)?;
            let is_taken = S::next(phase, event.clone(), entry.at).is_ok();
            if !is_taken || self.append(key, entries.len(), entry).await? {
                return Ok(());
            }
        }
    }

    /// Goes on from a phase that has so many entries, to a last phase or, `None`, to where another runner
    /// was first.
    async fn advance<S: Steps>(
        &self,
        key: &RequestKey,
        steps: &S,
        mut phase: S::Phase,
        mut number: usize,
    ) -> Result<Option<S::Phase>, Stopped> {
        while let Some(result) = steps.act(&phase).await {
            let event = match result {
                Ok(event) => event,
                // An act that came late may fail for that very reason.
                Err(_) if self.journal.entries(key).await?.len() > number => return Ok(None),
                Err(source) => {
                    let phase = S::name(&phase);
                    return Err(Stopped::Unfinished { phase, source });
                }
            };
            let entry = self.entry(event.to_string());
            let at = entry.at;
            if !self.append(key, number, entry).await? {
                return Ok(None);
            }
            tracing::info!(%key, phase = S::name(&phase), %event, "{} went on", S::DOING);
            let pause = S::pause(&event);
            phase = S::next(phase, event, at).expect("an act leads to an event that is listed");
            if let Some(source) = pause {
                let phase = S::name(&phase);
                return Err(Stopped::Unfinished { phase, source });
            }
            number += 1;
        }
        Ok(Some(phase))
    }

    fn entry(&self, text: String) -> Entry {
        let at = self.clock.unix();
        Entry { at, text }
    }

    /// Whether the entry was added; not when another runner was first.
    async fn append(
        &self,
        key: &RequestKey,
        number: usize,
        entry: Entry,
    ) -> Result<bool, JournalError> {
        let number = u32::try_from(number).expect("a workflow has few entries");
        match self.journal.append(key, number, entry).await {
            Ok(()) => Ok(true),
            Err(JournalError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The phase that the entries behind the first one lead to.
fn replay<S: Steps>(key: &RequestKey, entries: &[Entry]) -> Result<S::Phase, Stopped> {
    let mut phase = S::STARTED;
    for (number, entry) in entries.iter().enumerate().skip(1) {
        let event = entry.text.parse::<S::Event>();
        let event = event.map_err(|error| bad_entry(key, number, error))?;
        phase = S::next(phase, event, entry.at).map_err(|error| bad_entry(key, number, error))?;
    }
    Ok(phase)
}

fn bad_entry(key: &RequestKey, number: usize, source: impl Into<BoxError>) -> Stopped {
    Stopped::BadEntry {
        key: key.clone(),
        number,
        source: source.into(),
    }
}
