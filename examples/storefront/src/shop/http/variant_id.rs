use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};

/// A variant's id in a document: the text that the API gives, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct VariantId(pub(super) i64);

impl<'de> Deserialize<'de> for VariantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Digits)
    }
}

struct Digits;

impl Visitor<'_> for Digits {
    type Value = VariantId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the id of a variant, as the list of products has it")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<VariantId, E> {
        let invalid = |_| E::invalid_value(serde::de::Unexpected::Str(text), &self);
        text.parse().map(VariantId).map_err(invalid)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<VariantId, E> {
        Ok(VariantId(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<VariantId, E> {
        let unsigned = serde::de::Unexpected::Unsigned(number);
        i64::try_from(number)
            .map(VariantId)
            .map_err(|_| E::invalid_value(unsigned, &self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: Option<i64>) {
        let found = serde_json::from_str::<VariantId>(json).ok();
        assert_eq!(found, expect.map(VariantId), "{json}");
    }

    #[test]
    fn an_id_is_digits_or_a_number() {
        check("\"6917529027641081856\"", Some(6_917_529_027_641_081_856));
        check("6917529027641081856", Some(6_917_529_027_641_081_856));
        check("0", Some(0));
        check("-1", Some(-1));
        for json in [
            "\"\"",
            "\"mug\"",
            "1.5",
            "1e3",
            "18446744073709551615",
            "null",
            "true",
            "[]",
            "{}",
        ] {
            check(json, None);
        }
    }
}
