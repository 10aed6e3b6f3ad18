use tenancy_types::{Epoch, Lifecycle, RequestKey, TenantId};

use super::PurgeError;
use crate::Home;

/// A tenant to be emptied, and what comes then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeRequest {
    /// The tenant.
    pub tenant: TenantId,
    /// The epoch at which it is purging, or will be: that of the decision and one.
    pub epoch: Epoch,
    /// What comes then.
    pub then: Then,
    /// The lifecycle of a tenant that is past its purge: the request asks for its answer and begins nothing.
    past: Option<Lifecycle>,
}

/// What comes when a tenant is empty. Exhaustive on purpose: who reads a journal must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is gone.
    Forget,
    /// It is filled again.
    Refill {
        /// From what, as the application finds it after a crash: the name of a file, not its content. It is
        /// journalled and kept, so it is a random number or a hash, and has no name of a shop in it.
        archive: Box<str>,
    },
}

/// The words at the beginning of the first entry, with the version of the journal's format.
const STARTED: &str = "started 1 ";

impl PurgeRequest {
    /// To purge a tenant that the directory has there: one that is offboarding.
    ///
    /// A tenant that is being purged already, or is gone, makes the request that it was purged by, so that
    /// asking again has the same answer.
    ///
    /// # Errors
    /// [`PurgeError::Lifecycle`] for any other; [`PurgeError::Exhausted`] when the tenant cannot change any
    /// more.
    pub fn purge(home: Home) -> Result<Self, PurgeError> {
        let request = Self::new(home, Then::Forget);
        match home.placement.lifecycle {
            Lifecycle::Offboarding => request.next(),
            Lifecycle::Purging => Ok(request),
            Lifecycle::Gone => request.past(home, 1),
            found => Err(request.impossible(found)),
        }
    }

    /// To empty a tenant that is suspended and fill it again from an archive. It is active then.
    ///
    /// A tenant that is purging, provisioning or active makes the request that it may have been refilled by, so
    /// that asking again has the same answer. Where there was no such refill,
    /// [`run`](crate::Purging::run) says so and begins none.
    ///
    /// # Errors
    /// As [`purge`](Self::purge).
    pub fn refill(home: Home, archive: &str) -> Result<Self, PurgeError> {
        let archive = archive.into();
        let request = Self::new(home, Then::Refill { archive });
        match home.placement.lifecycle {
            Lifecycle::Suspended => request.next(),
            Lifecycle::Purging => Ok(request),
            Lifecycle::Provisioning => request.past(home, 1),
            Lifecycle::Active => request.past(home, 2),
            found => Err(request.impossible(found)),
        }
    }

    /// The purge that asks for the end of a refill, at the epoch of that refill.
    pub(super) fn abandon(home: Home) -> Result<Self, PurgeError> {
        let request = Self::new(home, Then::Forget);
        match home.placement.lifecycle {
            Lifecycle::Provisioning => request.past(home, 1),
            Lifecycle::Gone => request.past(home, 2),
            found => Err(request.impossible(found)),
        }
    }

    const fn new(home: Home, then: Then) -> Self {
        Self {
            tenant: home.tenant,
            epoch: home.placement.epoch,
            then,
            past: None,
        }
    }

    /// That decides about the tenant as it is.
    fn next(self) -> Result<Self, PurgeError> {
        let epoch = self.epoch.next()?;
        Ok(Self { epoch, ..self })
    }

    /// That was decided, and this many decisions have followed from it.
    fn past(self, home: Home, decisions: u32) -> Result<Self, PurgeError> {
        let found = home.placement.lifecycle;
        let Some(seq) = self.epoch.seq().checked_sub(decisions) else {
            return Err(self.impossible(found));
        };
        Ok(Self {
            epoch: Epoch::new(self.epoch.incarnation(), seq),
            past: Some(found),
            ..self
        })
    }

    /// Refuses to begin what can only have been.
    pub(super) fn may_begin(&self) -> Result<(), PurgeError> {
        self.past
            .map_or(Ok(()), |found| Err(self.impossible(found)))
    }

    pub(super) const fn impossible(&self, found: Lifecycle) -> PurgeError {
        let verb = match self.then {
            Then::Forget => "purged",
            Then::Refill { .. } => "refilled",
        };
        PurgeError::Lifecycle { found, verb }
    }

    /// The workflow's key: one for each tenant and epoch, so that a purge and a refill cannot both begin.
    ///
    /// A refill at the same epoch as one that was refused has another: `-2` and so on is added.
    #[must_use]
    pub fn key(&self) -> RequestKey {
        self.key_of(1)
    }

    /// The key for an attempt at this epoch, all before which were refused.
    pub(super) fn key_of(&self, attempt: u32) -> RequestKey {
        let more = if attempt == 1 {
            String::new()
        } else {
            format!("-{attempt}")
        };
        let key = format!("purge-{}-{}{more}", self.tenant, self.epoch);
        key.parse().expect("numbers make no long key")
    }

    /// The first entry of the journal.
    pub(super) fn to_text(&self) -> String {
        let (tenant, epoch) = (self.tenant, self.epoch);
        match &self.then {
            Then::Forget => format!("{STARTED}purge {tenant} {epoch}"),
            Then::Refill { archive } => format!("{STARTED}refill {tenant} {epoch} {archive}"),
        }
    }

    pub(super) fn from_text(text: &str) -> Option<Self> {
        let mut words = text.strip_prefix(STARTED)?.splitn(4, ' ');
        let (verb, tenant, epoch) = (words.next()?, words.next()?, words.next()?);
        let then = match (verb, words.next()) {
            ("purge", None) => Then::Forget,
            ("refill", Some(archive)) => Then::Refill {
                archive: archive.into(),
            },
            _ => return None,
        };
        Some(Self {
            tenant: tenant.parse().ok()?,
            epoch: epoch.parse().ok()?,
            then,
            past: None,
        })
    }
}
