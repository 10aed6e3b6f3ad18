//! Why a row is not CSV.

use std::borrow::Cow;

use tenancy_types::{Code, Kind, Problem};

/// A breach of the format (RFC 4180), or of a limit of the reader.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CsvFault {
    /// Something else than a comma or a line break after a closing quote.
    #[error(
        "text follows the closing quote of a field whose quote opened on line {opened_line}: a quote within a quoted field is written twice"
    )]
    TextAfterQuote {
        /// The line of the opening quote.
        opened_line: u64,
    },
    /// A quote in a field that does not begin with one.
    #[error(
        "a quote stands within a field that does not begin with one: quote the whole field and write its quotes twice"
    )]
    BareQuote,
    /// The file ended within quotes.
    #[error(
        "the quote that opened on line {opened_line}, character {opened_character}, is never closed"
    )]
    UnclosedQuote {
        /// The line of the opening quote.
        opened_line: u64,
        /// Its character within the line.
        opened_character: u64,
    },
    /// A NUL byte.
    #[error("a NUL byte: the file may be UTF-16 or no text at all, save it as CSV in UTF-8")]
    NulByte,
    /// Bytes that are not UTF-8.
    #[error("bytes that are not UTF-8: save the file as CSV in UTF-8")]
    InvalidUtf8,
    /// A field over [`Limits::field_bytes`](crate::import::Limits::field_bytes).
    #[error("the field is longer than {limit} bytes")]
    FieldTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A record over [`Limits::record_bytes`](crate::import::Limits::record_bytes).
    #[error("the row is longer than {limit} bytes, a closing quote or a line break may be missing")]
    RecordTooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// A record over [`Limits::columns`](crate::import::Limits::columns).
    #[error("the row has more than {limit} fields")]
    TooManyFields {
        /// The limit.
        limit: usize,
    },
}

impl Problem for CsvFault {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::TextAfterQuote { .. } => "text_after_quote",
            Self::BareQuote => "bare_quote",
            Self::UnclosedQuote { .. } => "unclosed_quote",
            Self::NulByte => "nul_byte",
            Self::InvalidUtf8 => "invalid_utf8",
            Self::FieldTooLong { .. } => "field_too_long",
            Self::RecordTooLong { .. } => "record_too_long",
            Self::TooManyFields { .. } => "too_many_fields",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
