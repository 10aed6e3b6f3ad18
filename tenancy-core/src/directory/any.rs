use std::{fmt, sync::Arc};

use futures_core::{future::BoxFuture, stream::BoxStream};
use tenancy_types::{DomainName, LogEntry, Position, Revision, Slug, TenantId};

use super::{
    CellLoad, CellRecord, Directory, DirectoryError, Extent, Imports, Lag, Loaded, NewTenant, Page,
    Snapshot, Tenant, TenantChange,
};

/// Any [`Directory`], for services that should not be generic over it. Cloning is cheap.
#[derive(Clone)]
pub struct AnyDirectory(Arc<dyn ErasedDirectory>);

impl AnyDirectory {
    /// Erases the type of a directory.
    pub fn new(directory: impl Directory) -> Self {
        Self(Arc::new(directory))
    }
}

impl fmt::Debug for AnyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyDirectory")
    }
}

type Answer<'a, T> = BoxFuture<'a, Result<T, DirectoryError>>;

/// The object-safe twin of [`Directory`].
trait ErasedDirectory: Send + Sync + 'static {
    fn create(&self, new: NewTenant) -> Answer<'_, Tenant>;
    fn tenant(&self, id: TenantId) -> Answer<'_, Option<Tenant>>;
    fn by_slug<'a>(&'a self, slug: &'a Slug) -> Answer<'a, Option<Tenant>>;
    fn by_domain<'a>(&'a self, domain: &'a DomainName) -> Answer<'a, Option<Tenant>>;
    fn tenants(&self, page: Page) -> Answer<'_, Vec<Tenant>>;
    fn change(&self, id: TenantId, expected: Revision, change: TenantChange) -> Answer<'_, Tenant>;
    fn load(&self, imports: Imports) -> Answer<'_, Loaded>;
    fn forget(&self, id: TenantId) -> Answer<'_, Tenant>;
    fn put_cell(&self, cell: CellRecord) -> Answer<'_, ()>;
    fn cells(&self) -> Answer<'_, Vec<CellLoad>>;
    fn extent(&self) -> Answer<'_, Extent>;
    fn raise_incarnation(&self, expected: u16) -> Answer<'_, u16>;
    fn lag(&self, after: Position) -> Answer<'_, Lag>;
    fn compact(&self, up_to: Revision) -> Answer<'_, u64>;
    fn snapshot(&self) -> Answer<'_, Snapshot>;
    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>>;
}

impl<D: Directory> ErasedDirectory for D {
    fn create(&self, new: NewTenant) -> Answer<'_, Tenant> {
        Box::pin(Directory::create(self, new))
    }

    fn tenant(&self, id: TenantId) -> Answer<'_, Option<Tenant>> {
        Box::pin(Directory::tenant(self, id))
    }

    fn by_slug<'a>(&'a self, slug: &'a Slug) -> Answer<'a, Option<Tenant>> {
        Box::pin(Directory::by_slug(self, slug))
    }

    fn by_domain<'a>(&'a self, domain: &'a DomainName) -> Answer<'a, Option<Tenant>> {
        Box::pin(Directory::by_domain(self, domain))
    }

    fn tenants(&self, page: Page) -> Answer<'_, Vec<Tenant>> {
        Box::pin(Directory::tenants(self, page))
    }

    fn change(&self, id: TenantId, expected: Revision, change: TenantChange) -> Answer<'_, Tenant> {
        Box::pin(Directory::change(self, id, expected, change))
    }

    fn load(&self, imports: Imports) -> Answer<'_, Loaded> {
        Box::pin(Directory::load(self, imports))
    }

    fn forget(&self, id: TenantId) -> Answer<'_, Tenant> {
        Box::pin(Directory::forget(self, id))
    }

    fn put_cell(&self, cell: CellRecord) -> Answer<'_, ()> {
        Box::pin(Directory::put_cell(self, cell))
    }

    fn cells(&self) -> Answer<'_, Vec<CellLoad>> {
        Box::pin(Directory::cells(self))
    }

    fn extent(&self) -> Answer<'_, Extent> {
        Box::pin(Directory::extent(self))
    }

    fn raise_incarnation(&self, expected: u16) -> Answer<'_, u16> {
        Box::pin(Directory::raise_incarnation(self, expected))
    }

    fn lag(&self, after: Position) -> Answer<'_, Lag> {
        Box::pin(Directory::lag(self, after))
    }

    fn compact(&self, up_to: Revision) -> Answer<'_, u64> {
        Box::pin(Directory::compact(self, up_to))
    }

    fn snapshot(&self) -> Answer<'_, Snapshot> {
        Box::pin(Directory::snapshot(self))
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
        Directory::changes(self, after)
    }
}

impl Directory for AnyDirectory {
    async fn create(&self, new: NewTenant) -> Result<Tenant, DirectoryError> {
        self.0.create(new).await
    }

    async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, DirectoryError> {
        self.0.tenant(id).await
    }

    async fn by_slug(&self, slug: &Slug) -> Result<Option<Tenant>, DirectoryError> {
        self.0.by_slug(slug).await
    }

    async fn by_domain(&self, domain: &DomainName) -> Result<Option<Tenant>, DirectoryError> {
        self.0.by_domain(domain).await
    }

    async fn tenants(&self, page: Page) -> Result<Vec<Tenant>, DirectoryError> {
        self.0.tenants(page).await
    }

    async fn change(
        &self,
        id: TenantId,
        expected: Revision,
        change: TenantChange,
    ) -> Result<Tenant, DirectoryError> {
        self.0.change(id, expected, change).await
    }

    async fn load(&self, imports: Imports) -> Result<Loaded, DirectoryError> {
        self.0.load(imports).await
    }

    async fn forget(&self, id: TenantId) -> Result<Tenant, DirectoryError> {
        self.0.forget(id).await
    }

    async fn put_cell(&self, cell: CellRecord) -> Result<(), DirectoryError> {
        self.0.put_cell(cell).await
    }

    async fn cells(&self) -> Result<Vec<CellLoad>, DirectoryError> {
        self.0.cells().await
    }

    async fn extent(&self) -> Result<Extent, DirectoryError> {
        self.0.extent().await
    }

    async fn raise_incarnation(&self, expected: u16) -> Result<u16, DirectoryError> {
        self.0.raise_incarnation(expected).await
    }

    async fn lag(&self, after: Position) -> Result<Lag, DirectoryError> {
        self.0.lag(after).await
    }

    async fn compact(&self, up_to: Revision) -> Result<u64, DirectoryError> {
        self.0.compact(up_to).await
    }

    async fn snapshot(&self) -> Result<Snapshot, DirectoryError> {
        self.0.snapshot().await
    }

    fn changes(&self, after: Position) -> BoxStream<'static, Result<LogEntry, DirectoryError>> {
        self.0.changes(after)
    }
}
