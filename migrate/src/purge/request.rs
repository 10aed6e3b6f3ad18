use tenancy_types::{Epoch, EpochExhausted, Lifecycle, RequestKey, TenantId};

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
}

/// What comes when a tenant is empty. Exhaustive on purpose: who reads a journal must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is gone.
    Forget,
    /// It is filled again.
    Refill {
        /// From what, as the application finds it after a crash: the name of a file, not its content.
        archive: Box<str>,
    },
}

/// The words at the beginning of the first entry, with the version of the journal's format.
const STARTED: &str = "started 1 ";

impl PurgeRequest {
    /// To purge a tenant that the directory has there.
    ///
    /// A tenant that is being purged already, or is gone, makes the request that it was purged by, so that
    /// asking again has the same answer.
    ///
    /// # Errors
    /// [`EpochExhausted`] when the tenant cannot change any more.
    pub fn purge(home: Home) -> Result<Self, EpochExhausted> {
        Self::new(home, Then::Forget)
    }

    /// To empty the tenant and fill it again from an archive.
    ///
    /// # Errors
    /// As [`purge`](Self::purge).
    pub fn refill(home: Home, archive: &str) -> Result<Self, EpochExhausted> {
        let archive = archive.into();
        Self::new(home, Then::Refill { archive })
    }

    fn new(home: Home, then: Then) -> Result<Self, EpochExhausted> {
        let found = home.placement.epoch;
        let epoch = match home.placement.lifecycle {
            Lifecycle::Purging => found,
            Lifecycle::Gone => Epoch::new(found.incarnation(), found.seq().saturating_sub(1)),
            _ => found.next()?,
        };
        Ok(Self {
            tenant: home.tenant,
            epoch,
            then,
        })
    }

    /// The workflow's key: one for each tenant and epoch, so that a purge and a refill cannot both begin.
    #[must_use]
    pub fn key(&self) -> RequestKey {
        let key = format!("purge-{}-{}", self.tenant, self.epoch);
        key.parse().expect("two numbers make no long key")
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
        })
    }
}
