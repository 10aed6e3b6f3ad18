//! Each operation is one `BEGIN IMMEDIATE` transaction: check, write rows and log, commit. An error before
//! the commit drops the transaction, which undoes it.

use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};
use tenancy_types::{
    CellId, DirectoryEvent, LogEntry, Region, Revision, Slug, TenantId, UnixMicros,
};

use super::{
    super::{CellRecord, NewTenant, Tenant, TenantChange, decide},
    DirectoryError, log, read, row, unavailable,
};

/// The tenant as it is now, and the log's new end unless nothing was written.
pub(super) type Written = (Tenant, Option<Revision>);

pub(super) async fn create(
    writer: &SqlitePool,
    new: &NewTenant,
    created: UnixMicros,
) -> Result<Written, DirectoryError> {
    let mut tx = begin(writer).await?;
    let wanted = decide::wanted(new);
    if let Some(tenant) = repeated(&mut tx, new, &wanted).await? {
        return Ok((tenant, None));
    }
    let incarnation = read::extent(&mut *tx).await?.incarnation();
    let mut tenant = decide::newborn(next_id(&mut tx).await?, new, created, incarnation);
    let facts = decide::facts(&tenant);
    check_room(&mut tx, new.cell).await?;
    check_claims(&mut tx, &facts).await?;
    insert(&mut tx, &tenant, new, &wanted).await?;
    count(&mut tx, None, Some(new.cell)).await?;
    let newest = record(&mut tx, &mut tenant, facts, created).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((tenant, Some(newest)))
}

pub(super) async fn change(
    writer: &SqlitePool,
    id: TenantId,
    expected: Revision,
    change: &TenantChange,
    now: UnixMicros,
) -> Result<Written, DirectoryError> {
    let mut tx = begin(writer).await?;
    let mut tenant = read::tenant(&mut *tx, id)
        .await?
        .ok_or(DirectoryError::NotFound { tenant: id })?;
    let incarnation = read::extent(&mut *tx).await?.incarnation();
    let facts = decide::change(&tenant, expected, change, incarnation)?;
    if facts.is_empty() {
        return Ok((tenant, None));
    }
    let before = decide::lives_in(&tenant);
    check_claims(&mut tx, &facts).await?;
    let newest = record(&mut tx, &mut tenant, facts, now).await?;
    count(&mut tx, before, decide::lives_in(&tenant)).await?;
    tx.commit().await.map_err(unavailable)?;
    Ok((tenant, Some(newest)))
}

pub(super) async fn put_cell(writer: &SqlitePool, cell: &CellRecord) -> Result<(), DirectoryError> {
    sqlx::query(
        "insert into cell (id, region, capacity) values (?1, ?2, ?3)
         on conflict (id) do update set region = excluded.region, capacity = excluded.capacity",
    )
    .bind(i64::from(cell.cell.get()))
    .bind(cell.region.as_str())
    .bind(i64::from(cell.capacity))
    .execute(writer)
    .await
    .map_err(unavailable)?;
    Ok(())
}

/// The new incarnation, and the log's end: its followers must look, and find another history.
pub(super) async fn raise_incarnation(
    writer: &SqlitePool,
    expected: u16,
) -> Result<(u16, Option<Revision>), DirectoryError> {
    let mut tx = begin(writer).await?;
    let extent = read::extent(&mut *tx).await?;
    let raised = decide::raise(extent.incarnation(), expected)?;
    sqlx::query("update identity set incarnation = ?1")
        .bind(i64::from(raised))
        .execute(&mut *tx)
        .await
        .map_err(unavailable)?;
    tx.commit().await.map_err(unavailable)?;
    Ok((raised, Some(extent.newest.revision)))
}

pub(super) async fn begin(
    writer: &SqlitePool,
) -> Result<Transaction<'static, Sqlite>, DirectoryError> {
    writer
        .begin_with("begin immediate")
        .await
        .map_err(unavailable)
}

/// The tenant that this request made before.
async fn repeated(
    tx: &mut SqliteConnection,
    new: &NewTenant,
    wanted: &str,
) -> Result<Option<Tenant>, DirectoryError> {
    let earlier: Option<(i64, Option<String>)> =
        sqlx::query_as("select id, wanted from tenant where request = ?1")
            .bind(new.request.as_str())
            .fetch_optional(&mut *tx)
            .await
            .map_err(unavailable)?;
    match earlier {
        None => Ok(None),
        Some((_, Some(before))) if before != wanted => Err(DirectoryError::RequestMismatch {
            request: new.request.clone(),
        }),
        Some((id, _)) => read::tenant(tx, row::tenant_id(id)?).await,
    }
}

