use std::{collections::BTreeMap, fmt, str::FromStr};

/// How many rows of a tenant each table has, in the order of the tables' names.
///
/// Displayed and parsed it is part of journals and receipts: `product=10 variant=20`, or `nothing`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCounts(BTreeMap<Box<str>, u64>);

impl TableCounts {
    /// The tables and their rows.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(table, rows)| (&**table, *rows))
    }

    /// A table's rows; `None` when it is not among the tables.
    #[must_use]
    pub fn rows(&self, table: &str) -> Option<u64> {
        self.0.get(table).copied()
    }

    /// The rows of all tables together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// The first table that has rows, and how many.
    #[must_use]
    pub fn first_left(&self) -> Option<(&str, u64)> {
        self.iter().find(|(_, rows)| *rows > 0)
    }

    /// Adds the rows of others.
    #[must_use]
    pub fn plus(mut self, others: &Self) -> Self {
        for (table, rows) in &others.0 {
            *self.0.entry(table.clone()).or_default() += rows;
        }
        self
    }
}

impl FromIterator<(Box<str>, u64)> for TableCounts {
    fn from_iter<T: IntoIterator<Item = (Box<str>, u64)>>(counts: T) -> Self {
        Self(counts.into_iter().collect())
    }
}

impl fmt::Display for TableCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("nothing");
        }
        for (at, (table, rows)) in self.iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{table}={rows}")?;
        }
        Ok(())
    }
}

/// A text that is no [`TableCounts`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the rows of tables: {found:?}")]
pub struct InvalidTableCounts {
    /// The text.
    pub found: Box<str>,
}

impl FromStr for TableCounts {
    type Err = InvalidTableCounts;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = |word: &str| {
            let (table, rows) = word.split_once('=')?;
            (!table.is_empty()).then_some((table.into(), rows.parse().ok()?))
        };
        let words = text.split(' ').filter(|_| text != "nothing");
        let counts = words.map(count).collect::<Option<Self>>();
        // One text for each value: names that are out of order or twice make another one.
        counts
            .filter(|counts| counts.to_string() == text)
            .ok_or_else(|| InvalidTableCounts { found: text.into() })
    }
}
