//! What an import did, for people and for programs.

use std::fmt;

use serde::{Deserialize, Serialize};
use tenancy_types::{Code, Problem};

use super::csv::Position;
use super::error::RowError;

/// The outcome of an import.
///
/// Rows of products that were rejected for another row are not findings of
/// their own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Rows read, without the first one and blank ones.
    pub rows: u64,
    /// Products that the rows began.
    pub products_seen: u64,
    /// Products that were new to the shop.
    pub created: u64,
    /// Products that the shop had, and that changed.
    pub updated: u64,
    /// Products that the shop had as they are.
    pub unchanged: u64,
    /// Products that were left out for what is in `rejected`.
    pub products_rejected: u64,
    /// What is wrong, in the order of the file; only the first
    /// [`Limits::findings`](super::Limits::findings).
    pub rejected: Vec<Finding>,
    /// How many there are in all.
    pub rejected_count: u64,
    /// What was imported and is worth a look; limited likewise.
    pub warnings: Vec<Finding>,
    /// How many there are in all.
    pub warnings_count: u64,
    /// Columns that the format does not know, as the file spells them.
    pub unknown_columns: Vec<String>,
    /// Columns of the format that the storefront has no use for.
    pub ignored_columns: Vec<String>,
    /// Why the rest of the file was not read, if so.
    pub stopped: Option<Finding>,
    #[serde(skip)]
    limit: usize,
}

/// Something about one place in the file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// Line of the file, from 1.
    pub line: u64,
    /// Character within the line, from 1: where the faulty field begins, or
    /// the fault itself where one character is to blame.
    pub character: u64,
    /// The column's name as the file spells it, when one column is to blame.
    pub column: Option<String>,
    /// The handle of the product, when it is known.
    pub handle: Option<String>,
    /// The stable name of what is wrong.
    pub code: String,
    /// What is wrong, in words.
    pub message: String,
}

/// What became of a product in the shop's store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stored {
    /// The shop did not have it.
    Created,
    /// The shop had another version of it.
    Updated,
    /// The shop had it as it is.
    Unchanged,
}

/// Something odd that rejects nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Caution {
    NegativeQuantity,
    NoVariants,
}

/// Where a finding is, and of which product.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) at: Position,
    pub(super) column: Option<String>,
    pub(super) handle: Option<String>,
}

impl Report {
    /// An empty report that keeps `limit` findings of each sort.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            rows: 0,
            products_seen: 0,
            created: 0,
            updated: 0,
            unchanged: 0,
            products_rejected: 0,
            rejected: Vec::new(),
            rejected_count: 0,
            warnings: Vec::new(),
            warnings_count: 0,
            unknown_columns: Vec::new(),
            ignored_columns: Vec::new(),
            stopped: None,
            limit,
        }
    }

    /// Whether the whole file was read and nothing was rejected.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.rejected_count == 0 && self.stopped.is_none()
    }

    pub(super) fn count(&mut self, stored: Stored) {
        match stored {
            Stored::Created => self.created += 1,
            Stored::Updated => self.updated += 1,
            Stored::Unchanged => self.unchanged += 1,
        }
    }

    pub(super) fn reject(&mut self, place: Place, error: &RowError) {
        self.rejected_count += 1;
        if self.rejected.len() < self.limit {
            self.rejected.push(Finding::of_error(place, error));
        }
    }

    pub(super) fn warn(&mut self, place: Place, caution: Caution) {
        self.warnings_count += 1;
        if self.warnings.len() < self.limit {
            let (code, message) = caution.words();
            self.warnings
                .push(Finding::new(place, code, message.to_owned()));
        }
    }

    pub(super) fn stop(&mut self, place: Place, error: &RowError) {
        self.stopped = Some(Finding::of_error(place, error));
    }
}

impl Finding {
    fn of_error(place: Place, error: &RowError) -> Self {
        Self::new(place, error.code(), error.to_string())
    }

    fn new(place: Place, code: Code, message: String) -> Self {
        Self {
            line: place.at.line,
            character: place.at.character,
            column: place.column,
            handle: place.handle,
            code: code.as_str().to_owned(),
            message,
        }
    }
}

impl Caution {
    fn words(self) -> (Code, &'static str) {
        match self {
            Self::NegativeQuantity => (
                Code::new("negative_quantity"),
                "the quantity is negative and was taken as 0",
            ),
            Self::NoVariants => (
                Code::new("no_variants"),
                "the product has no price: it can be seen and not bought",
            ),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} rows, {} products: {} created, {} updated, {} unchanged, {} rejected",
            self.rows,
            self.products_seen,
            self.created,
            self.updated,
            self.unchanged,
            self.products_rejected
        )?;
        write_columns(f, "columns not known", &self.unknown_columns)?;
        write_columns(f, "columns not imported", &self.ignored_columns)?;
        write_findings(f, "rejected", &self.rejected, self.rejected_count)?;
        write_findings(f, "warnings", &self.warnings, self.warnings_count)?;
        match &self.stopped {
            Some(finding) => writeln!(f, "stopped, the rest was not read:\n  {finding}"),
            None => Ok(()),
        }
    }
}

/// `line 7, character 12, Variant Price (mug): the variant has no price`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, character {}", self.line, self.character)?;
        if let Some(column) = &self.column {
            write!(f, ", {column}")?;
        }
        if let Some(handle) = &self.handle {
            write!(f, " ({handle})")?;
        }
        write!(f, ": {}", self.message)
    }
}

fn write_columns(f: &mut fmt::Formatter<'_>, title: &str, names: &[String]) -> fmt::Result {
    match names {
        [] => Ok(()),
        names => writeln!(f, "{title}: {}", names.join(", ")),
    }
}

fn write_findings(
    f: &mut fmt::Formatter<'_>,
    title: &str,
    findings: &[Finding],
    count: u64,
) -> fmt::Result {
    if count == 0 {
        return Ok(());
    }
    writeln!(f, "{title}: {count}")?;
    for finding in findings {
        writeln!(f, "  {finding}")?;
    }
    match count - findings.len() as u64 {
        0 => Ok(()),
        more => writeln!(f, "  and {more} more"),
    }
}
