use sqlx::{SqliteExecutor, SqlitePool};
use tenancy_types::{DomainName, Slug, TenantId};

use super::{
    super::{CellLoad, Page, Tenant, extent::Extent},
    DirectoryError,
    row::{self, ExtentRow, TenantRow, select_tenant},
    unavailable,
};

/// What the log says of itself. Its end is also known when no entry is left.
pub(super) async fn extent(on: impl SqliteExecutor<'_>) -> Result<Extent, DirectoryError> {
    let found: ExtentRow = sqlx::query_as(
        "select id, incarnation, floor, max(floor, coalesce((select max(revision) from log), 0))
         from identity",
    )
    .fetch_one(on)
    .await
    .map_err(unavailable)?;
    row::extent(found)
}

pub(super) async fn tenant(
    on: impl SqliteExecutor<'_>,
    id: TenantId,
) -> Result<Option<Tenant>, DirectoryError> {
    let found: Option<TenantRow> = sqlx::query_as(select_tenant!("where t.id = ?1"))
        .bind(id.as_i64())
        .fetch_optional(on)
        .await
        .map_err(unavailable)?;
    found.map(row::tenant).transpose()
}

pub(super) async fn by_slug(
    readers: &SqlitePool,
    slug: &Slug,
) -> Result<Option<Tenant>, DirectoryError> {
    let found: Option<TenantRow> = sqlx::query_as(select_tenant!("where t.slug = ?1"))
        .bind(slug.as_str())
        .fetch_optional(readers)
        .await
        .map_err(unavailable)?;
    found.map(row::tenant).transpose()
}

pub(super) async fn by_domain(
    readers: &SqlitePool,
    domain: &DomainName,
) -> Result<Option<Tenant>, DirectoryError> {
    let found: Option<TenantRow> = sqlx::query_as(select_tenant!(
        "where t.id = (select tenant from domain where name = ?1)"
    ))
    .bind(domain.as_str())
    .fetch_optional(readers)
    .await
    .map_err(unavailable)?;
    found.map(row::tenant).transpose()
}

pub(super) async fn tenants(
    on: impl SqliteExecutor<'_>,
    page: Page,
) -> Result<Vec<Tenant>, DirectoryError> {
    let rows: Vec<TenantRow> =
        sqlx::query_as(select_tenant!("where t.id > ?1 order by t.id limit ?2"))
            .bind(page.after.map_or(0, TenantId::as_i64))
            .bind(i64::from(page.limit.get()))
            .fetch_all(on)
            .await
            .map_err(unavailable)?;
    rows.into_iter().map(row::tenant).collect()
}

pub(super) async fn cells(on: impl SqliteExecutor<'_>) -> Result<Vec<CellLoad>, DirectoryError> {
    let rows: Vec<(i64, String, i64, i64)> =
        sqlx::query_as("select id, region, capacity, tenants from cell order by id")
            .fetch_all(on)
            .await
            .map_err(unavailable)?;
    rows.into_iter().map(row::cell).collect()
}
