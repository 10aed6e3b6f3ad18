//! Decision code takes values and returns values: it knows no runtime, no database and no clock.

use anyhow::Result;

use super::Report;
use crate::rust_source::{Kind, pieces, without_tests};
use crate::workspace::{self, SourceFile};

/// The pure modules: a file, or a room with all that is in it.
const PURE: [&str; 37] = [
    "tenancy-core/src/protocol",
    "tenancy-core/src/authority",
    "tenancy-core/src/directory/decide",
    "tenancy-core/src/directory/extent",
    "tenancy-core/src/directory/load",
    "tenancy-core/src/manifest",
    "tenancy-core/src/isolation/introspect/declare",
    "tenancy-core/src/isolation/introspect/looks",
    "tenancy-core/src/isolation/introspect/searches",
    "tenancy-core/src/isolation/parts",
    "tenancy-core/src/isolation/plan",
    "tenancy-core/src/isolation/policy",
    "tenancy-core/src/isolation/seal",
    "tenancy-core/src/keys/token",
    "cell-router/src/gateway/compression/rules",
    "cell-router/src/gateway/edge/rules",
    "cell-router/src/gateway/framing",
    "cell-router/src/gateway/handover/wire",
    "cell-router/src/gateway/headers",
    "cell-router/src/gateway/proxy/answer",
    "cell-router/src/gateway/proxy/request",
    "cell-router/src/gateway/proxy_protocol/header",
    "cell-router/src/gateway/server/certified",
    "cell-router/src/gateway/server/preface",
    "cell-router/src/gateway/timeouts",
    "cell-router/src/gateway/tls/folder/shelf",
    "cell-router/src/gateway/upgrade/answer",
    "cell-router/src/parking/lot",
    "cell-router/src/stale/hint",
    "cell-router/src/table/line_table",
    "cell-router/src/table/reference",
    "rate-limit/src/gcra",
    "placement/src",
    "examples/storefront/src/shop/checkout/pricing",
    "examples/storefront/src/shop/checkout/request",
    "examples/storefront/src/shop/inventory/stock",
    "examples/storefront/src/shop/order/state",
];

const FOREIGN: [&str; 3] = ["tokio", "sqlx", "redis"];
const CLOCKS: [&str; 2] = ["Instant::now", "SystemTime::now"];

pub(super) fn run() -> Result<Report> {
    let files = workspace::files(&[".rs"])?;
    let mut report = Report::default();
    for module in PURE {
        let mut inside = files
            .iter()
            .filter(|file| is_inside(&file.path, module))
            .peekable();
        if inside.peek().is_none() {
            report.problems.push(format!("{module} is gone: where does its decision code live now? (xtask/src/verify/purity.rs)"));
        }
        report.problems.extend(inside.flat_map(impurities));
    }
    Ok(report)
}

/// `room` holds `room.rs` and everything below `room/`.
fn is_inside(path: &str, room: &str) -> bool {
    path.strip_prefix(room)
        .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
}

fn impurities(file: &SourceFile) -> Vec<String> {
    let product = without_tests(&file.text);
    let code = pieces(&product)
        .into_iter()
        .filter(|piece| piece.kind == Kind::Code);
    let lines = code.flat_map(|piece| {
        piece
            .text
            .split('\n')
            .enumerate()
            .map(move |(below, text)| (piece.line + below, text))
    });
    lines
        .flat_map(|(line, text)| {
            impure_words(text).map(move |word| format!("{}:{line}: {word} in pure code", file.path))
        })
        .collect()
}

fn impure_words(code: &str) -> impl Iterator<Item = &'static str> {
    FOREIGN
        .into_iter()
        .chain(CLOCKS)
        .filter(|word| contains_word(code, word))
}

/// Whether `word` stands in `code` and is not part of a longer name.
fn contains_word(code: &str, word: &str) -> bool {
    let is_name = |sign: char| sign.is_alphanumeric() || sign == '_';
    code.match_indices(word).any(|(at, _)| {
        let (before, after) = (&code[..at], &code[at + word.len()..]);
        !before.ends_with(is_name) && !after.starts_with(is_name)
    })
}

#[cfg(test)]
mod tests {
    use super::{impurities, is_inside};
    use crate::workspace::SourceFile;

    #[track_caller]
    fn check(text: &str, expect: &[&str]) {
        let file = SourceFile {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        assert_eq!(impurities(&file), expect, "{text}");
    }

    #[test]
    fn a_runtime_a_database_and_a_clock_are_found() {
        check("use tokio::time;", &["a.rs:1: tokio in pure code"]);
        check(
            "\n\nlet x = sqlx::query(q);",
            &["a.rs:3: sqlx in pure code"],
        );
        check(
            "let now = std::time::Instant::now();",
            &["a.rs:1: Instant::now in pure code"],
        );
        check(
            "SystemTime::now()",
            &["a.rs:1: SystemTime::now in pure code"],
        );
    }

    #[test]
    fn words_that_only_look_like_it_are_not() {
        check("// unlike tokio, this waits for nobody", &[]);
        check("let label = \"redis\";", &[]);
        check("let tokio_like = my_sqlx + redistribute;", &[]);
        check("fn f(now: Instant) {}", &[]);
        check("#[cfg(test)]\nmod tests {\n    use tokio::test;\n}\n", &[]);
    }

    #[test]
    fn a_room_is_its_file_and_its_folder() {
        assert!(is_inside("a/src/gcra.rs", "a/src/gcra"));
        assert!(is_inside("a/src/gcra/word.rs", "a/src/gcra"));
        assert!(!is_inside("a/src/gcra_store.rs", "a/src/gcra"));
        assert!(!is_inside("b/a/src/gcra.rs", "a/src/gcra"));
    }
}
