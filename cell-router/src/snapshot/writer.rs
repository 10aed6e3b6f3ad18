//! Writes bases and logs.

use std::io::{self, Write};

use tenancy_types::{LogEntry, Position};

use super::{
    format::{Chain, Header, Kind, write_end},
    record::BlockWriter,
    size::Totals,
};

/// A base or log in the making.
#[derive(Debug)]
pub(super) struct FactWriter<W> {
    out: W,
    chain: Chain,
    block: BlockWriter,
    totals: Totals,
    written: u64,
}

impl<W: Write> FactWriter<W> {
    /// Begins a base with the facts of this position.
    pub(super) fn base(out: W, position: Position) -> io::Result<Self> {
        Self::begin(out, Kind::Base, position)
    }

    /// Begins a log of what is behind this position.
    pub(super) fn log(out: W, position: Position) -> io::Result<Self> {
        Self::begin(out, Kind::Log, position)
    }

    fn begin(mut out: W, kind: Kind, position: Position) -> io::Result<Self> {
        let (header, chain) = Header { kind, position }.write();
        out.write_all(&header)?;
        Ok(Self {
            out,
            chain,
            block: BlockWriter::default(),
            totals: Totals::default(),
            written: header.len() as u64,
        })
    }

    /// Adds a fact. It is written with its block.
    pub(super) fn push(&mut self, fact: &LogEntry) -> io::Result<()> {
        if !self.block.has_room() {
            self.flush()?;
        }
        self.block.push(fact);
        self.totals.count(fact);
        Ok(())
    }

    /// Writes what was pushed, as a block of its own.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let records = self.block.records();
        let length = u32::try_from(records.len()).expect("a block is small");
        if length == 0 {
            return Ok(());
        }
        let chain = self.chain.over(length, records);
        // In one piece, so that a process that is killed seldom leaves a part.
        let mut whole = Vec::with_capacity(records.len() + 8);
        whole.extend(length.to_le_bytes());
        whole.extend(chain.to_bytes());
        whole.extend(records);
        self.out.write_all(&whole)?;
        self.chain = chain;
        self.written += whole.len() as u64;
        self.block.clear();
        Ok(())
    }

    /// Ends a base.
    pub(super) fn end(mut self) -> io::Result<(W, u64)> {
        self.flush()?;
        let end = write_end(self.totals, self.chain);
        self.out.write_all(&end)?;
        Ok((self.out, self.written + end.len() as u64))
    }

    /// Bytes written.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    pub(super) fn out(&mut self) -> &mut W {
        &mut self.out
    }
}
