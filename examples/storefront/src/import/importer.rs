//! Bytes to products.

use super::Limits;
use super::assemble::Assembler;
use super::columns::{BadHeader, Header};
use super::csv::{BadRow, CsvEvent, CsvReader, Position, Record};
use super::error::RowError;
use super::product::Product;
use super::report::{Place, Report, Stored};
use crate::money::Currency;

/// Reads a product file from chunks of bytes.
///
/// It computes and never waits. A chunk of 64 KiB takes some milliseconds, but
/// one with a description made to be slow takes far longer: feed it where that
/// blocks nobody.
#[derive(Debug)]
pub struct Importer {
    reader: CsvReader,
    limits: Limits,
    currency: Currency,
    /// `None` until the first row has named the columns.
    rows: Option<Assembler>,
    report: Report,
}

impl Importer {
    /// An import into a shop whose prices are in `currency`.
    #[must_use]
    pub fn new(currency: Currency, limits: Limits) -> Self {
        Self {
            reader: CsvReader::new(limits),
            limits,
            currency,
            rows: None,
            report: Report::new(limits.findings),
        }
    }

    /// Takes the next bytes of the file, in chunks of any size, and returns
    /// the products they complete. How the file is cut makes no difference.
    ///
    /// A product is complete when another begins. Memory beyond the limits
    /// grows with the chunk, so feed some 64 KiB at a time.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Product> {
        if self.is_stopped() {
            return Vec::new();
        }
        let events = self.reader.feed(bytes);
        self.take_all(events)
    }

    /// Says that the file is complete and returns its last product.
    pub fn finish(&mut self) -> Vec<Product> {
        if self.is_stopped() {
            return Vec::new();
        }
        let events = self.reader.finish();
        let mut products = self.take_all(events);
        if self.is_stopped() {
            return products;
        }
        match &mut self.rows {
            Some(rows) => products.extend(rows.finish(&mut self.report)),
            None => self.stop_at(Position::START, None, &RowError::EmptyFile),
        }
        products
    }

    /// Whether reading ended early; the report says why, and what is fed from
    /// now on is ignored.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.report.stopped.is_some()
    }

    /// Counts what became of a product that [`feed`](Self::feed) or
    /// [`finish`](Self::finish) returned.
    pub fn stored(&mut self, stored: Stored) {
        self.report.count(stored);
    }

    /// The report so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The report, when all is done.
    #[must_use]
    pub fn into_report(self) -> Report {
        self.report
    }

    fn take_all(&mut self, events: Vec<CsvEvent>) -> Vec<Product> {
        let mut products = Vec::new();
        for event in events {
            products.extend(self.take(event));
            if self.is_stopped() {
                // What was complete before the fault stays good.
                let last = self.rows.as_mut();
                products.extend(last.and_then(|rows| rows.finish(&mut self.report)));
                break;
            }
        }
        products
    }

    fn take(&mut self, event: CsvEvent) -> Option<Product> {
        match (&mut self.rows, event) {
            (Some(rows), CsvEvent::Record(record)) => rows.row(&record, &mut self.report),
            (Some(rows), CsvEvent::Bad(bad)) => rows.bad_row(&bad, &mut self.report),
            (Some(rows), CsvEvent::Stopped(bad)) => rows.stop(&bad, &mut self.report),
            (None, CsvEvent::Record(record)) => {
                self.begin(&record);
                None
            }
            (
                None,
                CsvEvent::Bad(BadRow { at, fault, .. })
                | CsvEvent::Stopped(BadRow { at, fault, .. }),
            ) => {
                self.stop_at(at, None, &RowError::Csv(fault));
                None
            }
        }
    }

    fn begin(&mut self, record: &Record) {
        match Header::read(record) {
            Ok(header) => {
                self.report.unknown_columns.clone_from(&header.unknown);
                self.report.ignored_columns.clone_from(&header.ignored);
                self.rows = Some(Assembler::new(header, self.currency, self.limits));
            }
            Err(BadHeader { at, column, error }) => self.stop_at(at, column, &error),
        }
    }

    fn stop_at(&mut self, at: Position, column: Option<String>, error: &RowError) {
        let handle = None;
        self.report.stop(Place { at, column, handle }, error);
    }
}
