//! A row as a line of JSON. Pure.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use tenancy_core::db::Datum;

use super::{Flaw, MAX_LINE};

/// Adds a row to the text, with its line feed.
pub(super) fn write(text: &mut Vec<u8>, columns: &[Box<str>], row: &[Datum]) -> Result<(), Flaw> {
    let before = text.len();
    text.push(b'{');
    for (at, (column, datum)) in columns.iter().zip(row).enumerate() {
        if at > 0 {
            text.push(b',');
        }
        json(text, &**column);
        text.push(b':');
        write_value(text, column, datum)?;
    }
    text.extend_from_slice(b"}\n");
    if text.len() - before > MAX_LINE {
        let limit = MAX_LINE as u64;
        return Err(Flaw::TooLong { limit });
    }
    Ok(())
}

fn write_value(text: &mut Vec<u8>, column: &str, datum: &Datum) -> Result<(), Flaw> {
    match datum {
        Datum::Null => text.extend_from_slice(b"null"),
        Datum::Int(number) => json(text, number),
        // One writing for each value: -0.0 equals 0.0, and a database may keep it as that.
        Datum::Float(number) if number.is_finite() => json(text, &(number + 0.0)),
        Datum::Float(number) => {
            return Err(Flaw::Value {
                field: column.into(),
                found: number.to_string().into(),
            });
        }
        Datum::Text(content) => json(text, content),
    }
    Ok(())
}

fn json<T: serde::Serialize + ?Sized>(text: &mut Vec<u8>, value: &T) {
    serde_json::to_writer(text, value).expect("a number or a text is written to memory");
}

/// The row of a line, which names exactly these columns in this order.
pub(super) fn read(line: &[u8], columns: &[Box<str>]) -> Result<Vec<Datum>, Flaw> {
    let mut json = serde_json::Deserializer::from_slice(line);
    let row = Columns(columns).deserialize(&mut json);
    row.and_then(|row| json.end().map(|()| row))
        .map_err(|error| Flaw::json_line(&error))
}

struct Columns<'c>(&'c [Box<str>]);

impl<'de> DeserializeSeed<'de> for Columns<'_> {
    type Value = Vec<Datum>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Self::Value, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Columns<'_> {
    type Value = Vec<Datum>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of the columns {}", self.0.join(", "))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut row = Vec::with_capacity(self.0.len());
        for column in self.0 {
            if map.next_key_seed(Column(column))?.is_none() {
                return Err(Error::custom(format_args!("column {column} is missing")));
            }
            row.push(map.next_value_seed(Value)?);
        }
        match map.next_key::<String>()? {
            Some(more) => Err(Error::custom(format_args!("column {more} is one too many"))),
            None => Ok(row),
        }
    }
}

/// A key that must be this one.
struct Column<'c>(&'c str);

impl<'de> DeserializeSeed<'de> for Column<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Column<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}", self.0)
    }

    fn visit_str<E: Error>(self, found: &str) -> Result<(), E> {
        if found == self.0 {
            return Ok(());
        }
        let expected = self.0;
        Err(E::custom(format_args!(
            "column {found} is where {expected} should be"
        )))
    }
}

struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Datum;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Datum, D::Error> {
        json.deserialize_any(self)
    }
}

impl Visitor<'_> for Value {
    type Value = Datum;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, an integer of 64 bits, a float or a text")
    }

    fn visit_unit<E: Error>(self) -> Result<Datum, E> {
        Ok(Datum::Null)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Datum, E> {
        Ok(Datum::Int(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Datum, E> {
        let beyond = |_| E::custom(format_args!("{number} is beyond 64 bits with a sign"));
        i64::try_from(number).map(Datum::Int).map_err(beyond)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Datum, E> {
        Ok(Datum::Float(number))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Datum, E> {
        Ok(Datum::Text(text.into()))
    }
}
