//! No SQL of the storefront reaches around a cell's tenant views.
//!
//! On SQLite a reading transaction sees each tenant table through a temporary view of the same name
//! that is filtered by tenant. `main.products` names the table behind the view, and `temp.products`
//! the view's own catalogue: text with either could show another tenant's rows, so it is banned
//! wherever the storefront may hold SQL, without asking what the text is for.

use anyhow::Result;

use super::Report;
use crate::rust_source::{Kind, pieces};
use crate::workspace::{self, SourceFile};

const SCHEMAS: [&str; 2] = ["main.", "temp."];

pub(super) fn run() -> Result<Report> {
    let files = workspace::files(&[".rs", ".sql"])?;
    let storefront = files
        .iter()
        .filter(|file| file.path.starts_with("examples/storefront/"));
    Ok(Report {
        problems: storefront.flat_map(findings).collect(),
        warnings: Vec::new(),
    })
}

fn findings(file: &SourceFile) -> Vec<String> {
    let texts: Vec<(usize, &str)> = if file.path.ends_with(".sql") {
        vec![(1, &file.text)]
    } else {
        let literals = pieces(&file.text)
            .into_iter()
            .filter(|piece| piece.kind == Kind::Text);
        literals.map(|piece| (piece.line, piece.text)).collect()
    };
    let lines = texts.into_iter().flat_map(|(line, text)| {
        text.split('\n')
            .enumerate()
            .map(move |(below, text)| (line + below, text))
    });
    lines
        .filter(|(_, text)| is_qualified(text))
        .map(|(line, text)| {
            format!(
                "{}:{line}: `{}` names a table by its schema",
                file.path,
                text.trim()
            )
        })
        .collect()
}

/// Whether `main.x` or `temp.x` stands in the text, in any case, quoted or not.
fn is_qualified(text: &str) -> bool {
    let text = text
        .to_ascii_lowercase()
        .replace(['"', '`', '[', ']', '\\'], "");
    SCHEMAS.iter().any(|schema| {
        text.match_indices(schema).any(|(at, _)| {
            let starts =
                !text[..at].ends_with(|sign: char| sign.is_alphanumeric() || "_-./".contains(sign));
            let names = text[at + schema.len()..]
                .starts_with(|sign: char| sign.is_ascii_lowercase() || sign == '_');
            starts && names
        })
    })
}

#[cfg(test)]
mod tests {
    use super::findings;
    use crate::workspace::SourceFile;

    #[track_caller]
    fn check(path: &str, text: &str, expect: &[&str]) {
        let (path, text) = (format!("examples/storefront/{path}"), text.to_owned());
        let found = findings(&SourceFile { path, text });
        assert_eq!(found, expect);
    }

    #[test]
    fn a_schema_before_a_table_is_found_however_it_is_written() {
        let found = [
            "examples/storefront/a.rs:1: `select * from main.products` names a table by its schema",
        ];
        check("a.rs", "query(\"select * from main.products\")", &found);
        let found = ["examples/storefront/a.rs:3: `from Temp.orders` names a table by its schema"];
        check(
            "a.rs",
            "query(\n  \"select 1\n  from Temp.orders\")",
            &found,
        );
        let found = [
            "examples/storefront/a.sql:2: `delete from \"main\".\"x\";` names a table by its schema",
        ];
        check("a.sql", "-- clean\ndelete from \"main\".\"x\";", &found);
    }

    #[test]
    fn other_dots_are_not() {
        check("a.rs", "// from main.products", &[]);
        check("a.rs", "main.products()", &[]);
        check("a.rs", "\"select domain.name from domain\"", &[]);
        check("a.rs", "\"that is the main. Next\"", &[]);
        check("a.rs", "\"/static/main.css\"", &[]);
    }
}
