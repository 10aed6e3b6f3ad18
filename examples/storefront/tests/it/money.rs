//! Amounts and currencies.

use proptest::prelude::*;
use storefront::money::{Currency, Money};
use tenancy_types::Problem;

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a code of the table")
}

fn any_currency() -> impl Strategy<Value = Currency> {
    proptest::sample::select(Currency::all().collect::<Vec<_>>())
}

/// Reads a price; `expect` is its minor units or the code of the error.
#[track_caller]
fn check(code: &str, text: &str, expect: Result<i64, &str>) {
    let price = Money::parse_price(text, currency(code));
    let found = price.map(Money::minor).map_err(|e| e.code().as_str());
    assert_eq!(found, expect, "{text:?} {code}");
}

#[test]
fn prices_are_read_exactly() {
    check("EUR", "12", Ok(1_200));
    check("EUR", "12.5", Ok(1_250));
    check("EUR", "12.50", Ok(1_250));
    check("EUR", "12.5000", Ok(1_250));
    check("EUR", "0.07", Ok(7));
    check("EUR", "0", Ok(0));
    check("EUR", "007", Ok(700));
    check("JPY", "1250", Ok(1_250));
    check("JPY", "1250.00", Ok(1_250));
    check("KWD", "1.25", Ok(1_250));
    check("EUR", "92233720368547758.07", Ok(i64::MAX));
}

#[test]
fn other_texts_are_refused() {
    check("EUR", "1,234.50", Err("amount_ambiguous"));
    check("EUR", "12,50", Err("amount_ambiguous"));
    check("EUR", "1.234.567", Err("amount_ambiguous"));
    check("EUR", "1 234", Err("amount_ambiguous"));
    check("EUR", "1\u{a0}234", Err("amount_ambiguous"));
    check("EUR", "1'234", Err("amount_ambiguous"));
    check("EUR", "12.505", Err("amount_decimals"));
    check("JPY", "12.5", Err("amount_decimals"));
    check("EUR", "-1", Err("amount_negative"));
    check("EUR", "-0.00", Err("amount_negative"));
    check("EUR", "92233720368547758.08", Err("amount_too_large"));
    check("EUR", "99999999999999999999999", Err("amount_too_large"));
    for text in [
        "", "-", ".", ".5", "5.", "+5", "€5", "5€", "5 EUR", "1e3", "0x10", "free", "NaN", "--5",
        "٣", " 5", "5 ", "-,5",
    ] {
        check("EUR", text, Err("amount_unreadable"));
    }
}

#[test]
fn an_error_repeats_little_of_a_long_text() {
    let error = Money::parse(&"x".repeat(1 << 20), currency("EUR")).unwrap_err();
    assert!(error.to_string().len() < 200);
}

#[test]
fn currencies_have_their_exponents() {
    let exponents = ["JPY", "KRW", "EUR", "USD", "KWD", "BHD", "JOD", "TND"]
        .map(|code| currency(code).exponent());
    assert_eq!(exponents, [0, 0, 2, 2, 3, 3, 3, 3]);
    assert_eq!(currency("eur"), currency("EUR"));
    for code in ["", "EU", "EURO", "XXX", "DEM", "€"] {
        let error = Currency::from_code(code).unwrap_err();
        assert_eq!(error.code().as_str(), "unknown_currency");
    }
}

#[test]
fn currencies_are_three_capitals_and_unique() {
    let mut codes: Vec<_> = Currency::all().map(Currency::code).collect();
    assert!(codes.iter().all(|code| code.len() == 3));
    assert!(
        codes
            .iter()
            .all(|code| code.bytes().all(|b| b.is_ascii_uppercase()))
    );
    let count = codes.len();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), count);
}

#[track_caller]
fn check_pretty(minor: i64, code: &str, expect: &str) {
    assert_eq!(
        Money::new(minor, currency(code)).pretty().to_string(),
        expect
    );
}

#[test]
fn pages_show_signs_and_groups() {
    check_pretty(1_250, "EUR", "€12.50");
    check_pretty(1_250, "JPY", "¥1,250");
    check_pretty(123_456_789, "USD", "$1,234,567.89");
    check_pretty(1_250, "KWD", "KWD\u{a0}1.250");
    check_pretty(99_900, "CHF", "CHF\u{a0}999.00");
    check_pretty(-5, "GBP", "-£0.05");
    check_pretty(0, "EUR", "€0.00");
    check_pretty(i64::MIN, "JPY", "-¥9,223,372,036,854,775,808");
}

proptest! {
    #[test]
    fn display_is_read_back(minor: i64, currency in any_currency()) {
        let money = Money::new(minor, currency);
        prop_assert_eq!(money.to_string().parse::<Money>(), Ok(money));
    }

    /// The pretty form differs from the exact one in sign and groups alone.
    #[test]
    fn pretty_has_the_digits_of_display(minor: i64, currency in any_currency()) {
        let money = Money::new(minor, currency);
        let digits = |text: String| {
            text.chars().filter(|c| c.is_ascii_digit() || "-.".contains(*c)).collect::<String>()
        };
        prop_assert_eq!(digits(money.pretty().to_string()), digits(money.to_string()));
    }

    #[test]
    fn any_text_is_an_amount_or_an_error(text in ".{0,24}|[-0-9., ]{0,24}", currency in any_currency()) {
        if let Ok(price) = Money::parse_price(&text, currency) {
            prop_assert!(price.minor() >= 0);
            // What was read is what was written, up to zeros at either end.
            let written = text.trim_start_matches('0').trim_end_matches('0').to_owned();
            let exact = price.to_string();
            let read = exact.split(' ').next().unwrap();
            if text.contains('.') && read.contains('.') {
                prop_assert_eq!(read.trim_start_matches('0').trim_end_matches('0'), written);
            }
        }
    }

    /// One unit more in the text is one unit more in the amount.
    #[test]
    fn whole_amounts_scale(whole in 0..1_000_000_000_i64, currency in any_currency()) {
        let money = Money::parse(&whole.to_string(), currency).unwrap();
        prop_assert_eq!(money.minor(), whole * 10_i64.pow(u32::from(currency.exponent())));
    }
}
