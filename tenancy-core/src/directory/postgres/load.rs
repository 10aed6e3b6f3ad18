use futures_util::StreamExt;
use sqlx::{PgConnection, postgres::PgDatabaseError};
use tenancy_types::{Region, Revision, UnixMicros};

use super::{
    super::{
        Imports, Loaded, NewTenant, Tenant,
        chunks::{CHUNK, next_chunk},
        load::Load,
    },
    DirectoryError,
    copy::CopyText,
    door::{Door, in_time},
    read, row, unavailable,
    write::{begin, wanted},
};

const TENANTS: &str = "copy tenant
    (id, request, wanted, slug, plan, region, placement, revision, created) from stdin";
const DOMAINS: &str = "copy domain (name, tenant) from stdin";

/// Everything is one transaction; chunk after chunk is copied, tenants and then their domains.
///
/// A connection of its own: no limit of the server's cuts a load short, but each chunk must come in time.
pub(super) async fn load(
    door: &Door,
    imports: Imports,
    now: UnixMicros,
) -> Result<(Loaded, Option<Revision>), DirectoryError> {
    let patience = door.patience();
    let mut connection = door.own().await?;
    let (mut tx, extent) = in_time(patience, begin(&mut connection)).await?;
    let last = in_time(patience, last_id(&mut tx)).await?;
    let mut load = Load::new(extent, last.unsigned_abs(), now);
    let mut chunks = imports.ready_chunks(CHUNK);
    while let Some(chunk) = next_chunk(&mut chunks, patience).await? {
        let chunk: Vec<_> = (chunk.iter())
            .map(|import| load.next(import))
            .collect::<Result<_, _>>()?;
        in_time(patience, copy(&mut tx, TENANTS, tenants(&chunk))).await?;
        in_time(patience, copy(&mut tx, DOMAINS, domains(&chunk))).await?;
    }
    let loaded = load.done();
    let end = async {
        arrive(&mut tx, &load).await?;
        begin_log_anew(&mut tx, loaded.position.revision).await?;
        tx.commit().await.map_err(unavailable)
    };
    in_time(patience, end).await?;
    // Best effort: it only makes the server's plans better sooner.
    if let Err(error) = sqlx::raw_sql("analyze tenant, domain")
        .execute(&mut connection)
        .await
    {
        tracing::warn!(%error, "loaded tables not analysed");
    }
    Ok((loaded, Some(loaded.position.revision)))
}

async fn last_id(tx: &mut PgConnection) -> Result<i64, DirectoryError> {
    sqlx::query_scalar("select coalesce(max(id), 0) from tenant")
        .fetch_one(tx)
        .await
        .map_err(unavailable)
}

async fn copy(
    tx: &mut PgConnection,
    statement: &'static str,
    rows: CopyText,
) -> Result<(), DirectoryError> {
    let mut copy = tx.copy_in_raw(statement).await.map_err(unavailable)?;
    copy.send(rows.into_bytes()).await.map_err(taken)?;
    copy.finish().await.map_err(taken)?;
    Ok(())
}

fn tenants(chunk: &[(Tenant, NewTenant)]) -> CopyText {
    let mut rows = CopyText::default();
    for (tenant, new) in chunk {
        rows.number(tenant.id.as_i64());
        rows.bytes(new.request.as_str().as_bytes());
        rows.bytes(&wanted(new));
        rows.word(Some(new.slug.as_str()));
        rows.word(Some(tenant.plan.as_str()));
        rows.word(tenant.region.as_ref().map(Region::as_str));
        rows.number(tenant.placement.to_word().cast_signed());
        rows.number(row::stored_revision(tenant.revision));
        rows.number(tenant.created.get());
        rows.end();
    }
    rows
}

fn domains(chunk: &[(Tenant, NewTenant)]) -> CopyText {
    let mut rows = CopyText::default();
    for (tenant, _) in chunk {
        for domain in &tenant.domains {
            rows.word(Some(domain.as_str()));
            rows.number(tenant.id.as_i64());
            rows.end();
        }
    }
    rows
}

/// Which name or key of those copied was there already. The server says it in a detail, `Key (name)=(a.example) already
/// exists.`, whose words may be translated, but not what stands in parentheses.
fn taken(error: sqlx::Error) -> DirectoryError {
    let found = match &error {
        sqlx::Error::Database(refusal) => refusal.try_downcast_ref::<PgDatabaseError>(),
        _ => None,
    };
    found
        .and_then(claimed)
        .unwrap_or_else(|| unavailable(error))
}

fn claimed(refusal: &PgDatabaseError) -> Option<DirectoryError> {
    let (_, value) = refusal.detail()?.split_once(")=(")?;
    let value = value.rsplit_once(')')?.0;
    match refusal.constraint()? {
        "domain_pkey" => Some(DirectoryError::DomainTaken {
            domain: row::domain(value).ok()?,
        }),
        "tenant_slug_key" => Some(DirectoryError::SlugTaken {
            slug: value.parse().ok()?,
        }),
        "tenant_request_key" => Some(DirectoryError::RequestMismatch {
            request: super::copy::text_of(value)?.parse().ok()?,
        }),
        _ => None,
    }
}

async fn arrive(tx: &mut PgConnection, load: &Load) -> Result<(), DirectoryError> {
    let cells = read::cells(tx).await?;
    for (cell, count) in load.arrivals(&cells)? {
        sqlx::query("update cell set tenants = tenants + $2 where id = $1")
            .bind(i64::from(cell.get()))
            .bind(i64::from(count))
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// What was loaded was never in the log, so nobody may follow it from before.
async fn begin_log_anew(tx: &mut PgConnection, at: Revision) -> Result<(), DirectoryError> {
    sqlx::query("delete from log")
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    sqlx::query(
        "with moved as (update head set newest = $1, floor = $1 returning newest)
         select pg_notify('tenancy_directory', newest::text) from moved",
    )
    .bind(row::stored_revision(at))
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(())
}
