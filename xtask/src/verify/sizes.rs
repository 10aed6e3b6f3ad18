//! No file is too long to be read in one go.

use anyhow::Result;

use super::Report;
use crate::rust_source::without_tests;
use crate::workspace::{self, SourceFile};

/// From here on a file deserves a second look.
const LONG: usize = 400;
/// No file is longer.
const CAP: usize = 600;
/// `lib.rs` is a table of contents, and shorter than this.
const CONTENTS: usize = 250;

pub(super) fn run() -> Result<Report> {
    let mut report = Report::default();
    for file in workspace::files(&[".rs"])? {
        match judge(&file.path, lines(&file)) {
            Verdict::Fine => {}
            Verdict::Long(text) => report.warnings.push(text),
            Verdict::TooLong(text) => report.problems.push(text),
        }
    }
    Ok(report)
}

/// The lines that count: tests grow with the cases they hold, and do not.
fn lines(file: &SourceFile) -> usize {
    let path = &file.path;
    if path.contains("/tests/") || path.ends_with("/tests.rs") {
        return 0;
    }
    let product = without_tests(&file.text);
    let tests = file
        .text
        .lines()
        .zip(product.lines())
        .filter(|(whole, kept)| whole != kept)
        .count();
    file.text.lines().count() - tests
}

#[derive(Debug, Eq, PartialEq)]
enum Verdict {
    Fine,
    Long(String),
    TooLong(String),
}

fn judge(path: &str, lines: usize) -> Verdict {
    let is_contents = path.ends_with("/lib.rs");
    if is_contents && lines >= CONTENTS {
        return Verdict::TooLong(format!(
            "{path} has {lines} lines; a lib.rs stays under {CONTENTS}"
        ));
    }
    match lines {
        0..LONG => Verdict::Fine,
        LONG..=CAP => Verdict::Long(format!(
            "{path} has {lines} lines; can it be two files? (the cap is {CAP})"
        )),
        _ => Verdict::TooLong(format!("{path} has {lines} lines; the cap is {CAP}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge, lines};
    use crate::workspace::SourceFile;

    #[track_caller]
    fn check(path: &str, lines: usize, expect: &str) {
        let verdict = match judge(path, lines) {
            Verdict::Fine => "fine",
            Verdict::Long(_) => "long",
            Verdict::TooLong(_) => "too long",
        };
        assert_eq!(verdict, expect, "{path} with {lines} lines");
    }

    #[test]
    fn the_caps_hold_at_their_edges() {
        check("a/src/b.rs", 399, "fine");
        check("a/src/b.rs", 400, "long");
        check("a/src/b.rs", 600, "long");
        check("a/src/b.rs", 601, "too long");
        check("a/src/lib.rs", 249, "fine");
        check("a/src/lib.rs", 250, "too long");
    }

    #[track_caller]
    fn count(path: &str, text: &str, expect: usize) {
        let (path, text) = (path.to_owned(), text.to_owned());
        assert_eq!(lines(&SourceFile { path, text }), expect);
    }

    #[test]
    fn tests_do_not_count() {
        count("a/src/b.rs", "fn a() {}\n// b\n\n", 3);
        count(
            "a/src/b.rs",
            "fn a() {}\n\n#[cfg(test)]\nmod tests {\n\n    fn b() {}\n}\n",
            3,
        );
        count("a/tests/it/b.rs", "fn a() {}\n", 0);
        count("a/src/b/tests.rs", "fn a() {}\n", 0);
    }
}
