//! What both databases store, and what it means. A value that is not valid says what it was to be.

use tenancy_types::{
    CellId, DomainName, History, Placement, Position, Revision, TenantId, UnixMicros,
};

use super::{CellLoad, CellRecord, DirectoryError, Tenant, error::corrupt, extent::Extent};

/// Selects what [`TenantRow`] holds. One statement, so that a tenant and its domains are of one moment.
macro_rules! select_tenant {
    ($rest:literal) => {
        concat!(
            "select t.id, t.slug, t.plan, t.region, t.placement, t.revision, t.created,
                    (select string_agg(d.name, ',' order by d.name)
                     from domain d where d.tenant = t.id)
             from tenant t ",
            $rest
        )
    };
}
pub(super) use select_tenant;

pub(super) type TenantRow = (
    i64,
    Option<String>,
    String,
    Option<String>,
    i64,
    i64,
    i64,
    Option<String>,
);

pub(super) fn tenant(row: TenantRow) -> Result<Tenant, DirectoryError> {
    let (id, slug, plan, region, placement, revision, created, domains) = row;
    Ok(Tenant {
        id: tenant_id(id)?,
        slug: slug
            .map(|slug| slug.parse())
            .transpose()
            .map_err(corrupt("slug"))?,
        plan: plan.parse().map_err(corrupt("plan"))?,
        region: region
            .map(|region| region.parse())
            .transpose()
            .map_err(corrupt("region"))?,
        domains: domains
            .iter()
            .flat_map(|names| names.split(','))
            .map(domain)
            .collect::<Result<_, _>>()?,
        placement: self::placement(placement)?,
        revision: self::revision(revision)?,
        created: UnixMicros::new(created),
    })
}

/// A directory's identity, its incarnation, its log's floor and its log's end.
pub(super) type ExtentRow = (String, i64, i64, i64);

pub(super) fn extent(row: ExtentRow) -> Result<Extent, DirectoryError> {
    let (id, incarnation, floor, newest) = row;
    let history = History {
        directory: id.parse().map_err(corrupt("identity of the directory"))?,
        incarnation: u16::try_from(incarnation).map_err(corrupt("incarnation"))?,
    };
    Ok(Extent {
        newest: Position {
            history,
            revision: revision(newest)?,
        },
        floor: revision(floor)?,
    })
}

pub(super) fn cell(row: (i64, String, i64, i64)) -> Result<CellLoad, DirectoryError> {
    let (cell, region, capacity, tenants) = row;
    Ok(CellLoad {
        record: CellRecord {
            cell: CellId::try_from(cell).map_err(corrupt("cell id"))?,
            region: region.parse().map_err(corrupt("region"))?,
            capacity: u32::try_from(capacity).map_err(corrupt("capacity"))?,
        },
        tenants: u32::try_from(tenants).map_err(corrupt("number of tenants"))?,
    })
}

pub(super) fn tenant_id(stored: i64) -> Result<TenantId, DirectoryError> {
    TenantId::try_from(stored).map_err(corrupt("tenant id"))
}

pub(super) fn domain(stored: &str) -> Result<DomainName, DirectoryError> {
    DomainName::from_pattern(stored).map_err(corrupt("domain"))
}

pub(super) fn placement(stored: i64) -> Result<Placement, DirectoryError> {
    Placement::from_word(stored.cast_unsigned()).map_err(corrupt("placement"))
}

pub(super) fn revision(stored: i64) -> Result<Revision, DirectoryError> {
    let revision = u64::try_from(stored).map_err(corrupt("revision"))?;
    Ok(Revision::new(revision))
}

/// Revisions count writes from 1, so they stay far below 2^63; a greater one asked for is behind the log.
pub(super) fn stored_revision(revision: Revision) -> i64 {
    i64::try_from(revision.get()).unwrap_or(i64::MAX)
}
