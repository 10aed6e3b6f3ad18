//! What is wrong with a text that should be TOML.

/// What is wrong and where, and not what stands there: the file may be another one than was meant, such as a key's.
#[derive(Debug, thiserror::Error)]
#[error("{message}{place}")]
pub(crate) struct TomlFault {
    message: Box<str>,
    place: Box<str>,
}

impl From<toml::de::Error> for TomlFault {
    fn from(error: toml::de::Error) -> Self {
        // The parser writes the place first, in a line of its own.
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let place = first.split_once(" at ").map(|(_, place)| place);
        Self {
            message: error.message().into(),
            place: place
                .map(|place| format!(" at {place}"))
                .unwrap_or_default()
                .into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TomlFault;

    #[test]
    fn what_stands_there_is_not_repeated() {
        let fault = toml::from_str::<toml::Table>("a = 1\nsecret: 0707\n").expect_err("no TOML");
        assert!(fault.to_string().contains("0707"), "{fault}");
        let fault = TomlFault::from(fault).to_string();
        assert!(fault.ends_with(" at line 2, column 9"), "{fault}");
        assert!(!fault.contains("0707"), "{fault}");
    }
}
