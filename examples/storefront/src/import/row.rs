//! A record seen through the header.

use super::Limits;
use super::cells;
use super::columns::{Column, Header};
use super::csv::{Position, Record};
use super::error::RowError;

/// A row with as many fields as the file has columns.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) header: &'a Header,
    pub(super) record: &'a Record,
    pub(super) limits: &'a Limits,
}

/// What is wrong with a row, and in which column.
#[derive(Debug)]
pub(super) struct RowFault {
    pub(super) column: Column,
    pub(super) error: RowError,
}

impl Row<'_> {
    /// The trimmed text of a cell; empty when the file lacks the column.
    pub(super) fn text(&self, column: Column) -> &str {
        let field = self.header.index(column);
        field
            .and_then(|index| self.record.field(index))
            .unwrap_or_default()
            .trim()
    }

    pub(super) fn has(&self, column: Column) -> bool {
        !self.text(column).is_empty()
    }

    /// The meaning of a cell.
    pub(super) fn cell<T>(
        &self,
        column: Column,
        read: impl FnOnce(&str) -> Result<T, RowError>,
    ) -> Result<T, RowFault> {
        read(self.text(column)).map_err(|error| error.at(column))
    }

    /// A cell that holds one line of text.
    pub(super) fn line(&self, column: Column) -> Result<String, RowFault> {
        self.cell(column, |text| cells::line(text, self.limits.text_chars))
    }

    /// Where a cell begins; where the row does, when the file lacks the column.
    pub(super) fn position(&self, column: Column) -> Position {
        let index = self.header.index(column);
        self.record
            .position(index.unwrap_or(0))
            .unwrap_or(Position::START)
    }
}

impl RowError {
    pub(super) fn at(self, column: Column) -> RowFault {
        RowFault {
            column,
            error: self,
        }
    }
}
