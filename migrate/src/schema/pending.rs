use super::{Checksum, Database, Schema, SchemaError, Version};

/// A row of a cell's journal: a version that was applied there, or begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub version: u32,
    /// Its name at that time.
    pub name: String,
    /// Its checksum at that time.
    pub checksum: Checksum,
    /// How far it came.
    pub state: AppliedState,
}

/// How far a version came in a cell. Exhaustive on purpose: a runner must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliedState {
    /// Begun by a runner that could not do it in one transaction. This version of the crate never writes it,
    /// but must not mistake it for *done* when a newer one did.
    Intent,
    /// Wholly applied.
    Done,
}

impl AppliedState {
    /// The word in the journal.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Done => "done",
        }
    }
}

impl Schema {
    /// The versions that a cell still needs, given its journal in the order of the numbers.
    ///
    /// # Errors
    /// Nothing is pending in a cell whose history is not the beginning of this schema:
    /// [`Gap`](SchemaError::Gap), [`Changed`](SchemaError::Changed), [`Interrupted`](SchemaError::Interrupted),
    /// [`Newer`](SchemaError::Newer).
    pub fn pending(
        &self,
        database: Database,
        journal: &[Applied],
    ) -> Result<&[Version], SchemaError> {
        for (expected, row) in (1..).zip(journal) {
            if row.version != expected {
                let found = row.version;
                return Err(SchemaError::Gap { expected, found });
            }
            let Some(version) = self.versions().get(row_index(expected)) else {
                return Err(SchemaError::Newer {
                    found: journal.last().map_or(expected, |last| last.version),
                    known: self.versions().len(),
                });
            };
            compare(version, database, row)?;
        }
        Ok(&self.versions()[journal.len()..])
    }
}

const fn row_index(number: u32) -> usize {
    number as usize - 1
}

fn compare(version: &Version, database: Database, row: &Applied) -> Result<(), SchemaError> {
    let expected = version.checksum(database);
    if row.checksum != expected {
        return Err(SchemaError::Changed {
            version: row.version,
            applied_as: row.name.clone(),
            now: version.name(),
            found: row.checksum.clone(),
            expected,
        });
    }
    match row.state {
        AppliedState::Done => Ok(()),
        AppliedState::Intent => Err(SchemaError::Interrupted {
            version: row.version,
        }),
    }
}
