//! Each operation is one transaction that begins with the lock on the directory's head: check, write rows and log,
//! commit. An error before the commit drops the transaction, which undoes it.

use sha2::{Digest as _, Sha256};
use sqlx::{Connection as _, PgConnection, Postgres, Transaction};
use tenancy_types::{CellId, DirectoryEvent, Region, Revision, Slug, TenantId, UnixMicros};

use super::{
    super::{CellRecord, NewTenant, Tenant, TenantChange, decide, extent::Extent},
    DirectoryError, log, read,
    row::{self, ExtentRow},
    unavailable,
};

/// The tenant as it is now, and the log's new end unless nothing was written.
pub(super) type Written = (Tenant, Option<Revision>);

/// Whoever waits for the lock sees what the one before has committed: each statement has its own snapshot.
///
/// What is acknowledged must be on the disk, also where the server's default says otherwise.
const BEGIN: &str = "begin isolation level read committed read write";
const LOCK: &str = "
select id, incarnation::bigint, floor, newest
from head, lateral (
    select case current_setting('synchronous_commit')
           when 'off' then set_config('synchronous_commit', 'on', true) end) durable
for update of head";

pub(super) async fn begin(
    connection: &mut PgConnection,
) -> Result<(Transaction<'_, Postgres>, Extent), DirectoryError> {
    let mut tx = connection.begin_with(BEGIN).await.map_err(unavailable)?;
    let found: ExtentRow = sqlx::query_as(LOCK)
        .fetch_one(&mut *tx)
        .await
        .map_err(unavailable)?;
    Ok((tx, row::extent(found)?))
}

pub(super) async fn create(
    connection: &mut PgConnection,
    new: &NewTenant,
    created: UnixMicros,
) -> Result<Written, DirectoryError> {
    let (mut tx, extent) = begin(connection).await?;
    if let Some(tenant) = repeated(&mut tx, new).await? {
        return Ok((tenant, None));
    }
    let id = next_id(&mut tx).await?;
    let mut tenant = decide::newborn(id, new, created, extent.incarnation());
    let facts = decide::facts(&tenant);
    check_room(&mut tx, new.cell).await?;
    check_claims(&mut tx, &facts).await?;
    insert(&mut tx, &tenant, new).await?;
    count(&mut tx, None, Some(new.cell)).await?;
    let newest = record(&mut tx, &mut tenant, facts, extent).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((tenant, Some(newest)))
}

pub(super) async fn change(
    connection: &mut PgConnection,
    id: TenantId,
    expected: Revision,
    change: &TenantChange,
) -> Result<Written, DirectoryError> {
    let (mut tx, extent) = begin(connection).await?;
    let mut tenant = read::tenant(&mut tx, id)
        .await?
        .ok_or(DirectoryError::NotFound { tenant: id })?;
    let facts = decide::change(&tenant, expected, change, extent.incarnation())?;
    if facts.is_empty() {
        return Ok((tenant, None));
    }
    let before = decide::lives_in(&tenant);
    check_claims(&mut tx, &facts).await?;
    let newest = record(&mut tx, &mut tenant, facts, extent).await?;
    count(&mut tx, before, decide::lives_in(&tenant)).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((tenant, Some(newest)))
}

pub(super) async fn put_cell(
    connection: &mut PgConnection,
    cell: &CellRecord,
) -> Result<(), DirectoryError> {
    let (mut tx, _) = begin(connection).await?;
    sqlx::query(
        "insert into cell (id, region, capacity) values ($1, $2, $3)
         on conflict (id) do update set region = excluded.region, capacity = excluded.capacity",
    )
    .bind(i64::from(cell.cell.get()))
    .bind(cell.region.as_str())
    .bind(i64::from(cell.capacity))
    .execute(&mut *tx)
    .await
    .map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)
}

/// The new incarnation, and the log's end: its followers must look, and find another history.
pub(super) async fn raise_incarnation(
    connection: &mut PgConnection,
    expected: u16,
) -> Result<(u16, Option<Revision>), DirectoryError> {
    let (mut tx, extent) = begin(connection).await?;
    let raised = decide::raise(extent.incarnation(), expected)?;
    sqlx::query("update head set incarnation = $1")
        .bind(i32::from(raised))
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    advance(&mut tx, extent.newest.revision).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((raised, Some(extent.newest.revision)))
}

/// What a request asked for, to be compared with what it asks for when it is repeated.
pub(super) fn wanted(new: &NewTenant) -> Vec<u8> {
    Sha256::digest(decide::wanted(new)).to_vec()
}

/// The tenant that this request made before.
async fn repeated(
    tx: &mut PgConnection,
    new: &NewTenant,
) -> Result<Option<Tenant>, DirectoryError> {
    let earlier: Option<(i64, Option<Vec<u8>>)> =
        sqlx::query_as("select id, wanted from tenant where request = $1")
            .bind(new.request.as_str().as_bytes())
            .fetch_optional(&mut *tx)
            .await
            .map_err(unavailable)?;
    match earlier {
        None => Ok(None),
        Some((_, Some(before))) if before != wanted(new) => Err(DirectoryError::RequestMismatch {
            request: new.request.clone(),
        }),
        Some((id, _)) => read::tenant(tx, row::tenant_id(id)?).await,
    }
}

/// Rows of tenants are never deleted, so the ids have neither holes nor a past.
async fn next_id(tx: &mut PgConnection) -> Result<TenantId, DirectoryError> {
    let next: i64 = sqlx::query_scalar("select coalesce(max(id), 0) + 1 from tenant")
        .fetch_one(tx)
        .await
        .map_err(unavailable)?;
    TenantId::try_from(next).map_err(|_| DirectoryError::IdsExhausted)
}

