//! What the reader hands on.

use super::CsvFault;

/// A place in the file, for a person with a text editor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Line of the physical file, from 1. CR LF, LF and CR each end a line,
    /// within quotes too.
    pub line: u64,
    /// Character within the line, from 1. A byte order mark is none.
    pub character: u64,
}

impl Position {
    /// The first character of a file.
    pub const START: Self = Self {
        line: 1,
        character: 1,
    };
}

/// The fields of one row, unquoted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    text: String,
    fields: Vec<Field>,
    last_line: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Field {
    end: usize,
    at: Position,
}

/// A row that breaks the rules of the format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BadRow {
    /// The fields that were read whole before the fault.
    pub read: Record,
    /// Index of the faulty field.
    pub field: usize,
    /// Where the fault is.
    pub at: Position,
    /// The line on which the row begins.
    pub first_line: u64,
    /// The line on which it ends. When it is another one, a lost quote may
    /// have swallowed rows that follow.
    pub last_line: u64,
    /// What is wrong.
    pub fault: CsvFault,
}

/// What [`CsvReader`](super::CsvReader) found, in the order of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CsvEvent {
    /// A row.
    Record(Record),
    /// A row to reject; reading goes on with the next.
    Bad(BadRow),
    /// A row after which nothing can be trusted; reading has ended.
    Stopped(BadRow),
}

impl Record {
    pub(super) fn new() -> Self {
        Self {
            text: String::new(),
            fields: Vec::new(),
            last_line: 0,
        }
    }

    pub(super) fn ending_on(self, last_line: u64) -> Self {
        Self { last_line, ..self }
    }

    pub(super) fn push(&mut self, text: &str, at: Position) {
        self.text.push_str(text);
        let end = self.text.len();
        self.fields.push(Field { end, at });
    }

    /// Bytes this record has allocated.
    pub(super) fn held_bytes(&self) -> usize {
        self.text.capacity() + self.fields.capacity() * size_of::<Field>()
    }

    /// How many fields there are; at least one in a record from a file.
    #[must_use]
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no field, as in the `read` of a row whose first field
    /// is faulty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The text of a field, as it is between its quotes.
    #[must_use]
    pub fn field(&self, index: usize) -> Option<&str> {
        let end = self.fields.get(index)?.end;
        let start = match index {
            0 => 0,
            _ => self.fields[index - 1].end,
        };
        Some(&self.text[start..end])
    }

    /// All fields in order.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).filter_map(|index| self.field(index))
    }

    /// Where a field begins; its opening quote, if it has one.
    #[must_use]
    pub fn position(&self, index: usize) -> Option<Position> {
        self.fields.get(index).map(|field| field.at)
    }

    /// The line on which the record ends.
    #[must_use]
    pub fn last_line(&self) -> u64 {
        self.last_line
    }

    /// Whether nothing is in any field, as in the rows of commas that
    /// spreadsheets leave at the end.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.chars().all(char::is_whitespace)
    }
}
