//! Facts as records of a block.

use tenancy_types::{
    DirectoryEvent, DomainName, LogEntry, Placement, PlanName, Revision, Slug, TenantId,
};

use super::{Damage, format::BLOCK};

/// More than any record takes, with whom it is about before it.
const MOST: usize = 512;

const ABOUT: u8 = 0;
const PLACED: u8 = 1;
const PLAN: u8 = 2;
const SLUG_ADDED: u8 = 3;
const DOMAIN_ADDED: u8 = 4;
const SLUG_REMOVED: u8 = 5;
const DOMAIN_REMOVED: u8 = 6;

/// The records of a block in the making.
#[derive(Debug, Default)]
pub(super) struct BlockWriter {
    records: Vec<u8>,
    about: Option<(TenantId, Revision)>,
    plans: Vec<PlanName>,
}

impl BlockWriter {
    /// Adds a fact. There must be room.
    pub(super) fn push(&mut self, fact: &LogEntry) {
        debug_assert!(self.has_room(), "the block is written when it is full");
        let about = (fact.event.tenant(), fact.revision);
        if self.about != Some(about) {
            self.about = Some(about);
            self.records.push(ABOUT);
            self.varint(u64::from(about.0.get()));
            self.varint(about.1.get());
        }
        match &fact.event {
            DirectoryEvent::Placed { placement, .. } => {
                self.records.push(PLACED);
                self.records.extend(placement.to_word().to_le_bytes());
            }
            DirectoryEvent::PlanChanged { plan, .. } => self.plan(plan),
            DirectoryEvent::SlugAdded { slug, .. } => self.name(SLUG_ADDED, slug.as_str()),
            DirectoryEvent::DomainAdded { domain, .. } => self.name(DOMAIN_ADDED, domain.as_str()),
            DirectoryEvent::SlugRemoved { slug, .. } => self.name(SLUG_REMOVED, slug.as_str()),
            DirectoryEvent::DomainRemoved { domain, .. } => {
                self.name(DOMAIN_REMOVED, domain.as_str());
            }
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.records.len() + MOST <= BLOCK
    }

    pub(super) fn records(&self) -> &[u8] {
        &self.records
    }

    /// Begins the next block.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.about = None;
        self.plans.clear();
    }

    fn plan(&mut self, plan: &PlanName) {
        self.records.push(PLAN);
        let known = self.plans.iter().position(|known| known == plan);
        self.varint(known.unwrap_or(self.plans.len()) as u64);
        if known.is_none() {
            self.plans.push(plan.clone());
            self.text(plan.as_str());
        }
    }

    fn name(&mut self, tag: u8, name: &str) {
        self.records.push(tag);
        self.text(name);
    }

    fn text(&mut self, text: &str) {
        let length = u8::try_from(text.len()).expect("names have at most 253 bytes");
        self.records.push(length);
        self.records.extend(text.as_bytes());
    }

    /// Seven bits a byte, the low ones first (LEB128).
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.records.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.records.push(value as u8);
    }
}

/// The facts of a block.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
    about: Option<(TenantId, Revision)>,
    plans: Vec<PlanName>,
}

impl<'a> Records<'a> {
    pub(super) fn new(block: &'a [u8]) -> Self {
        Self {
            rest: block,
            about: None,
            plans: Vec::new(),
        }
    }

    fn read(&mut self) -> Option<LogEntry> {
        let mut tag = self.byte()?;
        if tag == ABOUT {
            let tenant = u32::try_from(self.varint()?).ok()?;
            self.about = Some((TenantId::new(tenant)?, Revision::new(self.varint()?)));
            tag = self.byte()?;
        }
        let (tenant, revision) = self.about?;
        let event = match tag {
            PLACED => {
                let (word, rest) = self.rest.split_first_chunk()?;
                self.rest = rest;
                let placement = Placement::from_word(u64::from_le_bytes(*word)).ok()?;
                DirectoryEvent::Placed { tenant, placement }
            }
            PLAN => {
                let plan = self.plan()?;
                DirectoryEvent::PlanChanged { tenant, plan }
            }
            SLUG_ADDED => {
                let slug = self.slug()?;
                DirectoryEvent::SlugAdded { slug, tenant }
            }
            DOMAIN_ADDED => {
                let domain = self.domain()?;
                DirectoryEvent::DomainAdded { domain, tenant }
            }
            SLUG_REMOVED => {
                let slug = self.slug()?;
                DirectoryEvent::SlugRemoved { slug, tenant }
            }
            DOMAIN_REMOVED => {
                let domain = self.domain()?;
                DirectoryEvent::DomainRemoved { domain, tenant }
            }
            _ => return None,
        };
        Some(LogEntry { revision, event })
    }

    fn plan(&mut self) -> Option<PlanName> {
        let index = usize::try_from(self.varint()?).ok()?;
        if index == self.plans.len() {
            let name = self.text()?.parse().ok()?;
            self.plans.push(name);
        }
        self.plans.get(index).cloned()
    }

    fn slug(&mut self) -> Option<Slug> {
        self.text()?.parse().ok()
    }

    fn domain(&mut self) -> Option<DomainName> {
        DomainName::from_pattern(self.text()?).ok()
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        std::str::from_utf8(text).ok()
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl Iterator for Records<'_> {
    type Item = Result<LogEntry, Damage>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let fact = self.read().ok_or(Damage::Record);
        if fact.is_err() {
            self.rest = &[];
        }
        Some(fact)
    }
}
