use crate::money::{Currency, Money};

/// An amount of minor units as text, like `12.50 EUR`. A currency that this program does not know has no point.
pub(super) fn amount(minor: i64, currency: &str) -> String {
    match Currency::from_code(currency) {
        Ok(currency) => Money::new(minor, currency).to_string(),
        Err(_) => format!("{minor} minor units of {currency}"),
    }
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn amounts_have_their_currencys_decimals() {
        assert_eq!(amount(1_250, "EUR"), "12.50 EUR");
        assert_eq!(amount(1_250, "JPY"), "1250 JPY");
        assert_eq!(amount(1_250, "???"), "1250 minor units of ???");
    }
}
