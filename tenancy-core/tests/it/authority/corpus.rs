//! Files of cases: `"input" ⇒ expected`, with `#` comments.

use std::fmt::Write as _;
use std::path::Path;

/// The inputs of a file, without their quotes and escapes.
pub(crate) fn inputs(file: &str) -> Vec<String> {
    read(file).lines().filter_map(input).map(unescape).collect()
}

/// Compares each line with what `judge` makes of its input. With `UPDATE_EXPECT`
/// set, writes what it makes instead.
#[track_caller]
pub(crate) fn check(file: &str, judge: impl Fn(&str) -> String) {
    let before = read(file);
    let mut after = String::new();
    for line in before.lines() {
        match input(line) {
            Some(quoted) => writeln!(after, "\"{quoted}\" ⇒ {}", judge(&unescape(quoted))),
            None => writeln!(after, "{line}"),
        }
        .unwrap();
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path(file), after).unwrap();
        return;
    }
    let wrong: Vec<String> = (1..)
        .zip(before.lines().zip(after.lines()))
        .filter(|(_, (expected, found))| expected != found)
        .map(|(number, (expected, found))| format!("{number}: {expected}\n  found {found}"))
        .collect();
    assert!(wrong.is_empty(), "{file}\n{}", wrong.join("\n"));
}

fn path(file: &str) -> impl AsRef<Path> {
    format!(
        "{}/tests/corpus/authority/{file}",
        env!("CARGO_MANIFEST_DIR")
    )
}

fn read(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap()
}

/// What stands between the quotes that a line starts with. The last quote before
/// the arrow closes it, or the last of the line where there is no arrow yet.
fn input(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('"')?;
    let quoted = rest.split_once("\" ⇒").map(|(quoted, _)| quoted);
    Some(quoted.unwrap_or_else(|| rest.strip_suffix('"').expect("the input is closed")))
}

fn unescape(quoted: &str) -> String {
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next().expect("something is escaped") {
                't' => '\t',
                'r' => '\r',
                'n' => '\n',
                '0' => '\0',
                'u' => {
                    let digits: String = chars.by_ref().take_while(|c| *c != '}').collect();
                    let code = u32::from_str_radix(digits.trim_start_matches('{'), 16).unwrap();
                    char::from_u32(code).expect("a character")
                }
                itself => itself,
            },
            plain => plain,
        });
    }
    text
}
