use futures_util::StreamExt;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};
use tenancy_types::{DomainName, Region, Revision, Slug, TenantId, UnixMicros};

use super::{
    super::{
        Imports, Loaded, NewTenant, Tenant,
        chunks::{CHUNK, next_chunk},
        decide,
        load::Load,
    },
    DirectoryError,
    open::PATIENCE,
    read, row, unavailable,
    write::begin,
};

/// How many domains one statement inserts: each takes two parameters, of which SQLite has 32,766.
const DOMAINS: usize = 10_000;

/// Everything is one transaction, whose statements insert many rows.
pub(super) async fn load(
    writer: &SqlitePool,
    imports: Imports,
    now: UnixMicros,
) -> Result<(Loaded, Option<Revision>), DirectoryError> {
    let mut tx = begin(writer).await?;
    let extent = read::extent(&mut *tx).await?;
    let last: i64 = sqlx::query_scalar("select coalesce(max(id), 0) from tenant")
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
    let mut load = Load::new(extent, last.unsigned_abs(), now);
    let mut chunks = imports.ready_chunks(CHUNK);
    while let Some(chunk) = next_chunk(&mut chunks, PATIENCE).await? {
        let chunk: Vec<_> = (chunk.iter())
            .map(|import| load.next(import))
            .collect::<Result<_, _>>()?;
        insert_tenants(&mut tx, &chunk).await?;
        insert_domains(&mut tx, &chunk).await?;
    }
    arrive(&mut tx, &load).await?;
    let loaded = load.done();
    begin_log_anew(&mut tx, loaded.position.revision).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((loaded, Some(loaded.position.revision)))
}

async fn insert_tenants(
    tx: &mut SqliteConnection,
    chunk: &[(Tenant, NewTenant)],
) -> Result<(), DirectoryError> {
    let mut insert: QueryBuilder<Sqlite> = QueryBuilder::new(
        "insert into tenant
            (id, request, wanted, slug, plan, region, placement, revision, created) ",
    );
    insert.push_values(chunk, |mut row, (tenant, new)| {
        row.push_bind(tenant.id.as_i64())
            .push_bind(new.request.as_str())
            .push_bind(decide::wanted(new))
            .push_bind(tenant.slug.as_ref().map(Slug::as_str))
            .push_bind(tenant.plan.as_str())
            .push_bind(tenant.region.as_ref().map(Region::as_str))
            .push_bind(tenant.placement.to_word().cast_signed())
            .push_bind(row::stored_revision(tenant.revision))
            .push_bind(tenant.created.get());
    });
    insert.push(" on conflict do nothing");
    let done = insert.build().execute(&mut *tx).await;
    if done.map_err(unavailable)?.rows_affected() == chunk.len() as u64 {
        return Ok(());
    }
    for (tenant, new) in chunk {
        let (request, slug): (bool, bool) = sqlx::query_as(
            "select exists (select 1 from tenant where request = ?1 and id <> ?3),
                    exists (select 1 from tenant where slug = ?2 and id <> ?3)",
        )
        .bind(new.request.as_str())
        .bind(new.slug.as_str())
        .bind(tenant.id.as_i64())
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
        if request {
            let request = new.request.clone();
            return Err(DirectoryError::RequestMismatch { request });
        }
        if slug {
            let slug = new.slug.clone();
            return Err(DirectoryError::SlugTaken { slug });
        }
    }
    Err(unavailable("rows of tenants were not inserted"))
}

async fn insert_domains(
    tx: &mut SqliteConnection,
    chunk: &[(Tenant, NewTenant)],
) -> Result<(), DirectoryError> {
    let of = |(tenant, _): &'_ (Tenant, NewTenant)| (tenant.id, tenant.domains.clone());
    let all: Vec<_> = (chunk.iter().map(of))
        .flat_map(|(id, domains)| domains.into_iter().map(move |domain| (domain, id)))
        .collect();
    for part in all.chunks(DOMAINS) {
        let mut insert: QueryBuilder<Sqlite> =
            QueryBuilder::new("insert into domain (name, tenant) ");
        insert.push_values(part, |mut row, (domain, id)| {
            row.push_bind(domain.as_str()).push_bind(id.as_i64());
        });
        insert.push(" on conflict do nothing");
        let done = insert.build().execute(&mut *tx).await;
        if done.map_err(unavailable)?.rows_affected() != part.len() as u64 {
            return Err(taken(tx, part).await?);
        }
    }
    Ok(())
}

/// Of several domains, the first that another tenant has.
async fn taken(
    tx: &mut SqliteConnection,
    part: &[(DomainName, TenantId)],
) -> Result<DirectoryError, DirectoryError> {
    for (domain, id) in part {
        let owner: i64 = sqlx::query_scalar("select tenant from domain where name = ?1")
            .bind(domain.as_str())
            .fetch_one(&mut *tx)
            .await
            .map_err(unavailable)?;
        if owner != id.as_i64() {
            let domain = domain.clone();
            return Ok(DirectoryError::DomainTaken { domain });
        }
    }
    Ok(unavailable("rows of domains were not inserted"))
}

async fn arrive(tx: &mut SqliteConnection, load: &Load) -> Result<(), DirectoryError> {
    let cells = read::cells(&mut *tx).await?;
    for (cell, count) in load.arrivals(&cells)? {
        sqlx::query("update cell set tenants = tenants + ?2 where id = ?1")
            .bind(i64::from(cell.get()))
            .bind(i64::from(count))
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// What was loaded was never in the log, so nobody may follow it from before.
async fn begin_log_anew(tx: &mut SqliteConnection, at: Revision) -> Result<(), DirectoryError> {
    sqlx::query("delete from log")
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    sqlx::query("update identity set floor = ?1")
        .bind(row::stored_revision(at))
        .execute(tx)
        .await
        .map_err(unavailable)?;
    Ok(())
}
