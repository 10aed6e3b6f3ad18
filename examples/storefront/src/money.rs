//! Amounts of money: minor units and a currency, never floating point.
//!
//! One text form is read, because a shop's price must not depend on a guess:
//! digits, at most one decimal point, more digits. `1,234` is a thousand in
//! London and a bit more than one in Berlin, so a comma is an error that says
//! so.
//!
//! ```
//! use storefront::money::{Currency, Money};
//!
//! let euro = Currency::from_code("EUR")?;
//! let price = Money::parse_price("1234.5", euro)?;
//! assert_eq!(price.minor(), 123_450);
//! assert_eq!(price.to_string(), "1234.50 EUR");
//! assert_eq!(price.pretty().to_string(), "€1,234.50");
//! # Ok::<(), storefront::money::MoneyError>(())
//! ```

use std::fmt;
use std::str::FromStr;

mod currency;
mod error;

pub use currency::Currency;
pub use error::MoneyError;

/// An amount in a currency's minor unit: 1250 and EUR are €12.50.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

/// [`Money`] as pages show it: `€1,234.50`, `¥1,250`, `CHF 12.50`.
#[derive(Clone, Copy, Debug)]
pub struct Pretty(Money);

impl Money {
    /// An amount of `minor` units: cents for EUR, yen for JPY, fils for KWD.
    #[must_use]
    pub fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Reads a decimal amount such as `12`, `12.5`, `12.50` or `-3.00`.
    ///
    /// More decimals than the currency has are fine when they are zeros.
    ///
    /// # Errors
    ///
    /// [`MoneyError`] names what is wrong with the text.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, decimals) = split(digits).ok_or_else(|| MoneyError::unreadable(text))?;
        let exponent = usize::from(currency.exponent());
        let (decimals, surplus) = decimals.split_at(decimals.len().min(exponent));
        if surplus.bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::too_many_decimals(text, currency));
        }
        let padding = std::iter::repeat_n(b'0', exponent - decimals.len());
        let mut minor = 0_i64;
        // Counting downwards from the start reaches i64::MIN, whose positive
        // twin does not exist.
        for digit in whole.bytes().chain(decimals.bytes()).chain(padding) {
            minor = minor
                .checked_mul(10)
                .and_then(|minor| minor.checked_sub(i64::from(digit - b'0')))
                .ok_or_else(|| MoneyError::too_large(text))?;
        }
        if !negative {
            minor = minor
                .checked_neg()
                .ok_or_else(|| MoneyError::too_large(text))?;
        }
        Ok(Self { minor, currency })
    }

    /// Reads a price: like [`Money::parse`], but nothing may cost less than
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`MoneyError::Negative`], or what [`Money::parse`] says.
    pub fn parse_price(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let price = Self::parse(text, currency)?;
        if text.starts_with('-') {
            return Err(MoneyError::negative(text));
        }
        Ok(price)
    }

    /// The amount in minor units.
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }

    /// The form for pages, with the currency's sign and grouped thousands.
    #[must_use]
    pub fn pretty(self) -> Pretty {
        Pretty(self)
    }

    /// Sign, whole units and decimals (with their point) as text.
    fn parts(self) -> (&'static str, String, String) {
        let sign = if self.minor < 0 { "-" } else { "" };
        let scale = 10_u64.pow(u32::from(self.currency.exponent()));
        let minor = self.minor.unsigned_abs();
        let decimals = match usize::from(self.currency.exponent()) {
            0 => String::new(),
            width => format!(".{:0width$}", minor % scale),
        };
        (sign, (minor / scale).to_string(), decimals)
    }
}

/// Splits `12.50` into its digits before and after the point. Nothing but
/// ASCII digits and one point between digits passes.
fn split(text: &str) -> Option<(&str, &str)> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.split_once('.') {
        Some((whole, decimals)) => {
            (is_number(whole) && is_number(decimals)).then_some((whole, decimals))
        }
        None => is_number(text).then_some((text, "")),
    }
}

/// The exact form that [`FromStr`] reads back: `-1234.50 EUR`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, whole, decimals) = self.parts();
        write!(f, "{sign}{whole}{decimals} {}", self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Money {
    type Err = MoneyError;

    /// Reads `12.50 EUR`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let (amount, code) = text
            .split_once(' ')
            .ok_or_else(|| MoneyError::unreadable(text))?;
        Self::parse(amount, Currency::from_code(code)?)
    }
}

impl fmt::Display for Pretty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, whole, decimals) = self.0.parts();
        let currency = self.0.currency;
        match currency.sign() {
            "" => write!(f, "{sign}{currency}\u{a0}")?,
            symbol => write!(f, "{sign}{symbol}")?,
        }
        for (index, digit) in whole.chars().enumerate() {
            if index > 0 && (whole.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str(&decimals)
    }
}
