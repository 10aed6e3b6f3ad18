//! What the reader has not finished yet.

use super::{BadRow, CsvFault, Position, Record};

/// The record being read.
#[derive(Debug)]
pub(super) struct OpenRecord {
    pub(super) whole: Record,
    pub(super) first_line: u64,
    /// Bytes in the file so far.
    pub(super) bytes: usize,
    /// Fields in the file so far; more than `whole` has once there is a fault.
    pub(super) fields: usize,
    /// The first fault, kept until the last line of the record is known.
    pub(super) fault: Option<Fault>,
}

/// The field being read.
#[derive(Debug)]
pub(super) struct OpenField {
    pub(super) text: Vec<u8>,
    pub(super) at: Position,
    pub(super) quoted: bool,
}

#[derive(Debug)]
pub(super) struct Fault {
    pub(super) field: usize,
    pub(super) at: Position,
    pub(super) kind: CsvFault,
}

impl OpenRecord {
    pub(super) fn new(first_line: u64) -> Self {
        Self {
            whole: Record::new(),
            first_line,
            bytes: 0,
            fields: 0,
            fault: None,
        }
    }

    pub(super) fn into_bad(self, last_line: u64) -> BadRow {
        let fault = self.fault.expect("only called when there is a fault");
        BadRow {
            read: self.whole,
            field: fault.field,
            at: fault.at,
            first_line: self.first_line,
            last_line,
            fault: fault.kind,
        }
    }
}

impl OpenField {
    /// Where in the file the byte at `index` of the unquoted text is. All
    /// before it is UTF-8.
    pub(super) fn place_of(&self, index: usize) -> Position {
        let mut place = self.at;
        place.character += u64::from(self.quoted);
        let mut after_cr = false;
        for byte in &self.text[..index] {
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    place.line += 1;
                    place.character = 1;
                }
                // It is written twice in the file.
                b'"' => place.character += 2,
                byte => place.character += characters(&[*byte]),
            }
            after_cr = *byte == b'\r';
        }
        place
    }
}

/// Characters of UTF-8 that begin in `bytes`, wherever it was cut.
pub(super) fn characters(bytes: &[u8]) -> u64 {
    let continuation = |byte: &&u8| **byte & 0xc0 == 0x80;
    (bytes.len() - bytes.iter().filter(continuation).count()) as u64
}
