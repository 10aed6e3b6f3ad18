use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::Bound,
};

use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, History, LogEntry, Position, RequestKey,
    Revision, Slug, TenantId, UnixMicros,
};

use super::super::{
    CellLoad, CellRecord, DirectoryError, Import, Lag, Loaded, NewTenant, Tenant, TenantChange,
    decide, extent::Extent, load::Load,
};

/// The maps of a directory. Every method checks first and changes last, so an error changes nothing.
pub(super) struct State {
    /// Ids are dense: the tenant with id 1 stands first.
    rows: Vec<Row>,
    slugs: HashMap<Slug, TenantId>,
    domains: HashMap<DomainName, TenantId>,
    requests: HashMap<RequestKey, TenantId>,
    cells: BTreeMap<CellId, CellLoad>,
    /// Each entry with when it was written.
    log: BTreeMap<Revision, (UnixMicros, DirectoryEvent)>,
    extent: Extent,
}

struct Row {
    tenant: Tenant,
    /// What the request asked for; forgotten when the tenant is gone.
    wanted: Option<String>,
    /// Of a forgotten tenant: the first and the last revision of its life.
    forgotten: Option<(Revision, Revision)>,
}

impl State {
    pub(super) fn new(directory: DirectoryId) -> Self {
        let history = History {
            directory,
            incarnation: 0,
        };
        let newest = Position {
            history,
            revision: Revision::ZERO,
        };
        Self {
            rows: Vec::new(),
            slugs: HashMap::new(),
            domains: HashMap::new(),
            requests: HashMap::new(),
            cells: BTreeMap::new(),
            log: BTreeMap::new(),
            extent: Extent {
                newest,
                floor: Revision::ZERO,
            },
        }
    }

    pub(super) fn create(
        &mut self,
        new: &NewTenant,
        created: UnixMicros,
    ) -> Result<Tenant, DirectoryError> {
        let wanted = decide::wanted(new);
        if let Some(&earlier) = self.requests.get(&new.request) {
            let row = &self.rows[earlier.index()];
            return match &row.wanted {
                Some(before) if *before != wanted => Err(DirectoryError::RequestMismatch {
                    request: new.request.clone(),
                }),
                _ => Ok(row.tenant.clone()),
            };
        }
        let tenant = decide::newborn(self.next_id()?, new, created, self.extent.incarnation());
        let facts = decide::facts(&tenant);
        self.check_room(new.cell)?;
        self.check_claims(&facts)?;
        let id = tenant.id;
        self.requests.insert(new.request.clone(), id);
        self.count(None, Some(new.cell));
        self.rows.push(Row {
            tenant,
            wanted: Some(wanted),
            forgotten: None,
        });
        Ok(self.record(id, facts, created))
    }

    pub(super) fn load(
        &mut self,
        imports: &[Import],
        now: UnixMicros,
    ) -> Result<Loaded, DirectoryError> {
        let mut load = Load::new(self.extent, self.rows.len() as u64, now);
        let loaded = imports.iter().map(|import| load.next(import));
        let loaded: Vec<_> = loaded.collect::<Result<_, _>>()?;
        self.check_loaded(&loaded)?;
        let cells: Vec<_> = self.cells().cloned().collect();
        for (cell, count) in load.arrivals(&cells)? {
            self.cells
                .entry(cell)
                .and_modify(|load| load.tenants += count);
        }
        for (tenant, new) in loaded {
            let id = tenant.id;
            self.requests.insert(new.request.clone(), id);
            self.slugs.insert(new.slug.clone(), id);
            let names = tenant.domains.iter().map(|domain| (domain.clone(), id));
            self.domains.extend(names);
            self.rows.push(Row {
                tenant,
                wanted: Some(decide::wanted(&new)),
                forgotten: None,
            });
        }
        let done = load.done();
        self.log.clear();
        self.extent.newest = done.position;
        self.extent.floor = done.position.revision;
        Ok(done)
    }