/// Rows of tenants are never deleted, so the ids have neither holes nor a past.
async fn next_id(tx: &mut SqliteConnection) -> Result<TenantId, DirectoryError> {
    let next: i64 = sqlx::query_scalar("select coalesce(max(id), 0) + 1 from tenant")
        .fetch_one(tx)
        .await
        .map_err(unavailable)?;
    TenantId::try_from(next).map_err(|_| DirectoryError::IdsExhausted)
}

async fn check_room(tx: &mut SqliteConnection, cell: CellId) -> Result<(), DirectoryError> {
    let found: Option<(i64, String, i64, i64)> =
        sqlx::query_as("select id, region, capacity, tenants from cell where id = ?1")
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
    tx: &mut SqliteConnection,
    facts: &[DirectoryEvent],
) -> Result<(), DirectoryError> {
    for fact in facts {
        let (claimed, taken) = match fact {
            DirectoryEvent::SlugAdded { slug, .. } => (
                sqlx::query_scalar("select exists (select 1 from tenant where slug = ?1)")
                    .bind(slug.as_str()),
                DirectoryError::SlugTaken { slug: slug.clone() },
            ),
            DirectoryEvent::DomainAdded { domain, .. } => (
                sqlx::query_scalar("select exists (select 1 from domain where name = ?1)")
                    .bind(domain.as_str()),
                DirectoryError::DomainTaken {
                    domain: domain.clone(),
                },
            ),
            _ => continue,
        };
        if claimed.fetch_one(&mut *tx).await.map_err(unavailable)? {
            return Err(taken);
        }
    }
    Ok(())
}

async fn insert(
    tx: &mut SqliteConnection,
    tenant: &Tenant,
    new: &NewTenant,
    wanted: &str,
) -> Result<(), DirectoryError> {
    sqlx::query(
        "insert into tenant (id, request, wanted, region, created, plan, placement, revision)
         values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0)",
    )
    .bind(tenant.id.as_i64())
    .bind(new.request.as_str())
    .bind(wanted)
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
    tx: &mut SqliteConnection,
    tenant: &mut Tenant,
    facts: Vec<DirectoryEvent>,
    now: UnixMicros,
) -> Result<Revision, DirectoryError> {
    let newest = read::extent(&mut *tx).await?.newest;
    for entry in decide::entries(facts, newest.revision) {
        decide::apply(tenant, &entry);
        log::append(tx, &entry, now).await?;
        record_domain(tx, &entry).await?;
    }
    sqlx::query(
        "update tenant set slug = ?2, plan = ?3, placement = ?4, revision = ?5,
                wanted = case when ?6 then wanted end
         where id = ?1",
    )
    .bind(tenant.id.as_i64())
    .bind(tenant.slug.as_ref().map(Slug::as_str))
    .bind(tenant.plan.as_str())
    .bind(tenant.placement.to_word().cast_signed())
    .bind(row::stored_revision(tenant.revision))
    .bind(decide::lives_in(tenant).is_some())
    .execute(tx)
    .await
    .map_err(unavailable)?;
    Ok(tenant.revision)
}

async fn record_domain(tx: &mut SqliteConnection, entry: &LogEntry) -> Result<(), DirectoryError> {
    let query = match &entry.event {
        DirectoryEvent::DomainAdded { domain, tenant } => {
            sqlx::query("insert into domain (name, tenant) values (?1, ?2)")
                .bind(domain.as_str())
                .bind(tenant.as_i64())
        }
        DirectoryEvent::DomainRemoved { domain, tenant } => {
            sqlx::query("delete from domain where name = ?1 and tenant = ?2")
                .bind(domain.as_str())
                .bind(tenant.as_i64())
        }
        _ => return Ok(()),
    };
    query.execute(tx).await.map_err(unavailable)?;
    Ok(())
}

async fn count(
    tx: &mut SqliteConnection,
    before: Option<CellId>,
    after: Option<CellId>,
) -> Result<(), DirectoryError> {
    if before == after {
        return Ok(());
    }
    for (cell, step) in [(before, -1), (after, 1)] {
        if let Some(cell) = cell {
            sqlx::query("update cell set tenants = tenants + ?2 where id = ?1")
                .bind(i64::from(cell.get()))
                .bind(step)
                .execute(&mut *tx)
                .await
                .map_err(unavailable)?;
        }
    }
    Ok(())
}
