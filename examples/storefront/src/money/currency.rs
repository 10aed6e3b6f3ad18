//! Currencies by their ISO 4217 code.

use std::fmt;
use std::str::FromStr;

use super::MoneyError;

/// Active currencies of ISO 4217 whose minor unit is a hundredth.
///
/// Source: ISO 4217 list one, without fund codes (CHE, COU, UYW, …), metals,
/// testing codes and units of account: no shop prices its goods in them.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD \
    BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP \
    GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP \
    LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD \
    PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
    SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG";

/// Active currencies without a minor unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";

/// Active currencies whose minor unit is a thousandth.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";

/// An active currency: its ISO 4217 code and the exponent of its minor unit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    code: &'static str,
    exponent: u8,
}

impl Currency {
    /// The currency with this three-letter code, in either case. O(number of
    /// currencies), about 160.
    ///
    /// # Errors
    ///
    /// [`MoneyError::UnknownCurrency`] for any other text.
    pub fn from_code(code: &str) -> Result<Self, MoneyError> {
        Self::all()
            .find(|currency| currency.code.eq_ignore_ascii_case(code))
            .ok_or_else(|| MoneyError::unknown_currency(code))
    }

    /// Every currency the storefront knows.
    pub fn all() -> impl Iterator<Item = Self> {
        [(WHOLE, 0), (HUNDREDTHS, 2), (THOUSANDTHS, 3)]
            .into_iter()
            .flat_map(|(codes, exponent)| {
                codes
                    .split_whitespace()
                    .map(move |code| Self { code, exponent })
            })
    }

    /// The ISO 4217 code, in capitals: `EUR`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.code
    }

    /// How many decimals the minor unit has: 2 for EUR, 0 for JPY, 3 for KWD.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.exponent
    }

    /// What English pages write before an amount (Unicode CLDR, locale `en`).
    /// Where there is no sign of its own it is the code and a no-break space.
    pub(super) fn sign(self) -> &'static str {
        match self.code {
            "AUD" => "A$",
            "BRL" => "R$",
            "CAD" => "CA$",
            "CNY" => "CN¥",
            "EUR" => "€",
            "GBP" => "£",
            "HKD" => "HK$",
            "ILS" => "₪",
            "INR" => "₹",
            "JPY" => "¥",
            "KRW" => "₩",
            "MXN" => "MX$",
            "NZD" => "NZ$",
            "PHP" => "₱",
            "TWD" => "NT$",
            "USD" => "$",
            "VND" => "₫",
            _ => "",
        }
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(code: &str) -> Result<Self, MoneyError> {
        Self::from_code(code)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code)
    }
}
