//! The tables of the schema `tenancy`, compared with the statements that make them.

use super::{
    super::{Check, Finding, facts::Facts},
    expected::words,
};
use crate::isolation::Isolation;

pub(super) fn findings(facts: &Facts, isolation: &Isolation) -> Vec<Finding> {
    let expected = expected(isolation);
    let mut findings = Vec::new();
    let mut compare = |some: &[String], others: &[String], what: &str| {
        for line in some {
            if !others.iter().any(|other| words(other) == words(line)) {
                let table = line.split(' ').next().unwrap_or_default();
                let what = format!("{what}: {line}");
                findings.push(Finding::new(Check::T14, format!("tenancy.{table}"), what));
            }
        }
    };
    compare(&expected, &facts.own, "it lacks");
    compare(&facts.own, &expected, "it has");
    findings
}

/// As the catalogs are read: a line for each column and constraint, after the table's name.
fn expected(isolation: &Isolation) -> Vec<String> {
    let mut lines = Vec::new();
    for statement in isolation.statements() {
        let table = statement
            .sql()
            .strip_prefix("CREATE TABLE IF NOT EXISTS tenancy.");
        let Some((table, rest)) = table.and_then(|sql| sql.split_once(" (\n")) else {
            continue;
        };
        let columns = rest.split_once("\n);").map_or(rest, |(columns, _)| columns);
        for column in columns.split(",\n") {
            lines.extend(column_lines(column.trim()).map(|line| format!("{table} {line}")));
        }
    }
    lines
}

/// Of a definition such as `id bigint PRIMARY KEY`.
fn column_lines(definition: &str) -> impl Iterator<Item = String> {
    let mut words = definition.split(' ');
    let (name, r#type) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let r#type = if r#type == "timestamptz" {
        "timestamp with time zone"
    } else {
        r#type
    };
    let is_key = definition.contains("PRIMARY KEY");
    let not_null = if is_key || definition.contains("NOT NULL") {
        " NOT NULL"
    } else {
        ""
    };
    let check = definition
        .split_once("CHECK ")
        .map(|(_, condition)| format!("CHECK {condition}"));
    [
        Some(format!("{name} {type}{not_null}")),
        is_key.then(|| format!("PRIMARY KEY ({name})")),
        definition
            .contains("UNIQUE")
            .then(|| format!("UNIQUE ({name})")),
        check,
    ]
    .into_iter()
    .flatten()
}
