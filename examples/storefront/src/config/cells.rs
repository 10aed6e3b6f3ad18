use std::str::FromStr;

use tenancy_types::{CellId, InvalidRegion, Region};

use crate::postgres::Credentials;

/// The cells of a platform. Written as `3` or `eu:2,us:1` they are numbered from `cell-1` in the order given, and
/// are files of the data folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellsSpec(Vec<CellSpec>);

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellSpec {
    /// Its name.
    pub cell: CellId,
    /// Where it stands.
    pub region: Region,
    /// What it is.
    pub place: CellPlace,
}

/// Where the rows of a cell are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CellPlace {
    /// In a SQLite file of the data folder.
    File,
    /// In a Postgres server of its own, which is started from the data folder.
    PrivatePostgres,
    /// In a Postgres database that somebody else runs.
    Postgres(Box<Credentials>),
}

/// An embedded platform opens a database file and a writer a cell; more belong into processes of their own.
const MOST: u16 = 64;

impl CellsSpec {
    /// The cells, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &CellSpec> {
        self.0.iter()
    }

    /// The same cells, each in a Postgres server of its own.
    #[must_use]
    pub fn in_private_postgres(mut self) -> Self {
        for spec in &mut self.0 {
            spec.place = CellPlace::PrivatePostgres;
        }
        self
    }

    /// One cell.
    #[must_use]
    pub fn one(cell: CellSpec) -> Self {
        Self(vec![cell])
    }

    /// One cell more.
    ///
    /// # Errors
    /// [`InvalidCells::Twice`], [`InvalidCells::TooMany`].
    pub fn with(mut self, credentials: Credentials) -> Result<Self, InvalidCells> {
        let cell = credentials.cell;
        if self.0.iter().any(|spec| spec.cell == cell) {
            return Err(InvalidCells::Twice { cell });
        }
        if self.0.len() >= MOST.into() {
            return Err(InvalidCells::TooMany { most: MOST });
        }
        self.0.push(CellSpec {
            cell,
            region: credentials.region.clone(),
            place: CellPlace::Postgres(Box::new(credentials)),
        });
        self.0.sort_by_key(|spec| spec.cell);
        Ok(self)
    }
}

impl FromStr for CellsSpec {
    type Err = InvalidCells;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut regions = Vec::new();
        for part in text.split(',') {
            let (region, count) = part.split_once(':').unwrap_or(("local", part));
            let region: Region = region.parse()?;
            let count: u16 = count
                .parse()
                .ok()
                .filter(|n| *n > 0)
                .ok_or_else(|| invalid(part))?;
            let already = u16::try_from(regions.len()).unwrap_or(MOST);
            if count > MOST - already.min(MOST) {
                return Err(InvalidCells::TooMany { most: MOST });
            }
            regions.extend(std::iter::repeat_n(region, usize::from(count)));
        }
        let cells = (1..).zip(regions).map(|(number, region)| CellSpec {
            cell: CellId::new(number).expect("there are at most 64"),
            region,
            place: CellPlace::File,
        });
        Ok(Self(cells.collect()))
    }
}

fn invalid(part: &str) -> InvalidCells {
    InvalidCells::Count { part: part.into() }
}

/// Why a text describes no cells.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCells {
    /// A part has no count of at least one.
    #[error("{part:?} is not a number of cells; write 3, or eu:2,us:1")]
    Count {
        /// The part.
        part: Box<str>,
    },
    /// A region's name is malformed.
    #[error(transparent)]
    Region(#[from] InvalidRegion),
    /// A cell is asked for twice.
    #[error("{cell} is asked for twice")]
    Twice {
        /// The cell.
        cell: CellId,
    },
    /// More than one process should open.
    #[error("one process serves at most {most} cells")]
    TooMany {
        /// The most that are allowed.
        most: u16,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Result<&[&str], &str>) {
        let found = text.parse::<CellsSpec>().map_err(|error| error.to_string());
        let found = found.map(|spec| {
            let cells = spec
                .iter()
                .map(|spec| format!("{} {}", spec.cell, spec.region));
            cells.collect::<Vec<_>>()
        });
        let expect = expect.map(|cells| cells.iter().map(ToString::to_string).collect());
        assert_eq!(found, expect.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn cells_are_numbered_in_the_order_given() {
        check("2", Ok(&["cell-1 local", "cell-2 local"]));
        check("eu:2,us:1", Ok(&["cell-1 eu", "cell-2 eu", "cell-3 us"]));
        check(
            "0",
            Err("\"0\" is not a number of cells; write 3, or eu:2,us:1"),
        );
        check(
            "eu:",
            Err("\"eu:\" is not a number of cells; write 3, or eu:2,us:1"),
        );
        check(
            "eu:2,",
            Err("\"\" is not a number of cells; write 3, or eu:2,us:1"),
        );
        check(
            "-1",
            Err("\"-1\" is not a number of cells; write 3, or eu:2,us:1"),
        );
        check("65", Err("one process serves at most 64 cells"));
        check("a:40,b:40", Err("one process serves at most 64 cells"));
        check(
            "EU:1",
            Err("a region is 1 to 32 of a-z, 0-9 and hyphen and starts with a letter, not \"EU\""),
        );
    }
}