    /// Whether nobody has any of the names and keys, nor two of those to be loaded the same.
    fn check_loaded(&self, loaded: &[(Tenant, NewTenant)]) -> Result<(), DirectoryError> {
        let (mut requests, mut names) = (HashSet::new(), HashSet::new());
        for (tenant, new) in loaded {
            if self.requests.contains_key(&new.request) || !requests.insert(&new.request) {
                let request = new.request.clone();
                return Err(DirectoryError::RequestMismatch { request });
            }
            if !names.insert(new.slug.as_str()) {
                let slug = new.slug.clone();
                return Err(DirectoryError::SlugTaken { slug });
            }
            self.check_claims(&decide::facts(tenant))?;
        }
        let mut domains = loaded.iter().flat_map(|(tenant, _)| &tenant.domains);
        names.clear();
        match domains.find(|domain| !names.insert(domain.as_str())) {
            None => Ok(()),
            Some(domain) => Err(DirectoryError::DomainTaken {
                domain: domain.clone(),
            }),
        }
    }

    pub(super) fn change(
        &mut self,
        id: TenantId,
        expected: Revision,
        change: &TenantChange,
        now: UnixMicros,
    ) -> Result<Tenant, DirectoryError> {
        let tenant = self
            .tenant(id)
            .ok_or(DirectoryError::NotFound { tenant: id })?;
        let before = decide::lives_in(tenant);
        let facts = decide::change(tenant, expected, change, self.extent.incarnation())?;
        self.check_claims(&facts)?;
        let tenant = self.record(id, facts, now);
        let after = decide::lives_in(&tenant);
        self.count(before, after);
        if after.is_none() {
            self.rows[id.index()].wanted = None;
        }
        Ok(tenant)
    }

    pub(super) fn forget(
        &mut self,
        id: TenantId,
        now: UnixMicros,
    ) -> Result<Tenant, DirectoryError> {
        let row = (self.rows.get(id.index())).ok_or(DirectoryError::NotFound { tenant: id })?;
        if row.forgotten.is_some() {
            return Ok(row.tenant.clone());
        }
        let (tenant, facts) = decide::forget(&row.tenant)?;
        let last = tenant.revision;
        let mut life = (self.log).extract_if(..=last, |_, (_, event)| event.tenant() == id);
        let first = life.next().map_or(last, |(revision, _)| revision);
        life.for_each(drop);
        // Compaction may have taken the beginning of the life: it is then supposed to begin where the log does.
        let floor = Some(self.extent.floor).filter(|floor| *floor > Revision::ZERO);
        let first = floor.unwrap_or(first);
        self.requests.retain(|_, made| *made != id);
        let row = &mut self.rows[id.index()];
        row.forgotten = Some((first, last));
        row.tenant = tenant;
        Ok(self.record(id, facts, now))
    }

    pub(super) fn tenant(&self, id: TenantId) -> Option<&Tenant> {
        self.rows.get(id.index()).map(|row| &row.tenant)
    }

    pub(super) fn by_slug(&self, slug: &Slug) -> Option<&Tenant> {
        self.tenant(*self.slugs.get(slug)?)
    }

    pub(super) fn by_domain(&self, domain: &DomainName) -> Option<&Tenant> {
        self.tenant(*self.domains.get(domain)?)
    }

    pub(super) fn tenants_after(&self, after: Option<TenantId>) -> impl Iterator<Item = &Tenant> {
        let start = after.map_or(0, |id| id.index() + 1);
        self.rows.iter().skip(start).map(|row| &row.tenant)
    }

