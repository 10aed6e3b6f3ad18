use std::fmt;

/// The rows that an assertion is about.
///
/// A `&'static str` is the rows of a query of the application's own, which is only read:
/// `"select title from product where handle = 'mug'"`.
///
/// Of a query, all that the other tenant reads counts as leaked. So where it has rows of its own, these are
/// told by what only the owner's have; and a query that always has a row, such as a `count`, always leaks. Of a
/// table, what counts is what the owner reads, too: the other may have rows with the same key. On SQLite, which
/// refuses a whole statement that would change a foreign row, a key must then say the tenant as well.
#[derive(Clone, Debug)]
pub struct Rows(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Query(&'static str),
    Table {
        table: &'static str,
        key: Vec<(&'static str, String)>,
    },
}

/// What is tried with rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Read,
    Update,
    Delete,
}

impl Rows {
    /// Rows of a table: all of them, until a [`key`](Self::key) says which. The table stands in statements as it
    /// is here: with its schema, or quoted, where it needs that.
    #[must_use]
    pub fn table(table: &'static str) -> Self {
        Self(Kind::Table {
            table,
            key: Vec::new(),
        })
    }

    /// Those that have this value in a column, by its text: a number, a text, a uuid. An update is tried
    /// only on rows that are told by a key, because it sets the key's first column to itself, which the
    /// database must allow: a column that is `GENERATED ALWAYS` cannot be the first.
    ///
    /// # Panics
    /// When the rows are a query's, which says itself which.
    #[must_use]
    pub fn key(mut self, column: &'static str, value: impl fmt::Display) -> Self {
        match &mut self.0 {
            Kind::Query(sql) => panic!("a query says itself which rows: {sql}"),
            Kind::Table { key, .. } => key.push((column, value.to_string())),
        }
        self
    }

    /// The statements that try everything that can be done to these rows.
    pub(super) fn attempts(&self) -> Vec<(Verb, &'static str)> {
        let (table, key) = match &self.0 {
            Kind::Query(sql) => return vec![(Verb::Read, sql)],
            Kind::Table { table, key } => (table, key),
        };
        let condition = condition(key);
        let mut attempts = vec![
            (Verb::Read, format!("select * from {table}{condition}")),
            (Verb::Delete, format!("delete from {table}{condition}")),
        ];
        if let Some((column, _)) = key.first() {
            let update = format!("update {table} set \"{column}\" = \"{column}\"{condition}");
            attempts.push((Verb::Update, update));
        }
        // Statements are kept for as long as the program runs, as those in its text are.
        let keep = |(verb, sql): (Verb, String)| (verb, &*sql.leak());
        attempts.into_iter().map(keep).collect()
    }

    /// Which of the rows that the other reads are the owner's.
    pub(super) fn leaked(&self, read: Vec<String>, owners: &[String]) -> Vec<String> {
        match &self.0 {
            Kind::Query(_) => read,
            Kind::Table { .. } => read
                .into_iter()
                .filter(|row| owners.contains(row))
                .collect(),
        }
    }

    /// The parameters of the statements.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        let key: &[(&str, String)] = match &self.0 {
            Kind::Query(_) => &[],
            Kind::Table { key, .. } => key,
        };
        key.iter().map(|(_, value)| value.as_str())
    }
}

/// By the columns' texts, which are the same for each type and on both databases.
fn condition(key: &[(&'static str, String)]) -> String {
    let columns = key.iter().enumerate().map(|(index, (column, _))| {
        let before = if index == 0 { " where" } else { " and" };
        format!("{before} cast(\"{column}\" as text) = ${}", index + 1)
    });
    columns.collect()
}

impl From<&'static str> for Rows {
    fn from(query: &'static str) -> Self {
        Self(Kind::Query(query))
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (table, key) = match &self.0 {
            Kind::Query(sql) => return write!(f, "`{sql}`"),
            Kind::Table { table, key } => (table, key),
        };
        f.write_str(table)?;
        for (index, (column, value)) in key.iter().enumerate() {
            let before = if index == 0 { "where" } else { "and" };
            write!(f, " {before} {column} = {value}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rows: &Rows, shown: &str, expect: &[&str]) {
        let attempts = rows.attempts();
        let attempts: Vec<&str> = attempts.iter().map(|(_, sql)| *sql).collect();
        assert_eq!(attempts, expect);
        assert_eq!(rows.to_string(), shown);
    }

    #[test]
    fn a_query_is_only_read() {
        check(&"select 1".into(), "`select 1`", &["select 1"]);
    }

    #[test]
    fn rows_of_a_table_are_read_deleted_and_updated() {
        check(
            &Rows::table("note"),
            "note",
            &["select * from note", "delete from note"],
        );
        let two = Rows::table("note").key("shelf", "top").key("seq", 7);
        let by_key = r#" where cast("shelf" as text) = $1 and cast("seq" as text) = $2"#;
        check(
            &two,
            "note where shelf = top and seq = 7",
            &[
                &format!("select * from note{by_key}"),
                &format!("delete from note{by_key}"),
                &format!(r#"update note set "shelf" = "shelf"{by_key}"#),
            ],
        );
        assert_eq!(two.values().collect::<Vec<_>>(), ["top", "7"]);
    }
}
