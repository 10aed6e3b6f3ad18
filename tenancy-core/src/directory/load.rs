//! What a load writes, as values.

use std::collections::BTreeMap;

use tenancy_types::{CellId, Placement, Revision, TenantId, UnixMicros};

use super::{CellLoad, DirectoryError, Import, Loaded, NewTenant, Tenant, decide, extent::Extent};

/// A load that is under way.
#[derive(Debug)]
pub(super) struct Load {
    extent: Extent,
    now: UnixMicros,
    /// The id of the last tenant there is, 0 without any.
    last: u64,
    cells: BTreeMap<CellId, u64>,
    tenants: u64,
    domains: u64,
}

impl Load {
    /// Goes on behind the last tenant (0 when there is none) and the log's end.
    pub(super) fn new(extent: Extent, last: u64, now: UnixMicros) -> Self {
        Self {
            extent,
            now,
            last,
            cells: BTreeMap::new(),
            tenants: 0,
            domains: 0,
        }
    }

    /// The tenant that an import becomes: at the first epoch of the directory's incarnation, and at a revision of its own
    /// behind all others, as if each of its facts had been logged.
    pub(super) fn next(&mut self, import: &Import) -> Result<(Tenant, NewTenant), DirectoryError> {
        let next = i64::try_from(self.last + 1).unwrap_or(i64::MAX);
        let id = TenantId::try_from(next).map_err(|_| DirectoryError::IdsExhausted)?;
        let new = &import.tenant;
        let mut tenant = decide::newborn(id, new, self.now, self.extent.incarnation());
        tenant.placement = Placement {
            lifecycle: import.lifecycle,
            ..tenant.placement
        };
        let cell = decide::lives_in(&tenant).ok_or(DirectoryError::TenantGone { tenant: id })?;
        let newest = &mut self.extent.newest.revision;
        *newest = Revision::new(newest.get() + decide::facts(&tenant).len() as u64);
        tenant.revision = *newest;
        *self.cells.entry(cell).or_default() += 1;
        self.last += 1;
        self.tenants += 1;
        self.domains += tenant.domains.len() as u64;
        Ok((tenant, new.clone()))
    }

    /// How many tenants each cell gets, if it has room for them.
    pub(super) fn arrivals(
        &self,
        cells: &[CellLoad],
    ) -> Result<Vec<(CellId, u32)>, DirectoryError> {
        let arrive = |(&cell, &count): (&CellId, &u64)| {
            let found = cells.iter().find(|load| load.record.cell == cell);
            let load = found.ok_or(DirectoryError::CellUnknown { cell })?;
            let capacity = load.record.capacity;
            let room = u64::from(capacity.saturating_sub(load.tenants));
            let count = u32::try_from(count).ok().filter(|_| count <= room);
            let count = count.ok_or(DirectoryError::CellFull { cell, capacity })?;
            Ok((cell, count))
        };
        self.cells.iter().map(arrive).collect()
    }

    pub(super) const fn done(&self) -> Loaded {
        Loaded {
            tenants: self.tenants,
            domains: self.domains,
            position: self.extent.newest,
        }
    }
}
