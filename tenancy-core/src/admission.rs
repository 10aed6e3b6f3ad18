//! Admission: the decision to let a resolved tenant in, and the only maker of contexts.
//!
//! | lifecycle | visitors and users | operators | the platform's workflows |
//! | --- | --- | --- | --- |
//! | provisioning | 503, soon | read; writes 403 | read and write |
//! | active | as granted | as granted | as granted |
//! | active, moving | read; writes 503 | read; writes 503 | read; writes 503 |
//! | read-only | read; writes 403 | read; writes 403 | read; writes 403 |
//! | suspended | 403 | read; writes 403 | read; writes 403 |
//! | offboarding | 410 | read; writes 403 | read; writes 403 |
//! | purging | 410 | read; writes 403 | read and write |
//! | gone | 410 | 410 | 410 |
//!
//! Whoever makes or unmakes a tenant is alone with its rows: what an operator wrote behind a purge that has
//! counted no rows any more would stay for ever.

use std::marker::PhantomData;

use tenancy_types::{Epoch, Lifecycle, Placement, TenantId, WorkBudget};

use crate::{
    Access, Grant, Principal, ReadOnly, ReadWrite, Refusal,
    resolve::{Resolved, Source},
};

/// A tenant that was let in, before it is known whether the handler will write.
///
/// Untyped and cheap to clone, so that a middleware can put it into a request's extensions. A handler asks
/// it for the typed context. There is no public constructor: [`admit`] makes it.
#[derive(Clone, Debug)]
pub struct Admitted {
    tenant: TenantId,
    placement: Placement,
    source: Source,
    principal: Principal,
    budget: WorkBudget,
    writes: Writes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writes {
    Allowed,
    NotGranted,
    ReadOnlyTenant,
    NotServed,
    Moving,
}

/// Lets a resolved tenant in, or says why not. Pure.
///
/// # Errors
/// A [`Refusal`] by lifecycle or membership, as in the table of this module.
pub fn admit(
    resolved: Resolved,
    principal: Principal,
    grant: Grant,
    budget: WorkBudget,
) -> Result<Admitted, Refusal> {
    let writes = decide(resolved.placement, &principal, grant)?;
    let Resolved {
        tenant,
        placement,
        source,
    } = resolved;
    Ok(Admitted {
        tenant,
        placement,
        source,
        principal,
        budget,
        writes,
    })
}

fn decide(placement: Placement, principal: &Principal, grant: Grant) -> Result<Writes, Refusal> {
    let granted = match grant {
        Grant::ReadWrite => Writes::Allowed,
        Grant::ReadOnly => Writes::NotGranted,
        Grant::None => return Err(Refusal::NotMember),
    };
    let platform = principal.is_platform();
    let outside = !platform && !principal.is_operator();
    match placement.lifecycle {
        Lifecycle::Gone => Err(Refusal::Gone),
        Lifecycle::Provisioning if outside => Err(Refusal::Provisioning),
        Lifecycle::Suspended if outside => Err(Refusal::Suspended),
        Lifecycle::Offboarding | Lifecycle::Purging if outside => Err(Refusal::Gone),
        Lifecycle::Suspended | Lifecycle::Offboarding => Ok(Writes::NotServed),
        Lifecycle::Provisioning | Lifecycle::Purging if !platform => Ok(Writes::NotServed),
        Lifecycle::ReadOnly => Ok(Writes::ReadOnlyTenant),
        Lifecycle::Provisioning | Lifecycle::Active if placement.moving => Ok(Writes::Moving),
        Lifecycle::Provisioning | Lifecycle::Active | Lifecycle::Purging => Ok(granted),
    }
}

impl Admitted {
    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Where it lives, as it was when the request came in.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        self.placement
    }

    /// Who is asking.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The evidence that named the tenant.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// A context that may only read.
    #[must_use]
    pub fn read_only(&self) -> TenantContext<ReadOnly> {
        TenantContext {
            admitted: self.clone(),
            access: PhantomData,
        }
    }

    /// A context that may read and write.
    ///
    /// # Errors
    /// The [`Refusal`] that says why this tenant or principal cannot write now.
    pub fn read_write(&self) -> Result<TenantContext<ReadWrite>, Refusal> {
        match self.writes {
            Writes::Allowed => Ok(TenantContext {
                admitted: self.clone(),
                access: PhantomData,
            }),
            Writes::NotGranted => Err(Refusal::WriteNotGranted),
            Writes::ReadOnlyTenant => Err(Refusal::ReadOnly),
            Writes::NotServed => Err(Refusal::Suspended),
            Writes::Moving => Err(Refusal::Moving),
        }
    }
}

/// Who the tenant is, and what the code that holds it may do.
///
/// It travels explicitly, as an argument. Only admission makes one, and nothing changes the tenant of one.
#[derive(Clone, Debug)]
pub struct TenantContext<A: Access> {
    admitted: Admitted,
    access: PhantomData<fn() -> A>,
}

impl<A: Access> TenantContext<A> {
    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        self.admitted.tenant
    }

    /// Where the tenant lives.
    #[must_use]
    pub const fn placement(&self) -> Placement {
        self.admitted.placement
    }

    /// The epoch at which the tenant was admitted. The fence refuses any other.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.admitted.placement.epoch
    }

    /// Who is asking.
    #[must_use]
    pub const fn principal(&self) -> &Principal {
        &self.admitted.principal
    }

    /// How much database work the request may cause.
    #[must_use]
    pub const fn budget(&self) -> WorkBudget {
        self.admitted.budget
    }
}

#[cfg(feature = "test-util")]
impl<A: Access> TenantContext<A> {
    /// A context of a tenant that nobody resolved or admitted: a visitor's of an active tenant of cell 1, at
    /// [`Epoch::FIRST`], with four connections and statements of five seconds.
    ///
    /// Only with the feature `test-util`, which belongs into `[dev-dependencies]` alone: one normal dependency
    /// with it turns it on for the whole build. Without it there is no way to a context but [`admit`], and that
    /// is what everything else here relies on.
    #[must_use]
    pub fn for_test(tenant: TenantId) -> Self {
        let cell = tenancy_types::CellId::new(1).expect("not 0");
        let connections = std::num::NonZeroU16::MIN.saturating_add(3);
        Self {
            admitted: Admitted {
                tenant,
                placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
                source: Source::Internal,
                principal: Principal::visitor(),
                budget: WorkBudget::new(connections, std::time::Duration::from_secs(5)),
                writes: Writes::Allowed,
            },
            access: PhantomData,
        }
    }
}

impl TenantContext<ReadWrite> {
    /// The same context with less power.
    #[must_use]
    pub fn to_read_only(&self) -> TenantContext<ReadOnly> {
        self.admitted.read_only()
    }
}
