//! Why a text is not an amount of money.

use std::borrow::Cow;

use tenancy_types::{Code, Kind, Problem};

use super::Currency;

/// How much of a rejected text an error repeats, in characters: a file may
/// hold a megabyte where a price belongs.
const SHOWN: usize = 40;

/// A text that is not an amount of money, or no currency.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MoneyError {
    /// No active currency has this code.
    #[error("{code:?} is not the code of an active currency")]
    UnknownCurrency {
        /// The text, shortened.
        code: String,
    },
    /// A comma or another separator beside the decimal point.
    #[error(
        "{text:?} has a separator that may mean thousands or decimals: write digits and at most one decimal point, such as 1234.50"
    )]
    AmbiguousSeparator {
        /// The text, shortened.
        text: String,
    },
    /// Something else than digits and a decimal point.
    #[error("{text:?} is not an amount: write digits and at most one decimal point, such as 12.50")]
    NotAnAmount {
        /// The text, shortened.
        text: String,
    },
    /// More decimals than the currency has, and they are not zeros.
    #[error("{text:?} has more decimals than the {exponent} of {currency}")]
    TooManyDecimals {
        /// The text, shortened.
        text: String,
        /// The currency.
        currency: Currency,
        /// How many decimals it has.
        exponent: u8,
    },
    /// The amount does not fit 64 bits of minor units.
    #[error("{text:?} is too large an amount")]
    TooLarge {
        /// The text, shortened.
        text: String,
    },
    /// A price below zero.
    #[error("{text:?} is negative, a price is not")]
    Negative {
        /// The text, shortened.
        text: String,
    },
}

impl MoneyError {
    pub(super) fn unknown_currency(code: &str) -> Self {
        Self::UnknownCurrency { code: shown(code) }
    }

    /// The error for a text that is no plain decimal: separators get their own
    /// advice when everything else is a digit.
    pub(super) fn unreadable(text: &str) -> Self {
        let separators = [',', '.', '\'', '_', ' ', '\u{a0}', '\u{202f}', '\u{2009}'];
        let number = text.strip_prefix('-').unwrap_or(text);
        let separated = number.starts_with(|c: char| c.is_ascii_digit())
            && number.ends_with(|c: char| c.is_ascii_digit())
            && number
                .chars()
                .all(|c| c.is_ascii_digit() || separators.contains(&c));
        let text = shown(text);
        if separated {
            Self::AmbiguousSeparator { text }
        } else {
            Self::NotAnAmount { text }
        }
    }

    pub(super) fn too_many_decimals(text: &str, currency: Currency) -> Self {
        Self::TooManyDecimals {
            text: shown(text),
            currency,
            exponent: currency.exponent(),
        }
    }

    pub(super) fn too_large(text: &str) -> Self {
        Self::TooLarge { text: shown(text) }
    }

    pub(super) fn negative(text: &str) -> Self {
        Self::Negative { text: shown(text) }
    }
}

impl Problem for MoneyError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::UnknownCurrency { .. } => "unknown_currency",
            Self::AmbiguousSeparator { .. } => "amount_ambiguous",
            Self::NotAnAmount { .. } => "amount_unreadable",
            Self::TooManyDecimals { .. } => "amount_decimals",
            Self::TooLarge { .. } => "amount_too_large",
            Self::Negative { .. } => "amount_negative",
        })
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}
