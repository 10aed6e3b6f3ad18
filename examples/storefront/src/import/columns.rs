//! The columns of Shopify's product CSV, and where a file has them.
//!
//! Source of the names: Shopify Help Center, "Using CSV files to import and
//! export products".

use super::csv::{Position, Record};
use super::error::RowError;

/// The columns that are imported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Column {
    Handle,
    Title,
    Body,
    Vendor,
    Category,
    Type,
    Tags,
    Published,
    OptionName(usize),
    OptionValue(usize),
    Sku,
    Grams,
    Tracker,
    Quantity,
    Policy,
    Price,
    CompareAt,
    Barcode,
    ImageSrc,
    ImagePosition,
    ImageAlt,
    VariantImage,
    SeoTitle,
    SeoDescription,
    Status,
    Collection,
}

use Column as C;

const IMPORTED: [(&str, Column); 30] = [
    ("Handle", C::Handle),
    ("Title", C::Title),
    ("Body (HTML)", C::Body),
    ("Vendor", C::Vendor),
    ("Product Category", C::Category),
    ("Type", C::Type),
    ("Tags", C::Tags),
    ("Published", C::Published),
    ("Option1 Name", C::OptionName(0)),
    ("Option2 Name", C::OptionName(1)),
    ("Option3 Name", C::OptionName(2)),
    ("Option1 Value", C::OptionValue(0)),
    ("Option2 Value", C::OptionValue(1)),
    ("Option3 Value", C::OptionValue(2)),
    ("Variant SKU", C::Sku),
    ("Variant Grams", C::Grams),
    ("Variant Inventory Tracker", C::Tracker),
    ("Variant Inventory Qty", C::Quantity),
    ("Variant Inventory Policy", C::Policy),
    ("Variant Price", C::Price),
    ("Variant Compare At Price", C::CompareAt),
    ("Variant Barcode", C::Barcode),
    ("Image Src", C::ImageSrc),
    ("Image Position", C::ImagePosition),
    ("Image Alt Text", C::ImageAlt),
    ("Variant Image", C::VariantImage),
    ("SEO Title", C::SeoTitle),
    ("SEO Description", C::SeoDescription),
    ("Status", C::Status),
    ("Collection", C::Collection),
];

/// Columns of the format that say nothing a shop page needs.
const IGNORED: [&str; 10] = [
    "Variant Fulfillment Service",
    "Variant Requires Shipping",
    "Variant Taxable",
    "Variant Tax Code",
    "Variant Weight Unit",
    "Option1 Linked To",
    "Option2 Linked To",
    "Option3 Linked To",
    "Gift Card",
    "Cost per item",
];

/// How much of a foreign column's name is kept, in characters.
const NAME_CHARS: usize = 80;

/// The first row of a file.
#[derive(Debug)]
pub(super) struct Header {
    /// The names as the file spells them, shortened.
    names: Vec<String>,
    /// What each column of the file holds.
    columns: Vec<Option<Column>>,
    /// Columns of the format that are not imported.
    pub(super) ignored: Vec<String>,
    /// Columns the format does not know.
    pub(super) unknown: Vec<String>,
}

/// Why a first row cannot be used.
#[derive(Debug)]
pub(super) struct BadHeader {
    pub(super) at: Position,
    pub(super) column: Option<String>,
    pub(super) error: RowError,
}

impl Header {
    /// Finds the columns by name; case and spaces do not matter.
    pub(super) fn read(record: &Record) -> Result<Self, BadHeader> {
        let mut header = Self {
            names: record.fields().map(shown).collect(),
            columns: Vec::new(),
            ignored: Vec::new(),
            unknown: Vec::new(),
        };
        let mut seen = std::collections::HashSet::new();
        for (index, field) in record.fields().enumerate() {
            let name = folded(field);
            // Spreadsheets leave empty columns at the right.
            if !name.is_empty() && !seen.insert(name.clone()) {
                return Err(BadHeader {
                    at: record.position(index).unwrap_or(Position::START),
                    column: Some(shown(field)),
                    error: RowError::DuplicateColumn,
                });
            }
            header.place(&name, field);
        }
        for (name, column) in [("Handle", Column::Handle), ("Title", Column::Title)] {
            if header.index(column).is_none() {
                return Err(BadHeader {
                    at: record.position(0).unwrap_or(Position::START),
                    column: None,
                    error: RowError::MissingColumn { name },
                });
            }
        }
        Ok(header)
    }

    fn place(&mut self, name: &str, field: &str) {
        let imported = IMPORTED.iter().find(|(known, _)| folded(known) == name);
        self.columns.push(imported.map(|(_, column)| *column));
        if imported.is_some() || name.is_empty() {
            return;
        }
        if IGNORED.iter().any(|known| folded(known) == name) {
            self.ignored.push(shown(field));
        } else {
            self.unknown.push(shown(field));
        }
    }

    /// How many columns the file has.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The name of a column, as the file spells it.
    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }

    pub(super) fn index(&self, column: Column) -> Option<usize> {
        self.columns.iter().position(|known| *known == Some(column))
    }
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_whitespace())
        .flat_map(char::to_lowercase)
        .collect()
}

fn shown(name: &str) -> String {
    name.trim().chars().take(NAME_CHARS).collect()
}
