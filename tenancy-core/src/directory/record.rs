use tenancy_types::{
    CellId, DomainName, Lifecycle, Placement, PlanName, Region, RequestKey, Revision, Slug,
    TenantId, UnixMicros,
};

/// A tenant to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTenant {
    /// Under this key the request may be repeated. What must be equal then is everything but the cell: the
    /// planner may choose another one the second time.
    pub request: RequestKey,
    /// Its slug.
    pub slug: Slug,
    /// Its plan.
    pub plan: PlanName,
    /// Where its data must stay, if anywhere. The directory keeps it; placing the tenant accordingly is the
    /// planner's matter.
    pub region: Option<Region>,
    /// Its own domains. Naming one twice is naming it once.
    pub domains: Vec<DomainName>,
    /// The cell it is to live in.
    pub cell: CellId,
}

/// A tenant as the directory knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its identity.
    pub id: TenantId,
    /// Its slug; `None` once the tenant is gone, because another may have it by then.
    pub slug: Option<Slug>,
    /// Its plan.
    pub plan: PlanName,
    /// Where its data must stay, if anywhere.
    pub region: Option<Region>,
    /// Its own domains in alphabetical order; none once it is gone.
    pub domains: Vec<DomainName>,
    /// Where it lives and where in its life it is.
    pub placement: Placement,
    /// The position of its last change in the log: what a change must expect.
    pub revision: Revision,
    /// When it was made.
    pub created: UnixMicros,
}

/// What is to change about a tenant. Says what shall be so afterwards; what is so already stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantChange {
    /// The lifecycle it shall have. `Gone` takes its slug and its domains away.
    pub lifecycle: Option<Lifecycle>,
    /// The plan it shall have.
    pub plan: Option<PlanName>,
    /// Domains that shall lead to it.
    pub add_domains: Vec<DomainName>,
    /// Domains that shall no longer lead to it, unless they are also to be added.
    pub remove_domains: Vec<DomainName>,
}

/// A cell as an operator declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellRecord {
    /// Its id.
    pub cell: CellId,
    /// Where it stands.
    pub region: Region,
    /// How many tenants may live there: a hard limit for new ones.
    pub capacity: u32,
}

/// A cell and how full it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellLoad {
    /// The cell.
    pub record: CellRecord,
    /// How many tenants live there; gone ones do not count.
    pub tenants: u32,
}
