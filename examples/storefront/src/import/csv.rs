//! A strict, streaming CSV reader (RFC 4180) that says where a fault is.
//!
//! # Why not `csv-core`
//!
//! `csv-core` never fails: text after a closing quote is glued to the field, a
//! bare quote is taken as it is, an unclosed quote ends with the file, and a
//! field has no position. Those are its promises, not its faults; but here a
//! lost quote that moves half a catalogue into one description must be an
//! error with a line and a column. The state machine below has five states.
//! On input without a fault it agrees with `csv-core`, and a property test
//! holds it to that.
//!
//! # After a fault
//!
//! The rest of a faulty row is read by the same rules, but nothing of it is
//! kept and further faults in it are ignored: quotes later in the row may hold
//! line breaks, so jumping to the next line would tear good rows apart. A quote
//! that is lost swallows lines until the next quote, where the text behind it
//! is the fault that ends the damage.
//!
//! # Memory
//!
//! One field and one record are held, both limited. The chunks in which the
//! bytes arrive make no difference to the events.

use std::mem;

use super::Limits;

mod fault;
mod open;
mod record;

pub use fault::CsvFault;
pub use record::{BadRow, CsvEvent, Position, Record};

use open::{Fault, OpenField, OpenRecord, characters};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads CSV strictly from chunks of bytes, in constant memory.
#[derive(Debug)]
pub struct CsvReader {
    limits: Limits,
    state: State,
    /// Bytes of the byte order mark seen so far; `None` once past it.
    mark: Option<usize>,
    /// Where the next byte is.
    now: Position,
    /// Whether the last byte was CR, so that a following LF ends no line.
    after_cr: bool,
    record: OpenRecord,
    field: OpenField,
    events: Vec<CsvEvent>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before a record. Line breaks stay here (blank lines), all else begins a
    /// record.
    RecordStart,
    /// Before a field that is not the first. A quote leads to `Quoted`.
    FieldStart,
    /// Within a field without quotes, or behind the fault of one with quotes.
    Unquoted,
    /// Within quotes. A quote leads to `AfterQuote`.
    Quoted,
    /// Behind a quote: closing, unless another quote follows.
    AfterQuote,
    /// Reading has ended. No way out.
    Stopped,
}

