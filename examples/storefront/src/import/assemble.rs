//! Rows to products.
//!
//! Consecutive rows of one handle are a product. A product with a bad row is
//! rejected whole: a shop that shows a shirt without the size that was
//! mistyped is worse off than one that shows yesterday's shirt. The rows
//! behind the bad one are still judged, so that one run finds all faults.
//!
//! A row that is not CSV counts for the product whose handle it names. When
//! its handle cannot be read, the products on both sides are rejected; when it
//! spans lines, the product behind it is, because a lost quote may have
//! swallowed rows of it.
//!
//! A handle that comes again, after other products, is rejected. To notice it
//! 64 bits of BLAKE3 and a line number are kept of each handle: in a file of
//! half a million products two handles meet by chance once in 147 million
//! files, and then a product is rejected, never overwritten.

use std::collections::HashMap;

use super::Limits;
use super::cells;
use super::columns::{Column, Header};
use super::csv::{BadRow, Position, Record};
use super::draft::Draft;
use super::error::RowError;
use super::product::Product;
use super::report::{Caution, Place, Report};
use super::row::{Row, RowFault};
use crate::money::Currency;

/// Groups rows and judges them. Findings go to the report.
#[derive(Debug)]
pub(super) struct Assembler {
    header: Header,
    currency: Currency,
    limits: Limits,
    group: Option<Group>,
    /// Hash of each handle seen, and the line of its product.
    seen: HashMap<u64, u64>,
    /// The last line of a broken row that may hold a part of the next product.
    doubt: Option<u64>,
}

/// The product whose rows are coming in.
#[derive(Debug)]
struct Group {
    /// The handle, or what stands in its place. Empty when nothing does.
    key: String,
    at: Position,
    rows: usize,
    rejected: bool,
    /// `None` when its rows are not worth judging.
    draft: Option<Draft>,
}

/// A row that is not CSV or does not fit the header.
struct Broken<'a> {
    read: &'a Record,
    first_line: u64,
    last_line: u64,
}

impl Assembler {
    pub(super) fn new(header: Header, currency: Currency, limits: Limits) -> Self {
        Self {
            header,
            currency,
            limits,
            group: None,
            seen: HashMap::new(),
            doubt: None,
        }
    }

    /// Takes a row; returns the product that it ends.
    pub(super) fn row(&mut self, record: &Record, report: &mut Report) -> Option<Product> {
        if record.is_blank() {
            return None;
        }
        report.rows += 1;
        if record.len() != self.header.len() {
            return self.miscounted(record, report);
        }
        let row = self.view(record);
        let text = row.text(Column::Handle).to_owned();
        if text.is_empty() && !row.has(Column::Title) {
            self.reject_nameless(record, report);
            return None;
        }
        let done = self.enter(&text, start_of(record), report);
        self.add(record, report);
        done
    }

    /// Takes a row that is not CSV; returns the product that it ends.
    pub(super) fn bad_row(&mut self, bad: &BadRow, report: &mut Report) -> Option<Product> {
        report.rows += 1;
        let place = self.place_in(&bad.read, bad.field, bad.at);
        report.reject(place, &RowError::Csv(bad.fault.clone()));
        self.reject_around(&Broken::from(bad), report)
    }

    /// Takes the row that ends reading; returns the product that it ends.
    pub(super) fn stop(&mut self, bad: &BadRow, report: &mut Report) -> Option<Product> {
        let place = self.place_in(&bad.read, bad.field, bad.at);
        report.stop(place, &RowError::Csv(bad.fault.clone()));
        self.reject_around(&Broken::from(bad), report)
    }

    /// Ends the product whose rows were coming in.
    pub(super) fn finish(&mut self, report: &mut Report) -> Option<Product> {
        let group = self.group.take()?;
        let Some(draft) = group.draft.filter(|_| !group.rejected) else {
            report.products_rejected += 1;
            return None;
        };
        let product = draft.finish();
        if product.variants.is_empty() {
            let place = Place {
                at: group.at,
                column: None,
                handle: Some(group.key),
            };
            report.warn(place, Caution::NoVariants);
        }
        Some(product)
    }

    fn miscounted(&mut self, record: &Record, report: &mut Report) -> Option<Product> {
        let (expected, found) = (self.header.len(), record.len());
        // The first field too many, or the last there is.
        let field = expected.min(found - 1);
        let at = record.position(field).unwrap_or(Position::START);
        let place = self.place_in(record, found.min(expected), at);
        report.reject(place, &RowError::FieldCount { expected, found });
        let broken = Broken {
            read: record,
            first_line: start_of(record).line,
            last_line: record.last_line(),
        };
        self.reject_around(&broken, report)
    }

    /// A row with neither handle nor title is taken for a part of the product
    /// above it.
    fn reject_nameless(&mut self, record: &Record, report: &mut Report) {
        let fault = RowError::HandleMissing.at(Column::Handle);
        let mut place = self.place(record, &fault);
        if let Some(group) = &mut self.group {
            group.rejected = true;
            place.handle = named(&group.key);
        }
        report.reject(place, &fault.error);
    }

    /// Rejects the products that a broken row may belong to.
    fn reject_around(&mut self, broken: &Broken<'_>, report: &mut Report) -> Option<Product> {
        let line = broken.last_line;
        let Some(handle) = self.handle_of(broken.read) else {
            self.reject_current(line, report);
            self.doubt = Some(line);
            return None;
        };
        let done = self.enter(&handle, start_of(broken.read), report);
        if let Some(group) = &mut self.group {
            group.rejected = true;
            if group.rows == 0 {
                // Without its first row the others cannot be judged.
                group.draft = None;
            }
            group.rows += 1;
        }
        if line > broken.first_line {
            self.doubt = Some(line);
        }
        done
    }

