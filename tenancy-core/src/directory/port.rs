use std::fmt;

use futures_core::stream::BoxStream;
use tenancy_types::{DomainName, History, LogEntry, Position, Revision, Slug, TenantId};

use super::{
    CellLoad, CellRecord, DirectoryError, Extent, Imports, Lag, Loaded, NewTenant, Page, Tenant,
    TenantChange,
};

/// The authority on tenants, domains, cells and placements.
///
/// Implementors write `async fn`; whoever wants to hold any directory takes
/// [`AnyDirectory`](super::AnyDirectory). Every method may answer
/// [`Unavailable`](DirectoryError::Unavailable): nothing is known then, and nothing may be concluded.
pub trait Directory: Send + Sync + 'static {
    /// Makes a tenant: `Provisioning`, at its first epoch, with the next free id.
    ///
    /// Idempotent by the request key: the same request again returns the tenant it made, as it is now.
    ///
    /// # Errors
    /// [`SlugTaken`](DirectoryError::SlugTaken), [`DomainTaken`](DirectoryError::DomainTaken),
    /// [`RequestMismatch`](DirectoryError::RequestMismatch) when the key was used for something else,
    /// [`CellUnknown`](DirectoryError::CellUnknown), [`CellFull`](DirectoryError::CellFull).
    ///
    /// # Cancel safety
    /// A dropped future may or may not have made the tenant; ask again with the same key.
    fn create(&self, new: NewTenant)
    -> impl Future<Output = Result<Tenant, DirectoryError>> + Send;

    /// The tenant, also when it is gone.
    fn tenant(
        &self,
        id: TenantId,
    ) -> impl Future<Output = Result<Option<Tenant>, DirectoryError>> + Send;

    /// The living tenant with this slug.
    fn by_slug(
        &self,
        slug: &Slug,
    ) -> impl Future<Output = Result<Option<Tenant>, DirectoryError>> + Send;

    /// The living tenant with this domain.
    fn by_domain(
        &self,
        domain: &DomainName,
    ) -> impl Future<Output = Result<Option<Tenant>, DirectoryError>> + Send;

    /// Tenants in the order of their ids, gone ones too.
    fn tenants(
        &self,
        page: Page,
    ) -> impl Future<Output = Result<Vec<Tenant>, DirectoryError>> + Send;

    /// Makes many tenants at once, all or none: the import of a whole platform.
    ///
    /// What is loaded is not in the log, which begins anew behind it: whoever follows takes a snapshot. A few thousand
    /// tenants are held in memory at a time. Nothing else is changed meanwhile: other writes wait, and give up in their
    /// time; so load before a directory serves, or in portions that take less than that. A stored directory ends a load
    /// whose stream yields nothing for as long as it is patient, by default 10 s.
    ///
    /// # Errors
    /// As [`create`](Self::create), for the first tenant that is found to be wrong;
    /// [`RequestMismatch`](DirectoryError::RequestMismatch) for every key that made a tenant already, also when it asks
    /// for the same; [`TenantGone`](DirectoryError::TenantGone) for one that is gone; and whatever the stream yields.
    ///
    /// # Cancel safety
    /// A dropped future may or may not load them, never a part; the keys tell.
    fn load(&self, imports: Imports)
    -> impl Future<Output = Result<Loaded, DirectoryError>> + Send;

    /// Changes a tenant that is still at the `expected` revision, all or nothing, and returns it as it is
    /// now. A change that changes nothing leaves the revision alone.
    ///
    /// # Errors
    /// [`NotFound`](DirectoryError::NotFound), [`VersionMismatch`](DirectoryError::VersionMismatch),
    /// [`TenantGone`](DirectoryError::TenantGone), [`Rejected`](DirectoryError::Rejected) when the lifecycle
    /// may not change so, [`DomainTaken`](DirectoryError::DomainTaken).
    ///
    /// # Cancel safety
    /// A dropped future may or may not have changed the tenant; its revision tells.
    fn change(
        &self,
        id: TenantId,
        expected: Revision,
        change: TenantChange,
    ) -> impl Future<Output = Result<Tenant, DirectoryError>> + Send;

    /// Forgets everything about a tenant that is gone but its numbers: id, placement, revision, when it was
    /// made, and the name of its plan, which is a word of the platform. Its request key, its region and what
    /// the log says of its names are removed; each implementation says what is left of them in files.
    ///
    /// The log then begins, for this tenant, with how it ended. Who has followed the log into its life and
    /// not to its end gets a [`LogGap`](DirectoryError::LogGap). Its key can make another tenant.
    ///
    /// Doing it twice does it once; after an error, do it again.
    ///
    /// # Errors
    /// [`NotFound`](DirectoryError::NotFound), [`NotGone`](DirectoryError::NotGone);
    /// [`Unavailable`](DirectoryError::Unavailable) also while somebody reads an old snapshot from the file.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have forgotten the tenant; do it again.
    fn forget(&self, id: TenantId) -> impl Future<Output = Result<Tenant, DirectoryError>> + Send;

    /// Makes the cell known, or changes its region and capacity. A capacity below the number of its tenants
    /// only keeps further ones out.
    fn put_cell(&self, cell: CellRecord)
    -> impl Future<Output = Result<(), DirectoryError>> + Send;

    /// All cells in the order of their ids, with the number of tenants that live there.
    fn cells(&self) -> impl Future<Output = Result<Vec<CellLoad>, DirectoryError>> + Send;

    /// From where to where the log reaches now.
    fn extent(&self) -> impl Future<Output = Result<Extent, DirectoryError>> + Send;

    /// Where the log ends: what a snapshot taken now would contain.
    fn newest(&self) -> impl Future<Output = Result<Position, DirectoryError>> + Send {
        async { Ok(self.extent().await?.newest) }
    }

    /// The history in which revisions count now.
    fn history(&self) -> impl Future<Output = Result<History, DirectoryError>> + Send {
        async { Ok(self.newest().await?.history) }
    }

    /// Begins a new history with the incarnation behind the `expected` one, and returns it: what an operator does with
    /// a directory that was restored from a backup, before anything else uses it.
    ///
    /// Whoever follows the log gets a [`LogGap`](DirectoryError::LogGap), because the restored directory gives out numbers
    /// that it had given out before, and takes a snapshot. The first epoch that a tenant gets from then on is the first
    /// of the new incarnation, so it is newer than whatever a cell heard before the restore. What is stored stays as it
    /// is. A directory that was restored more than once is raised until its incarnation is greater than any that was
    /// used, by fences of cells or by followers' files, however old the backup.
    ///
    /// It happens once for an `expected` incarnation: after an error that leaves it open, read the
    /// [history](Self::history); if that is still the expected one, do it again.
    ///
    /// # Errors
    /// [`IncarnationMismatch`](DirectoryError::IncarnationMismatch) when the incarnation is another one,
    /// [`IncarnationsExhausted`](DirectoryError::IncarnationsExhausted) behind the 65,535th.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have raised it; the history tells.
    fn raise_incarnation(
        &self,
        expected: u16,
    ) -> impl Future<Output = Result<u16, DirectoryError>> + Send;

    /// How far behind the log's end a follower is that has seen everything up to `after`.
    ///
    /// # Errors
    /// [`LogGap`](DirectoryError::LogGap) when it cannot follow the log from there.
    fn lag(&self, after: Position) -> impl Future<Output = Result<Lag, DirectoryError>> + Send;

    /// Removes the entries of the log up to and with a revision, and returns how many. Where the log ends is known as
    /// before, also when no entry is left.
    ///
    /// Who has not seen them all gets a [`LogGap`](DirectoryError::LogGap) and takes a snapshot, so keep what followers
    /// need to catch up after a pause: what the slowest of them has seen, or a day. They are removed in batches of
    /// 10,000, and others write in between.
    ///
    /// # Cancel safety
    /// Dropping it leaves the log compacted to somewhere before `up_to`, or to there; do it again.
    fn compact(&self, up_to: Revision) -> impl Future<Output = Result<u64, DirectoryError>> + Send;

    /// Everything a follower must know, as of one position.
    fn snapshot(&self) -> impl Future<Output = Result<Snapshot, DirectoryError>> + Send;

    /// The change log behind `after`: first what is there, then what comes. Ends only with an error.
    ///
    /// Entries come in the order of their revisions, each once; there are holes where a tenant was
    /// [forgotten](Self::forget). The stream yields
    /// [`LogGap`](DirectoryError::LogGap) when the log cannot be followed from there, also when it is of another history,
    /// or becomes so: take a snapshot then.
    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>>;
}

/// The directory as of one position, as facts.
///
/// The facts of a tenant stand together and start with its placement; a tenant that is gone has only its
/// placement and its plan.
pub struct Snapshot {
    /// Every entry up to here is contained, and none behind it.
    pub position: Position,
    /// The facts. Each carries the revision of its tenant's last change.
    pub facts: BoxStream<'static, Result<LogEntry, DirectoryError>>,
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