impl CsvReader {
    /// A reader at the start of a file.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            state: State::RecordStart,
            mark: Some(0),
            now: Position::START,
            after_cr: false,
            record: OpenRecord::new(1),
            field: OpenField {
                text: Vec::new(),
                at: Position::START,
                quoted: false,
            },
            events: Vec::new(),
        }
    }

    /// Takes the next bytes of the file, in chunks of any size, and returns
    /// the rows they complete. Linear in the number of bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<CsvEvent> {
        let rest = self.pass_mark(bytes);
        self.read(rest);
        mem::take(&mut self.events)
    }

    /// Says that the file is complete and returns its last row, if that has no
    /// line break. Bytes that are fed later are ignored.
    pub fn finish(&mut self) -> Vec<CsvEvent> {
        if let Some(seen) = self.mark.take() {
            self.read(&BYTE_ORDER_MARK[..seen]);
        }
        match self.state {
            State::RecordStart | State::Stopped => {}
            State::Quoted => self.stop(CsvFault::UnclosedQuote {
                opened_line: self.field.at.line,
                opened_character: self.field.at.character,
            }),
            State::FieldStart | State::Unquoted | State::AfterQuote => {
                self.end_field(self.now);
                self.end_record(self.now);
            }
        }
        self.state = State::Stopped;
        mem::take(&mut self.events)
    }

    /// Bytes of memory the reader holds now: at most a small multiple of the
    /// limits.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.field.text.capacity() + self.record.whole.held_bytes()
    }

    /// Skips a byte order mark at the start of the file, however it is cut.
    fn pass_mark<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while let (Some(seen), Some((&byte, rest))) = (self.mark, bytes.split_first()) {
            if byte == BYTE_ORDER_MARK[seen] {
                self.mark = (seen + 1 < BYTE_ORDER_MARK.len()).then_some(seen + 1);
                bytes = rest;
            } else {
                self.mark = None;
                // It was content after all.
                self.read(&BYTE_ORDER_MARK[..seen]);
            }
        }
        bytes
    }

    fn read(&mut self, mut bytes: &[u8]) {
        while self.state != State::Stopped && !bytes.is_empty() {
            // No stretch goes further than one byte over the record's limit, so
            // that the chunks cannot change which limit is met first.
            let room = self.limits.record_bytes.saturating_sub(self.record.bytes);
            let stretch = &bytes[..bytes.len().min(room.saturating_add(1))];
            let plain = stretch.iter().take_while(|b| !is_special(**b)).count();
            if plain > 0 {
                self.take_plain(&bytes[..plain]);
            } else {
                self.take_special(bytes[0]);
            }
            let taken = plain.max(1);
            bytes = &bytes[taken..];
            self.count_bytes(taken);
        }
    }

    /// Counts the record's bytes and stops when there are too many.
    fn count_bytes(&mut self, taken: usize) {
        if matches!(self.state, State::RecordStart | State::Stopped) {
            return;
        }
        self.record.bytes += taken;
        let limit = self.limits.record_bytes;
        if self.record.bytes > limit {
            self.stop(CsvFault::RecordTooLong { limit });
        }
    }

    /// A stretch of bytes that mean nothing but themselves.
    fn take_plain(&mut self, bytes: &[u8]) {
        match self.state {
            State::RecordStart | State::FieldStart => {
                self.begin_field(self.now);
                self.state = State::Unquoted;
            }
            State::AfterQuote => {
                let opened_line = self.field.at.line;
                self.note(self.now, CsvFault::TextAfterQuote { opened_line });
                self.state = State::Unquoted;
            }
            State::Unquoted | State::Quoted | State::Stopped => {}
        }
        self.append(bytes);
        self.after_cr = false;
        self.now.character += characters(bytes);
    }

    /// A quote, comma, line break or NUL.
    fn take_special(&mut self, byte: u8) {
        let at = self.now;
        self.advance(byte);
        match (self.state, byte) {
            // A blank line.
            (State::RecordStart, b'\r' | b'\n') => {}
            (_, 0) => self.take_nul(at),
            (State::Quoted, b'"') => self.state = State::AfterQuote,
            (State::Quoted, _) => self.append(&[byte]),
            (State::AfterQuote, b'"') => {
                self.append(b"\"");
                self.state = State::Quoted;
            }
            (State::Unquoted, b'"') => self.note(at, CsvFault::BareQuote),
            (_, b'"') => {
                self.begin_field(at);
                self.field.quoted = true;
                self.state = State::Quoted;
            }
            (_, b',') => {
                self.end_field(at);
                self.state = State::FieldStart;
            }
            (_, _) => {
                self.end_field(at);
                self.end_record(at);
            }
        }
    }

    fn take_nul(&mut self, at: Position) {
        if matches!(self.state, State::RecordStart | State::FieldStart) {
            self.begin_field(at);
        }
        self.note(at, CsvFault::NulByte);
        if self.state != State::Quoted {
            self.state = State::Unquoted;
        }
    }

    fn advance(&mut self, byte: u8) {
        match byte {
            b'\n' if self.after_cr => {}
            b'\n' | b'\r' => {
                self.now.line += 1;
                self.now.character = 1;
            }
            _ => self.now.character += 1,
        }
        self.after_cr = byte == b'\r';
    }

    fn begin_field(&mut self, at: Position) {
        if self.state == State::RecordStart {
            self.record = OpenRecord::new(at.line);
        }
        self.field.text.clear();
        self.field.at = at;
        self.field.quoted = false;
    }

    fn append(&mut self, bytes: &[u8]) {
        if self.record.fault.is_some() {
            return;
        }
        let limit = self.limits.field_bytes;
        if self.field.text.len() + bytes.len() > limit {
            self.note(self.field.at, CsvFault::FieldTooLong { limit });
        } else {
            self.field.text.extend_from_slice(bytes);
        }
    }

    /// Ends the field before `at`; an empty one has not begun yet.
    fn end_field(&mut self, at: Position) {
        if matches!(self.state, State::RecordStart | State::FieldStart) {
            self.begin_field(at);
        }
        let limit = self.limits.columns;
        if self.record.fields == limit {
            self.note(self.field.at, CsvFault::TooManyFields { limit });
        }
        if self.record.fault.is_none() {
            match std::str::from_utf8(&self.field.text) {
                Ok(text) => self.record.whole.push(text, self.field.at),
                Err(error) => {
                    let at = self.field.place_of(error.valid_up_to());
                    self.note(at, CsvFault::InvalidUtf8);
                }
            }
        }
        self.record.fields += 1;
    }

    fn end_record(&mut self, at: Position) {
        self.state = State::RecordStart;
        let record = mem::replace(&mut self.record, OpenRecord::new(at.line));
        self.events.push(match record.fault {
            None => CsvEvent::Record(record.whole.ending_on(at.line)),
            Some(_) => CsvEvent::Bad(record.into_bad(at.line)),
        });
    }

    /// Ends reading because of the current field.
    fn stop(&mut self, fault: CsvFault) {
        let (field, at) = (self.record.fields, self.field.at);
        let (first_line, last_line) = (self.record.first_line, self.now.line);
        // An earlier fault of this row is worth telling, too.
        if self.record.fault.is_some() {
            self.end_record(self.now);
        }
        let record = mem::replace(&mut self.record, OpenRecord::new(first_line));
        self.events.push(CsvEvent::Stopped(BadRow {
            read: record.whole,
            field,
            at,
            first_line,
            last_line,
            fault,
        }));
        self.field.text = Vec::new();
        self.state = State::Stopped;
    }

    /// Keeps the first fault of a record; from here on nothing is stored.
    fn note(&mut self, at: Position, kind: CsvFault) {
        let field = self.record.fields;
        self.record.fault.get_or_insert(Fault { field, at, kind });
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b',' | b'\r' | b'\n' | 0)
}
