//! Every error code that clients may see has its row in `docs/errors.md`, and no row is out of date.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::Report;
use crate::rust_source::{Kind, pieces, without_tests};
use crate::workspace;

const PAGE: &str = "docs/errors.md";
const CONSTRUCTOR: &str = "Code::new(";

pub(super) fn run() -> Result<Report> {
    let page = std::fs::read_to_string(workspace::root().join(PAGE))
        .with_context(|| format!("read {PAGE}"))?;
    let mut used = BTreeMap::new();
    for file in workspace::files(&[".rs"])? {
        let is_product = file.path.contains("/src/")
            && !file.path.ends_with("/tests.rs")
            && !file.path.starts_with("xtask/");
        if is_product {
            for (code, line) in codes(&without_tests(&file.text)) {
                used.entry(code)
                    .or_insert_with(|| format!("{}:{line}", file.path));
            }
        }
    }
    Ok(Report {
        problems: compare(&used, &rows(&page)),
        warnings: Vec::new(),
    })
}

/// The codes made in a source, with their lines: every text between the parentheses of a
/// `Code::new(…)`, which may be a `match` with a code an arm.
fn codes(source: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut depth = 0;
    for piece in pieces(source) {
        match piece.kind {
            Kind::Code => depth = depth_after(piece.text, depth),
            Kind::Text if depth > 0 => found.push((piece.text.to_owned(), piece.line)),
            Kind::Text | Kind::Comment => {}
        }
    }
    found
}

/// How many parentheses are open behind `code` since the constructor's own; 0 is outside of it.
fn depth_after(code: &str, mut depth: usize) -> usize {
    let mut rest = code;
    while !rest.is_empty() {
        if depth == 0 {
            let Some(at) = rest.find(CONSTRUCTOR) else {
                return 0;
            };
            rest = &rest[at + CONSTRUCTOR.len()..];
            depth = 1;
            continue;
        }
        let Some(at) = rest.find(['(', ')']) else {
            return depth;
        };
        if rest[at..].starts_with('(') {
            depth += 1;
        } else {
            depth -= 1;
        }
        rest = &rest[at + 1..];
    }
    depth
}

/// The codes that have a row: the first cell is the code in backticks.
fn rows(page: &str) -> Vec<&str> {
    page.lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect()
}

fn compare(used: &BTreeMap<String, String>, rows: &[&str]) -> Vec<String> {
    if used.is_empty() {
        return vec![format!(
            "no `{CONSTRUCTOR}\"…\")` anywhere: how are error codes made now? (xtask/src/verify/error_codes.rs)"
        )];
    }
    let missing = used
        .iter()
        .filter(|(code, _)| !rows.contains(&code.as_str()));
    let missing =
        missing.map(|(code, place)| format!("{place}: code `{code}` has no row in {PAGE}"));
    let stale = rows.iter().filter(|row| !used.contains_key(**row));
    let stale = stale.map(|row| format!("{PAGE}: no source makes the code `{row}`"));
    missing.chain(stale).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{codes, compare, rows};

    #[test]
    fn codes_are_read_from_sources() {
        let source = "// Code::new(\"comment\")\nfn a() {\n    Code::new(\"not_found\");\n    Code::new(\n        \"gone\",\n    )\n}";
        assert_eq!(
            codes(source),
            [("not_found".to_owned(), 3), ("gone".to_owned(), 5)]
        );
        assert_eq!(codes("Other::new(\"x\")"), []);
        let arms = "Code::new(match self { A(_) => \"a\", B(b) => return b.code(), C => \"c\" }); f(\"d\")";
        assert_eq!(codes(arms), [("a".to_owned(), 1), ("c".to_owned(), 1)]);
    }

    #[test]
    fn codes_are_read_from_the_page() {
        let page =
            "# Errors\n\n| code | status |\n| --- | --- |\n| `not_found` | 404 |\ntext `other`\n";
        assert_eq!(rows(page), ["not_found"]);
    }

    #[test]
    fn page_and_sources_must_agree() {
        let used = BTreeMap::from([("gone".to_owned(), "a.rs:1".to_owned())]);
        assert_eq!(compare(&used, &["gone"]), [""; 0]);
        assert_eq!(
            compare(&used, &["gone", "old"]),
            ["docs/errors.md: no source makes the code `old`"]
        );
        assert_eq!(
            compare(&used, &[]),
            ["a.rs:1: code `gone` has no row in docs/errors.md"]
        );
    }

    #[test]
    fn finding_no_code_at_all_is_not_a_pass() {
        assert_eq!(compare(&BTreeMap::new(), &[]).len(), 1);
    }
}
