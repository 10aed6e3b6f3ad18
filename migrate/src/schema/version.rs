use std::borrow::Cow;

use super::{Checksum, InvalidSchema};

/// Which database a text is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Database {
    /// SQLite.
    Sqlite,
    /// Postgres.
    Postgres,
}

/// All versions of a cell's schema, numbered 1, 2, 3 and so on.
///
/// What has been applied anywhere is history: a version is never changed, removed or moved, only followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema(Vec<Version>);

/// One change of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    number: u32,
    name: &'static str,
    sql: Sql,
}

/// The text of a version: any number of statements, none of which begins or ends a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sql {
    /// Both databases understand it.
    Common(Cow<'static, str>),
    /// Each has its own.
    PerDatabase {
        /// For SQLite.
        sqlite: Cow<'static, str>,
        /// For Postgres.
        postgres: Cow<'static, str>,
    },
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self::Common(text.into())
    }
}

impl From<String> for Sql {
    fn from(text: String) -> Self {
        Self::Common(text.into())
    }
}

impl Sql {
    fn text(&self, database: Database) -> &str {
        match (self, database) {
            (Self::Common(text), _)
            | (Self::PerDatabase { sqlite: text, .. }, Database::Sqlite)
            | (Self::PerDatabase { postgres: text, .. }, Database::Postgres) => text,
        }
    }
}

impl Version {
    /// A version. Its number and name are checked by [`Schema::new`].
    #[must_use]
    pub fn new(number: u32, name: &'static str, sql: impl Into<Sql>) -> Self {
        let sql = sql.into();
        Self { number, name, sql }
    }

    /// Its number, from 1.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its text for a database.
    #[must_use]
    pub fn sql(&self, database: Database) -> &str {
        self.sql.text(database)
    }

    /// What the journal of that database remembers it by.
    #[must_use]
    pub fn checksum(&self, database: Database) -> Checksum {
        Checksum::of(self.name, self.sql(database))
    }
}

impl Schema {
    /// A schema of these versions, in order.
    ///
    /// # Errors
    /// [`InvalidSchema`] when the numbers are not 1, 2, 3 and so on, a name is not 1 to 64 of
    /// `a-z 0-9 _ -`, or a text is blank.
    pub fn new(versions: impl IntoIterator<Item = Version>) -> Result<Self, InvalidSchema> {
        let versions: Vec<_> = versions.into_iter().collect();
        for (expected, version) in (1..).zip(&versions) {
            check(expected, version)?;
        }
        Ok(Self(versions))
    }

    /// The versions in order.
    #[must_use]
    pub fn versions(&self) -> &[Version] {
        &self.0
    }
}

fn check(expected: u32, version: &Version) -> Result<(), InvalidSchema> {
    let found = version.number;
    if found != expected {
        return Err(InvalidSchema::Number { expected, found });
    }
    let name = version.name;
    let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    if !((1..=64).contains(&name.len()) && name.bytes().all(allowed)) {
        return Err(InvalidSchema::Name {
            version: found,
            found: name,
        });
    }
    let blank = |database| version.sql(database).trim().is_empty();
    if [Database::Sqlite, Database::Postgres]
        .into_iter()
        .any(blank)
    {
        return Err(InvalidSchema::Blank { version: found });
    }
    Ok(())
}
