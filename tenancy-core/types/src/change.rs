use std::fmt;

use crate::{DomainName, Placement, PlanName, Slug, TenantId};

/// A position in the directory's change log. Rises by at least one with each entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(u64);

impl Revision {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);

    /// A revision from its number.
    #[must_use]
    pub const fn new(revision: u64) -> Self {
        Self(revision)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The following revision.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One entry of the directory's change log.
///
/// Entries carry facts, not differences: applying one twice changes nothing, and per tenant only an entry
/// with a greater revision applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its position.
    pub revision: Revision,
    /// What is now so.
    pub event: DirectoryEvent,
}

/// What a change-log entry says. Exhaustive on purpose: a follower must apply each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DirectoryEvent {
    /// The tenant's placement is now this.
    Placed {
        /// The tenant.
        tenant: TenantId,
        /// Its placement.
        placement: Placement,
    },
    /// The slug now leads to the tenant.
    SlugAdded {
        /// The slug.
        slug: Slug,
        /// The tenant.
        tenant: TenantId,
    },
    /// The slug no longer leads to the tenant.
    SlugRemoved {
        /// The slug.
        slug: Slug,
        /// The tenant that had it.
        tenant: TenantId,
    },
    /// The domain now leads to the tenant.
    DomainAdded {
        /// The domain.
        domain: DomainName,
        /// The tenant.
        tenant: TenantId,
    },
    /// The domain no longer leads to the tenant.
    DomainRemoved {
        /// The domain.
        domain: DomainName,
        /// The tenant that had it.
        tenant: TenantId,
    },
    /// The tenant's plan is now this.
    PlanChanged {
        /// The tenant.
        tenant: TenantId,
        /// The plan.
        plan: PlanName,
    },
}

impl DirectoryEvent {
    /// The tenant it is about.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        match self {
            Self::Placed { tenant, .. }
            | Self::SlugAdded { tenant, .. }
            | Self::SlugRemoved { tenant, .. }
            | Self::DomainAdded { tenant, .. }
            | Self::DomainRemoved { tenant, .. }
            | Self::PlanChanged { tenant, .. } => *tenant,
        }
    }
}
