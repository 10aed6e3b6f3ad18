//! Puts logs and then a base together, as they come from a peer: pure.

use tenancy_types::{LogEntry, Position};

use super::{
    Damage, Refusal,
    format::{Header, Kind},
    frames::Piece,
    overlay::Overlay,
    record::Records,
    size::Totals,
};
use crate::Error;

/// Logs come first and are held until the end of the base. Whoever keeps files merges them long before.
const MOST_LOGS: u64 = 64 << 20;

/// What came so far.
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
    Logs {
        logs: Vec<(Position, Vec<LogEntry>)>,
        bytes: u64,
    },
    /// To `Over` with its end.
    Base { overlay: Overlay, read: Totals },
    /// Stays.
    Over,
}

impl Assembler {
    pub(crate) fn new() -> Self {
        let logs = Vec::new();
        Self {
            stage: Stage::Logs { logs, bytes: 0 },
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
            (Stage::Logs { logs, .. }, Piece::Header(header)) => match header.kind {
                Kind::Log => logs.push((header.position, Vec::new())),
                Kind::Base => self.begin_base(header)?,
            },
            (Stage::Logs { logs, bytes }, Piece::Block(records)) => {
                *bytes += records.len() as u64;
                if *bytes > MOST_LOGS {
                    return Err(Refusal::TooLong { most: MOST_LOGS }.into());
                }
                let (_, log) = logs.last_mut().ok_or(Damage::WrongKind)?;
                for entry in Records::new(records) {
                    log.push(entry?);
                }
            }
            (Stage::Base { overlay, read }, Piece::Block(records)) => {
                for fact in Records::new(records) {
                    let fact = fact?;
                    read.count(&fact);
                    overlay.merge(fact, &mut self.facts);
                }
            }
            (Stage::Base { read, .. }, Piece::End(totals)) => {
                if totals != *read {
                    return Err(Damage::Counts.into());
                }
                if let Stage::Base { overlay, .. } = std::mem::replace(&mut self.stage, Stage::Over)
                {
                    overlay.finish(&mut self.facts);
                }
            }
            _ => return Err(Damage::WrongKind.into()),
        }
        Ok(())
    }

    fn begin_base(&mut self, header: Header) -> Result<(), Damage> {
        let mut overlay = Overlay::new(header.position);
        let read = Totals::default();
        if let Stage::Logs { logs, .. } = &mut self.stage {
            for (position, log) in logs.drain(..) {
                overlay.begin(position)?;
                for entry in log {
                    overlay.apply(entry)?;
                }
            }
        }
        self.position = Some(overlay.position());
        self.stage = Stage::Base { overlay, read };
        Ok(())
    }
}
