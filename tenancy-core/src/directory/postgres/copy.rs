//! Rows in the text format of `COPY` (Postgres, "COPY", File Formats).

use std::fmt::Write as _;

/// Rows being written, column after column. Words must be free of backslashes and control characters, as all names are;
/// anything else is written as bytes.
#[derive(Debug, Default)]
pub(super) struct CopyText {
    rows: String,
    is_inside: bool,
}

impl CopyText {
    pub(super) fn number(&mut self, number: i64) {
        self.column();
        let _ = write!(self.rows, "{number}");
    }

    pub(super) fn word(&mut self, word: Option<&str>) {
        self.column();
        self.rows.push_str(word.unwrap_or("\\N"));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.column();
        self.rows.push_str("\\\\x");
        for byte in bytes {
            let _ = write!(self.rows, "{byte:02x}");
        }
    }

    pub(super) fn end(&mut self) {
        self.rows.push('\n');
        self.is_inside = false;
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.rows.into_bytes()
    }

    fn column(&mut self) {
        if self.is_inside {
            self.rows.push('\t');
        }
        self.is_inside = true;
    }
}

/// The text whose bytes the server prints as `\x…`.
pub(super) fn text_of(printed: &str) -> Option<String> {
    let digits = printed.strip_prefix("\\x")?.as_bytes();
    let bytes = digits.chunks(2).map(|pair| {
        let pair = str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{CopyText, text_of};

    #[test]
    fn rows_are_what_the_server_reads() {
        let mut rows = CopyText::default();
        rows.number(-7);
        rows.bytes(b"a\\\t\n\0");
        rows.word(None);
        rows.end();
        rows.word(Some("a.example"));
        rows.end();
        assert_eq!(
            String::from_utf8(rows.into_bytes()).unwrap(),
            "-7\t\\\\x615c090a00\t\\N\na.example\n"
        );
    }

    #[test]
    fn printed_bytes_are_read_back() {
        assert_eq!(text_of("\\x615c00").as_deref(), Some("a\\\0"));
        for none in ["615c", "\\x6", "\\xzz", "\\xff"] {
            assert_eq!(
                text_of(none),
                if none == "\\x6" {
                    Some("\u{6}".into())
                } else {
                    None
                }
            );
        }
    }
}
