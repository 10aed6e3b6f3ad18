use std::fmt;

/// One step of an isolation: SQL that can be run again, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    name: Box<str>,
    sql: Box<str>,
}

impl Statement {
    pub(super) fn new(name: impl Into<Box<str>>, sql: impl Into<Box<str>>) -> Self {
        Self {
            name: name.into(),
            sql: sql.into(),
        }
    }

    /// What it is for, such as `rows of public.product`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The SQL: one or more statements, each ended by a semicolon.
    #[must_use]
    pub fn sql(&self) -> &str {
        &self.sql
    }
}

/// The SQL below a comment with what it is for, with a last line feed.
impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "-- {}\n{}", self.name, self.sql.trim())
    }
}
