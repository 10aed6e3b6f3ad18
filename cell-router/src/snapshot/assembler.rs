//! Puts logs and then a base together, as they come from a peer: pure.

use tenancy_types::{LogEntry, Position};

use super::{
    Damage,
    base::BaseReader,
    format::{Header, Kind},
    frames::Piece,
    overlay::Overlay,
    record::Records,
};
use crate::Error;

/// What came so far. Holds what the logs change, and the facts of the last block.
#[derive(Debug)]
pub(crate) struct Assembler {
    stage: Stage,
    position: Option<Position>,
    /// Facts that nobody took yet.
    facts: Vec<LogEntry>,
}

#[derive(Debug)]
enum Stage {
    /// To `Base` with its header.
    Logs(Option<Overlay>),
    /// To `Over` with its end.
    Base(BaseReader),
    /// Stays.
    Over,
}

impl Assembler {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Logs(None),
            position: None,
            facts: Vec::new(),
        }
    }

    /// What all will contain together, once the base has begun.
    pub(crate) fn position(&self) -> Option<Position> {
        self.position
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The facts that are known to be so at the end.
    pub(crate) fn facts(&mut self) -> Vec<LogEntry> {
        std::mem::take(&mut self.facts)
    }

    pub(crate) fn take(&mut self, piece: Piece<'_>) -> Result<(), Error> {
        match (&mut self.stage, piece) {
            (Stage::Logs(logs), Piece::Header(header)) if header.kind == Kind::Log => {
                let logs = logs.get_or_insert_with(|| Overlay::new(header.position));
                logs.begin(header.position)?;
            }
            (Stage::Logs(logs), Piece::Header(header)) => {
                let logs = logs.take();
                self.begin_base(header, logs)?;
            }
            (Stage::Logs(Some(logs)), Piece::Block(records)) => {
                logs.count(records.len())?;
                for entry in Records::new(records) {
                    logs.apply(entry?)?;
                }
            }
            (Stage::Base(base), Piece::Block(records)) => base.block(records, &mut self.facts)?,
            (Stage::Base(_), Piece::End(totals)) => {
                if let Stage::Base(base) = std::mem::replace(&mut self.stage, Stage::Over) {
                    base.end(totals, &mut self.facts)?;
                }
            }
            _ => return Err(Damage::WrongKind.into()),
        }
        Ok(())
    }

    /// The first log begins where the base ends, and each base that is served is followed by its own logs.
    fn begin_base(&mut self, header: Header, logs: Option<Overlay>) -> Result<(), Damage> {
        let overlay = logs.unwrap_or_else(|| Overlay::new(header.position));
        if overlay.base() != header.position {
            return Err(Damage::Hole);
        }
        self.position = Some(overlay.position());
        self.stage = Stage::Base(BaseReader::new(overlay));
        Ok(())
    }
}
