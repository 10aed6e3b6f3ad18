use crate::{
    money::{Currency, Money},
    shop::ShopError,
};

/// The longest filter, in characters.
const FILTER_CHARS: usize = 255;

/// The parameters that were given, without the empty ones.
#[derive(Debug)]
pub struct Given(Vec<(String, String)>);

impl Given {
    /// Takes a query string apart.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] for what is not text.
    pub fn read(raw: &str) -> Result<Self, ShopError> {
        let mut given = Vec::new();
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            // Bytes that are no UTF-8 arrive as the replacement character; NUL is no text to a database.
            if value.contains(['\u{fffd}', '\0']) {
                return Err(ShopError::invalid(known(&name), "it is not text in UTF-8"));
            }
            let value = value.trim();
            if !value.is_empty() {
                given.push((name.into_owned(), value.to_owned()));
            }
        }
        Ok(Self(given))
    }

    /// All values of a parameter that may be given more than once.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &str> {
        let given = self.0.iter().filter(move |(given, _)| given == name);
        given.map(|(_, value)| value.as_str())
    }

    /// A parameter of at most `most` characters.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] when it is longer or given more than once.
    pub fn text(&self, name: &'static str, most: usize) -> Result<Option<String>, ShopError> {
        let mut values = self.0.iter().filter(|(given, _)| given == name);
        let Some((_, value)) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(ShopError::invalid(name, "it is given more than once"));
        }
        if value.chars().count() > most {
            let message = format!("it is longer than {most} characters");
            return Err(ShopError::invalid(name, message));
        }
        Ok(Some(value.clone()))
    }

    /// A parameter as long as a vendor, type or tag can be.
    ///
    /// # Errors
    /// As [`text`](Self::text).
    pub fn filter(&self, name: &'static str) -> Result<Option<String>, ShopError> {
        self.text(name, FILTER_CHARS)
    }

    /// A parameter that is one of some words.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] lists the words.
    pub fn word<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&'static str, T)],
    ) -> Result<Option<T>, ShopError> {
        let Some(found) = self.filter(name)? else {
            return Ok(None);
        };
        match words.iter().find(|(word, _)| *word == found) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let message = format!("it is not one of {}", words.join(", "));
                Err(ShopError::invalid(name, message))
            }
        }
    }

    /// An amount: a decimal under one name or minor units under the other.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] when it is neither, or both are given.
    pub fn price(
        &self,
        name: &'static str,
        minor_name: &'static str,
        currency: Currency,
    ) -> Result<Option<Money>, ShopError> {
        match (self.filter(name)?, self.filter(minor_name)?) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(ShopError::invalid(
                minor_name,
                format!("{name} says the same: give one of them"),
            )),
            (Some(decimal), None) => match Money::parse_price(&decimal, currency) {
                Ok(price) => Ok(Some(price)),
                Err(error) => Err(ShopError::invalid(name, error.to_string())),
            },
            (None, Some(minor)) => match minor.parse::<i64>() {
                Ok(minor) if minor >= 0 => Ok(Some(Money::new(minor, currency))),
                _ => Err(ShopError::invalid(
                    minor_name,
                    "it is not a whole number of at least 0",
                )),
            },
        }
    }

    /// `limit`, from 1 to 100.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] for any other value.
    pub fn limit(&self) -> Result<Option<usize>, ShopError> {
        let Some(limit) = self.filter("limit")? else {
            return Ok(None);
        };
        match limit.parse() {
            Ok(limit @ 1..=100) => Ok(Some(limit)),
            _ => Err(ShopError::invalid(
                "limit",
                "it is not a whole number from 1 to 100",
            )),
        }
    }

    /// A parameter that is a whole number.
    ///
    /// # Errors
    /// [`ShopError::InvalidRequest`] for anything else.
    pub fn number(&self, name: &'static str) -> Result<Option<i64>, ShopError> {
        let Some(number) = self.filter(name)? else {
            return Ok(None);
        };
        let invalid = |_| ShopError::invalid(name, "it is not a value that this list gave");
        number.parse().map(Some).map_err(invalid)
    }
}

/// The name of a parameter as an error may repeat it.
fn known(name: &str) -> &'static str {
    const NAMES: [&str; 12] = [
        "q",
        "vendor",
        "type",
        "tag",
        "price_min",
        "price_max",
        "price_min_minor",
        "price_max_minor",
        "availability",
        "sort",
        "limit",
        "after",
    ];
    NAMES
        .into_iter()
        .find(|known| *known == name)
        .unwrap_or("query")
}
