//! What the catalogs show of what was installed, read out of the statements themselves: there is one place
//! that says how a function is.

use crate::isolation::{Isolation, Statement};

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) name: String,
    /// The types, such as `bigint, text`.
    pub(super) arguments: String,
    /// The role, where it must be this one.
    pub(super) owner: Option<String>,
    /// Postgres's letter.
    pub(super) volatility: &'static str,
    pub(super) definer: bool,
    pub(super) settings: Vec<String>,
    pub(super) body: String,
    /// Whether the application calls it.
    pub(super) is_for_app: bool,
}

/// The functions of the schema `tenancy`.
pub(super) fn expected(isolation: &Isolation) -> Vec<Expected> {
    let statements = isolation.statements();
    let app = format!("\"{}\"", isolation.roles().app());
    statements
        .iter()
        .filter_map(|statement| read(statement, &app))
        .collect()
}

fn read(statement: &Statement, app: &str) -> Option<Expected> {
    let sql = statement.sql();
    let made = [
        "CREATE FUNCTION tenancy.",
        "CREATE OR REPLACE FUNCTION tenancy.",
    ];
    let (_, function) = made.iter().find_map(|made| sql.split_once(made))?;
    let (name, rest) = function.split_once('(')?;
    let (arguments, rest) = rest.split_once(')')?;
    let (_, rest) = rest.split_once("LANGUAGE")?;
    let (head, body) = match rest.split_once("AS $function$") {
        Some((head, rest)) => (head, rest.split_once("$function$")?.0.to_owned()),
        None => {
            let (head, rest) = rest.split_once("\nRETURN ")?;
            (head, format!("RETURN {}", rest.split_once(';')?.0))
        }
    };
    let owner = sql
        .split_once(" OWNER TO \"")
        .and_then(|(_, rest)| rest.split_once('"'));
    Some(Expected {
        name: name.to_owned(),
        arguments: types(arguments),
        owner: owner.map(|(owner, _)| owner.to_owned()),
        volatility: if head.contains("STABLE") { "s" } else { "v" },
        definer: head.contains("SECURITY DEFINER"),
        settings: head.split("SET ").skip(1).map(setting).collect(),
        body,
        is_for_app: sql
            .split_once("GRANT EXECUTE")
            .is_some_and(|(_, to)| to.contains(app)),
    })
}

/// `tenant bigint, query text` as `bigint, text`.
fn types(arguments: &str) -> String {
    let types: Vec<&str> = arguments
        .split(',')
        .filter_map(|argument| argument.split_whitespace().nth(1))
        .collect();
    types.join(", ")
}

/// `search_path = pg_catalog, pg_temp` as `search_path=pg_catalog, pg_temp`.
fn setting(written: &str) -> String {
    written.trim().replacen(" = ", "=", 1)
}

impl Expected {
    /// Postgres keeps a body in quotes as it was written, and writes one in standard form anew.
    pub(super) fn has_body(&self, found: &str) -> bool {
        if self.body.starts_with("RETURN ") {
            words(found) == words(&self.body)
        } else {
            found == self.body
        }
    }
}

/// The words of the condition in a policy's body, which has it twice.
pub(super) fn policy_words(body: &str) -> String {
    let (_, rest) = body.split_once("USING").unwrap_or(("", body));
    let (condition, _) = rest.split_once("WITH CHECK").unwrap_or((rest, ""));
    words(condition)
}

/// An expression without what Postgres adds when it writes one down: parentheses, casts of literals to text,
/// names of columns of subqueries, quotes of identifiers, spaces and lines. Literals stay as they are.
pub(super) fn words(expression: &str) -> String {
    let mut words = String::with_capacity(expression.len());
    // A quote within a literal is doubled, so each part but the first begins after one.
    for (place, part) in expression.split('\'').enumerate() {
        if place % 2 == 1 {
            words.push_str(&format!("'{part}'"));
        } else {
            let part = if place == 0 {
                part
            } else {
                part.strip_prefix("::text").unwrap_or(part)
            };
            words.push_str(&code(part));
        }
    }
    words
}

/// What stands outside of literals.
fn code(part: &str) -> String {
    let mut code = part.to_lowercase();
    for added in [
        " as current_setting",
        " as current_tenant",
        " as current_external",
        "pg_catalog.",
    ] {
        code = code.replace(added, "");
    }
    code.retain(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '"' | ';'));
    code
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn what_postgres_adds_makes_no_other_words_and_what_is_meant_does() {
        let written = "nullif((SELECT current_setting('app.tenant_id', true)), '')::bigint";
        let found = "(NULLIF(( SELECT current_setting('app.tenant_id'::text, true) AS current_setting), ''::text))::bigint";
        assert_eq!(words(found), words(written));
        for other in [
            "nullif((SELECT current_setting('app.pg_catalog.tenant_id', true)), '')::bigint",
            "nullif((SELECT current_setting('APP.tenant_id', true)), '')::bigint",
            "nullif((SELECT current_setting('app.tenant_id', true)), ' ')::bigint",
            "nullif((SELECT current_setting('app.tenant_id', true))::text, '')::bigint",
        ] {
            assert_ne!(words(other), words(written), "{other}");
        }
    }
}
