//! Why a row or a product is rejected.

use std::borrow::Cow;

use tenancy_types::{Code, Kind, Problem};

use super::csv::CsvFault;
use crate::money::MoneyError;

/// What is wrong with a row, or with the product that it belongs to.
///
/// The texts are for the merchant who wrote the file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// The row is not CSV.
    #[error(transparent)]
    Csv(#[from] CsvFault),
    /// The file has no row at all.
    #[error("the file is empty: its first row must name the columns")]
    EmptyFile,
    /// A column without which nothing can be imported.
    #[error("the file has no column {name:?}")]
    MissingColumn {
        /// The column's name.
        name: &'static str,
    },
    /// Two columns of one name.
    #[error("the file has this column twice")]
    DuplicateColumn,
    /// A row that is shorter or longer than the first.
    #[error("the row has {found} fields, the first row of the file has {expected}")]
    FieldCount {
        /// Columns of the file.
        expected: usize,
        /// Fields of the row.
        found: usize,
    },
    /// More products than [`Limits::products`](super::Limits::products).
    #[error("the file has more than {limit} products: import the others from another file")]
    TooManyProducts {
        /// The limit.
        limit: usize,
    },
    /// A row without a handle.
    #[error("the row has no handle")]
    HandleMissing,
    /// A handle that cannot be part of an address.
    #[error("the handle {handle:?} may have only letters a to z, digits and hyphens")]
    HandleInvalid {
        /// The handle, shortened.
        handle: String,
    },
    /// A handle that another product of the file has.
    #[error(
        "another product, on line {first_line}, has the same handle: the rows of a product stand together"
    )]
    HandleRepeated {
        /// Where the other product begins.
        first_line: u64,
    },
    /// A broken row may belong to this product.
    #[error("the broken row that ends on line {line} may hold a part of this product")]
    NearBrokenRow {
        /// The last line of the broken row.
        line: u64,
    },
    /// The first row of a product has no title.
    #[error("the first row of a product needs a title")]
    TitleMissing,
    /// A one-line text over [`Limits::text_chars`](super::Limits::text_chars).
    #[error("the text is longer than {limit} characters")]
    TextTooLong {
        /// The limit.
        limit: usize,
    },
    /// More rows than [`Limits::rows_per_product`](super::Limits::rows_per_product).
    #[error("the product has more than {limit} rows")]
    TooManyRows {
        /// The limit.
        limit: usize,
    },
    /// More images than [`Limits::images_per_product`](super::Limits::images_per_product).
    #[error("the product has more than {limit} images")]
    TooManyImages {
        /// The limit.
        limit: usize,
    },
    /// More tags than [`Limits::tags_per_product`](super::Limits::tags_per_product).
    #[error("the product has more than {limit} tags")]
    TooManyTags {
        /// The limit.
        limit: usize,
    },
    /// More markup than [`Limits::html_tags`](super::Limits::html_tags) or
    /// [`Limits::html_tag_bytes`](super::Limits::html_tag_bytes) allow.
    #[error(
        "the description has too much markup: at most {tags} tags of at most {bytes} bytes each"
    )]
    TooMuchMarkup {
        /// The limit of tags.
        tags: usize,
        /// The limit of bytes from one tag to the next.
        bytes: usize,
    },
    /// An option name follows an empty one.
    #[error("an option needs the one before it: name Option1 first")]
    OptionNameGap,
    /// Two options of one name.
    #[error("the product has two options {name:?}")]
    OptionNameRepeated {
        /// The name.
        name: String,
    },
    /// A later row names another option than the first.
    #[error("the option is {first:?} in the product's first row and {found:?} here")]
    OptionNameChanged {
        /// The name in the first row.
        first: String,
        /// The name in this row.
        found: String,
    },
    /// A variant lacks the value of an option.
    #[error("the variant has no value for the option {name:?}")]
    OptionValueMissing {
        /// The option's name.
        name: String,
    },
    /// A variant has a value for an option that the product does not have.
    #[error("a value for an option that the product's first row does not name")]
    OptionValueUnexpected,
    /// Two variants with the same values.
    #[error("the variant on line {first_line} has the same option values")]
    VariantRepeated {
        /// Where the first one is.
        first_line: u64,
    },
    /// A variant without a price.
    #[error("the variant has no price")]
    PriceMissing,
    /// A price that cannot be read.
    #[error(transparent)]
    Price(#[from] MoneyError),
    /// A count or weight that is not a whole number.
    #[error("{text:?} is not a whole number from {least} to {most}")]
    NotANumber {
        /// The text, shortened.
        text: String,
        /// The least number that is accepted.
        least: i64,
        /// The greatest number that is accepted.
        most: i64,
    },
    /// A word where another is expected.
    #[error("{text:?} is not one of {expected}")]
    UnknownWord {
        /// The text, shortened.
        text: String,
        /// The words that are known.
        expected: &'static str,
    },
    /// An image address that a page must not show.
    #[error("{text:?} is not an address that begins with https://, http:// or a single slash")]
    UrlRefused {
        /// The text, shortened.
        text: String,
    },
}

impl Problem for RowError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Csv(fault) => return fault.code(),
            Self::Price(error) => return error.code(),
            Self::EmptyFile => "empty_file",
            Self::MissingColumn { .. } => "missing_column",
            Self::DuplicateColumn => "duplicate_column",
            Self::FieldCount { .. } => "field_count",
            Self::TooManyProducts { .. } => "too_many_products",
            Self::HandleMissing => "handle_missing",
            Self::HandleInvalid { .. } => "handle_invalid",
            Self::HandleRepeated { .. } => "handle_repeated",
            Self::NearBrokenRow { .. } => "near_broken_row",
            Self::TitleMissing => "title_missing",
            Self::TextTooLong { .. } => "text_too_long",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::TooManyImages { .. } => "too_many_images",
            Self::TooManyTags { .. } => "too_many_tags",
            Self::TooMuchMarkup { .. } => "too_much_markup",
            Self::OptionNameGap => "option_name_gap",
            Self::OptionNameRepeated { .. } => "option_name_repeated",
            Self::OptionNameChanged { .. } => "option_name_changed",
            Self::OptionValueMissing { .. } => "option_value_missing",
            Self::OptionValueUnexpected => "option_value_unexpected",
            Self::VariantRepeated { .. } => "variant_repeated",
            Self::PriceMissing => "price_missing",
            Self::NotANumber { .. } => "not_a_number",
            Self::UnknownWord { .. } => "unknown_word",
            Self::UrlRefused { .. } => "url_refused",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