async fn check_room(tx: &mut PgConnection, cell: CellId) -> Result<(), DirectoryError> {
    let found: Option<(i64, String, i64, i64)> =
        sqlx::query_as("select id, region, capacity, tenants from cell where id = $1")
            .bind(i64::from(cell.get()))
            .fetch_optional(tx)
            .await
            .map_err(unavailable)?;
    let load = row::cell(found.ok_or(DirectoryError::CellUnknown { cell })?)?;
    let capacity = load.record.capacity;
    if load.tenants < capacity {
        Ok(())
    } else {
        Err(DirectoryError::CellFull { cell, capacity })
    }
}

/// A tenant's own slug and domains never stand among the added ones, so whoever has it is another.
async fn check_claims(
    tx: &mut PgConnection,
    facts: &[DirectoryEvent],
) -> Result<(), DirectoryError> {
    let slug = facts.iter().find_map(|fact| match fact {
        DirectoryEvent::SlugAdded { slug, .. } => Some(slug),
        _ => None,
    });
    let (slug_taken, domain): (bool, Option<String>) = sqlx::query_as(
        "select exists (select from tenant where slug = $1),
                (select min(name) from domain where name = any($2))",
    )
    .bind(slug.map(Slug::as_str))
    .bind(added(facts))
    .fetch_one(tx)
    .await
    .map_err(unavailable)?;
    match (slug, domain) {
        (Some(slug), _) if slug_taken => Err(DirectoryError::SlugTaken { slug: slug.clone() }),
        (_, Some(domain)) => Err(DirectoryError::DomainTaken {
            domain: row::domain(&domain)?,
        }),
        _ => Ok(()),
    }
}

fn added(facts: &[DirectoryEvent]) -> Vec<&str> {
    let names = facts.iter().filter_map(|fact| match fact {
        DirectoryEvent::DomainAdded { domain, .. } => Some(domain.as_str()),
        _ => None,
    });
    names.collect()
}

fn removed(facts: &[DirectoryEvent]) -> Vec<&str> {
    let names = facts.iter().filter_map(|fact| match fact {
        DirectoryEvent::DomainRemoved { domain, .. } => Some(domain.as_str()),
        _ => None,
    });
    names.collect()
}

async fn insert(
    tx: &mut PgConnection,
    tenant: &Tenant,
    new: &NewTenant,
) -> Result<(), DirectoryError> {
    sqlx::query(
        "insert into tenant (id, request, wanted, region, created, plan, placement, revision)
         values ($1, $2, $3, $4, $5, $6, $7, 0)",
    )
    .bind(tenant.id.as_i64())
    .bind(new.request.as_str().as_bytes())
    .bind(wanted(new))
    .bind(new.region.as_ref().map(Region::as_str))
    .bind(tenant.created.get())
    .bind(tenant.plan.as_str())
    .bind(tenant.placement.to_word().cast_signed())
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(())
}

/// Writes the facts to the log, the domains and the tenant's row. The result is the log's new end.
pub(super) async fn record(
    tx: &mut PgConnection,
    tenant: &mut Tenant,
    facts: Vec<DirectoryEvent>,
    extent: Extent,
) -> Result<Revision, DirectoryError> {
    record_domains(tx, tenant.id, &facts).await?;
    let entries = decide::entries(facts, extent.newest.revision);
    entries
        .iter()
        .for_each(|entry| decide::apply(tenant, entry));
    log::append(tx, &entries).await?;
    sqlx::query(
        "update tenant set slug = $2, plan = $3, placement = $4, revision = $5,
                wanted = case when $6 then wanted end
         where id = $1",
    )
    .bind(tenant.id.as_i64())
    .bind(tenant.slug.as_ref().map(Slug::as_str))
    .bind(tenant.plan.as_str())
    .bind(tenant.placement.to_word().cast_signed())
    .bind(row::stored_revision(tenant.revision))
    .bind(decide::lives_in(tenant).is_some())
    .execute(&mut *tx)
    .await
    .map_err(unavailable)?;
    advance(tx, tenant.revision).await?;
    Ok(tenant.revision)
}

async fn record_domains(
    tx: &mut PgConnection,
    tenant: TenantId,
    facts: &[DirectoryEvent],
) -> Result<(), DirectoryError> {
    let (removed, added) = (removed(facts), added(facts));
    if !removed.is_empty() {
        sqlx::query("delete from domain where tenant = $1 and name = any($2)")
            .bind(tenant.as_i64())
            .bind(removed)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
    }
    if !added.is_empty() {
        sqlx::query("insert into domain (name, tenant) select unnest($2::text[]), $1")
            .bind(tenant.as_i64())
            .bind(added)
            .execute(tx)
            .await
            .map_err(unavailable)?;
    }
    Ok(())
}

/// The log's new end, and word of it for whoever listens when this is committed.
pub(super) async fn advance(tx: &mut PgConnection, newest: Revision) -> Result<(), DirectoryError> {
    sqlx::query(
        "with moved as (update head set newest = $1 returning newest)
         select pg_notify('tenancy_directory', newest::text) from moved",
    )
    .bind(row::stored_revision(newest))
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(())
}

async fn count(
    tx: &mut PgConnection,
    before: Option<CellId>,
    after: Option<CellId>,
) -> Result<(), DirectoryError> {
    if before == after {
        return Ok(());
    }
    let id = |cell: Option<CellId>| cell.map(|cell| i64::from(cell.get()));
    sqlx::query(
        "update cell set tenants = tenants + case id when $2 then 1 else -1 end
         where id in ($1, $2)",
    )
    .bind(id(before))
    .bind(id(after))
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(())
}