    /// Rejects the current product, because a broken row may be a part of it.
    fn reject_current(&mut self, line: u64, report: &mut Report) {
        let column = self.name(Column::Handle);
        let Some(group) = &mut self.group else {
            return;
        };
        if !std::mem::replace(&mut group.rejected, true) {
            let place = Place {
                at: group.at,
                column,
                handle: named(&group.key),
            };
            report.reject(place, &RowError::NearBrokenRow { line });
        }
    }

    /// Makes the product with this handle the current one; returns the one
    /// that was, if it is another and good.
    fn enter(&mut self, text: &str, at: Position, report: &mut Report) -> Option<Product> {
        let handle = cells::handle(text, self.limits.text_chars);
        // A text that is no handle still holds its rows together. One
        // character more than a handle may have keeps the two apart.
        let key = match &handle {
            Ok(handle) => handle.clone(),
            Err(_) => text.chars().take(self.limits.text_chars + 1).collect(),
        };
        let current = self.group.as_ref().map(|group| group.key.as_str());
        if current == Some(&key) && !key.is_empty() {
            // A broken row before this one held nothing of the next product.
            self.doubt = None;
            return None;
        }
        let done = self.finish(report);
        self.open(key, handle, at, report);
        done
    }

    fn open(
        &mut self,
        key: String,
        handle: Result<String, RowError>,
        at: Position,
        report: &mut Report,
    ) {
        report.products_seen += 1;
        let place = Place {
            at,
            column: self.name(Column::Handle),
            handle: named(&key),
        };
        let mut draft = None;
        match handle.and_then(|handle| self.admit(handle, at.line)) {
            Ok(handle) => draft = Some(Draft::new(handle, self.currency)),
            Err(error @ RowError::TooManyProducts { .. }) => report.stop(place, &error),
            Err(error) => report.reject(place, &error),
        }
        self.group = Some(Group {
            key,
            at,
            rows: 0,
            rejected: draft.is_none(),
            draft,
        });
        if let Some(line) = self.doubt.take() {
            self.reject_current(line, report);
        }
    }

    /// Remembers a handle, if it is the first of its name.
    fn admit(&mut self, handle: String, line: u64) -> Result<String, RowError> {
        let hash = blake3::hash(handle.as_bytes());
        let (head, _) = hash
            .as_bytes()
            .split_first_chunk()
            .expect("a hash has more than eight bytes");
        let key = u64::from_le_bytes(*head);
        if let Some(first_line) = self.seen.get(&key) {
            let first_line = *first_line;
            return Err(RowError::HandleRepeated { first_line });
        }
        let limit = self.limits.products;
        if self.seen.len() >= limit {
            return Err(RowError::TooManyProducts { limit });
        }
        self.seen.insert(key, line);
        Ok(handle)
    }

    /// Adds a row to the current product.
    fn add(&mut self, record: &Record, report: &mut Report) {
        let Some(mut group) = self.group.take() else {
            return;
        };
        group.rows += 1;
        if let Err(fault) = self.judge(&mut group, record, report) {
            group.rejected = true;
            report.reject(self.place(record, &fault), &fault.error);
        }
        self.group = Some(group);
    }

    fn judge(
        &self,
        group: &mut Group,
        record: &Record,
        report: &mut Report,
    ) -> Result<(), RowFault> {
        let limit = self.limits.rows_per_product;
        if group.rows > limit && group.draft.take().is_some() {
            return Err(RowError::TooManyRows { limit }.at(Column::Handle));
        }
        let Some(draft) = &mut group.draft else {
            return Ok(());
        };
        if let Some(caution) = draft.add(self.view(record))? {
            let place = Place {
                at: self.view(record).position(Column::Quantity),
                column: self.name(Column::Quantity),
                handle: Some(group.key.clone()),
            };
            report.warn(place, caution);
        }
        Ok(())
    }

    fn view<'a>(&'a self, record: &'a Record) -> Row<'a> {
        Row {
            header: &self.header,
            record,
            limits: &self.limits,
        }
    }

    fn place(&self, record: &Record, fault: &RowFault) -> Place {
        Place {
            at: self.view(record).position(fault.column),
            column: self.name(fault.column),
            handle: self.handle_of(record),
        }
    }

    fn place_in(&self, read: &Record, field: usize, at: Position) -> Place {
        Place {
            at,
            column: self.header.name(field).map(str::to_owned),
            handle: self.handle_of(read),
        }
    }

    fn name(&self, column: Column) -> Option<String> {
        let index = self.header.index(column)?;
        self.header.name(index).map(str::to_owned)
    }

    /// The handle of a row that may be broken off.
    fn handle_of(&self, read: &Record) -> Option<String> {
        let text = read.field(self.header.index(Column::Handle)?)?;
        cells::handle(text.trim(), self.limits.text_chars).ok()
    }
}

impl<'a> From<&'a BadRow> for Broken<'a> {
    fn from(bad: &'a BadRow) -> Self {
        Self {
            read: &bad.read,
            first_line: bad.first_line,
            last_line: bad.last_line,
        }
    }
}

/// A group's key, if it has one.
fn named(key: &str) -> Option<String> {
    (!key.is_empty()).then(|| key.to_owned())
}

fn start_of(record: &Record) -> Position {
    record.position(0).unwrap_or(Position::START)
}
