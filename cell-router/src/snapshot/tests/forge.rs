//! Streams that nobody writes: each checksum fits, and what is in them is meant to cost more than it is worth.

use tenancy_types::{CellId, Epoch, Lifecycle, Placement, Position};

use super::super::{
    Totals,
    format::{BLOCK, Chain, Header, Kind, write_end},
};

/// A log or base that goes on for as long as it is asked to.
pub(crate) struct Forge {
    chain: Chain,
    written: Vec<u8>,
}

impl Forge {
    pub(crate) fn base(position: Position) -> Self {
        Self::begin(Kind::Base, position)
    }

    pub(crate) fn log(position: Position) -> Self {
        Self::begin(Kind::Log, position)
    }

    fn begin(kind: Kind, position: Position) -> Self {
        let (header, chain) = Header { kind, position }.write();
        let written = header.to_vec();
        Self { chain, written }
    }

    /// A whole block, or what is left of it, of records that this makes one after the other.
    pub(crate) fn block(&mut self, mut records: impl FnMut() -> Vec<u8>) {
        let mut block = Vec::new();
        let mut next = records();
        while block.len() + next.len() <= BLOCK {
            block.append(&mut next);
            next = records();
        }
        let length = u32::try_from(block.len()).unwrap();
        self.chain = self.chain.over(length, &block);
        self.written.extend(length.to_le_bytes());
        self.written.extend(self.chain.to_bytes());
        self.written.extend(block);
    }

    pub(crate) fn end(&mut self, totals: Totals) {
        self.written.extend(write_end(totals, self.chain));
    }

    /// What was written since it was last asked for.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.written)
    }
}

fn varint(record: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        record.push(value as u8 | 0x80);
        value >>= 7;
    }
    record.push(value as u8);
}

/// Whom the next record is about.
pub(crate) fn about(tenant: u32, revision: u64) -> Vec<u8> {
    let mut record = vec![0];
    varint(&mut record, tenant.into());
    varint(&mut record, revision);
    record
}

pub(crate) fn placed() -> Vec<u8> {
    let cell = CellId::new(1).unwrap();
    let placement = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
    [&[1][..], &placement.to_word().to_le_bytes()].concat()
}

/// The plan that is the first of its block.
pub(crate) const PLAN: &[u8] = &[2, 0, 1, b'a'];
/// The same plan again: the shortest of all records.
pub(crate) const SAME_PLAN: &[u8] = &[2, 0];
pub(crate) const SLUG: &[u8] = &[3, 1, b'a'];
pub(crate) const SLUG_REMOVED: &[u8] = &[5, 1, b'a'];
