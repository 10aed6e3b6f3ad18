/// How many characters of what was found an error shows.
const SHOWN: usize = 100;
/// And how many of a sentence with something in it that was found.
const SAID: usize = 200;

/// The beginning of what was found in a file: an error must not be as long as the file. Pure.
pub(super) fn clip(found: &str) -> Box<str> {
    first(SHOWN, found)
}

/// The beginning of a sentence about it. Pure.
pub(super) fn clip_sentence(said: &str) -> Box<str> {
    first(SAID, said)
}

fn first(characters: usize, text: &str) -> Box<str> {
    match text.char_indices().nth(characters) {
        None => text.into(),
        Some((end, _)) => format!("{}…", &text[..end]).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, clip};

    #[test]
    fn only_what_is_too_long_is_clipped() {
        for (found, expect) in [
            (String::new(), String::new()),
            ("ä".repeat(SHOWN), "ä".repeat(SHOWN)),
            ("ä".repeat(SHOWN + 1), "ä".repeat(SHOWN) + "…"),
        ] {
            assert_eq!(*clip(&found), *expect);
        }
    }
}