    pub(super) fn put_cell(&mut self, record: CellRecord) {
        let tenants = self.cells.get(&record.cell).map_or(0, |cell| cell.tenants);
        self.cells.insert(record.cell, CellLoad { record, tenants });
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = &CellLoad> {
        self.cells.values()
    }

    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    pub(super) fn newest(&self) -> Position {
        self.extent.newest
    }

    pub(super) fn raise_incarnation(&mut self, expected: u16) -> Result<u16, DirectoryError> {
        let raised = decide::raise(self.extent.incarnation(), expected)?;
        self.extent.newest.history.incarnation = raised;
        Ok(raised)
    }

    pub(super) fn log_after(
        &self,
        after: Position,
        limit: usize,
    ) -> Result<Vec<LogEntry>, DirectoryError> {
        self.check(after)?;
        let entry = |(&revision, (_, event)): (_, &(_, DirectoryEvent))| LogEntry {
            revision,
            event: event.clone(),
        };
        Ok(self.behind(after).take(limit).map(entry).collect())
    }

    pub(super) fn lag(&self, after: Position, now: UnixMicros) -> Result<Lag, DirectoryError> {
        self.check(after)?;
        let oldest = self.behind(after).next().map(|(_, (written, _))| *written);
        Ok(self.extent.lag(after, oldest, now))
    }

    pub(super) fn compact(&mut self, up_to: Revision) -> u64 {
        let floor = up_to.min(self.extent.newest.revision);
        self.extent.floor = floor.max(self.extent.floor);
        let removed = self.log.extract_if(..=floor, |_, _| true);
        removed.count() as u64
    }

    fn behind(
        &self,
        after: Position,
    ) -> impl Iterator<Item = (&Revision, &(UnixMicros, DirectoryEvent))> {
        let from = Bound::Excluded(after.revision);
        self.log.range((from, Bound::Unbounded))
    }

    /// Whether a follower can go on from there.
    fn check(&self, after: Position) -> Result<(), DirectoryError> {
        self.extent.check(after)?;
        let at = after.revision;
        let mut lives = self.rows.iter().filter_map(|row| row.forgotten);
        if lives.any(|(first, last)| first <= at && at < last) {
            return Err(self.extent.gap(after));
        }
        Ok(())
    }

    fn next_id(&self) -> Result<TenantId, DirectoryError> {
        u32::try_from(self.rows.len() + 1)
            .ok()
            .and_then(TenantId::new)
            .ok_or(DirectoryError::IdsExhausted)
    }

    fn check_room(&self, cell: CellId) -> Result<(), DirectoryError> {
        match self.cells.get(&cell) {
            None => Err(DirectoryError::CellUnknown { cell }),
            Some(load) if load.tenants >= load.record.capacity => Err(DirectoryError::CellFull {
                cell,
                capacity: load.record.capacity,
            }),
            Some(_) => Ok(()),
        }
    }

    /// A tenant's own slug and domains never stand among the added ones, so whoever has it is another.
    fn check_claims(&self, facts: &[DirectoryEvent]) -> Result<(), DirectoryError> {
        for fact in facts {
            match fact {
                DirectoryEvent::SlugAdded { slug, .. } if self.slugs.contains_key(slug) => {
                    return Err(DirectoryError::SlugTaken { slug: slug.clone() });
                }
                DirectoryEvent::DomainAdded { domain, .. } if self.domains.contains_key(domain) => {
                    return Err(DirectoryError::DomainTaken {
                        domain: domain.clone(),
                    });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the facts to the log, the indexes and the tenant, which it returns.
    fn record(&mut self, id: TenantId, facts: Vec<DirectoryEvent>, now: UnixMicros) -> Tenant {
        let entries = decide::entries(facts, self.newest().revision);
        let tenant = &mut self.rows[id.index()].tenant;
        for entry in &entries {
            decide::apply(tenant, entry);
            match &entry.event {
                DirectoryEvent::SlugAdded { slug, .. } => {
                    self.slugs.insert(slug.clone(), id);
                }
                DirectoryEvent::SlugRemoved { slug, .. } => {
                    self.slugs.remove(slug);
                }
                DirectoryEvent::DomainAdded { domain, .. } => {
                    self.domains.insert(domain.clone(), id);
                }
                DirectoryEvent::DomainRemoved { domain, .. } => {
                    self.domains.remove(domain);
                }
                DirectoryEvent::Placed { .. } | DirectoryEvent::PlanChanged { .. } => {}
            }
        }
        let tenant = tenant.clone();
        let newest = &mut self.extent.newest.revision;
        *newest = tenant.revision.max(*newest);
        self.log.extend(
            entries
                .into_iter()
                .map(|entry| (entry.revision, (now, entry.event))),
        );
        tenant
    }

    fn count(&mut self, before: Option<CellId>, after: Option<CellId>) {
        if before == after {
            return;
        }
        if let Some(load) = before.and_then(|cell| self.cells.get_mut(&cell)) {
            load.tenants -= 1;
        }
        if let Some(load) = after.and_then(|cell| self.cells.get_mut(&cell)) {
            load.tenants += 1;
        }
    }
}
