/// Why a declared table's rows cannot be read or written as asked. Nothing was read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableRefused {
    /// The manifest does not say that it holds tenants' rows.
    #[error("it holds no tenant's rows")]
    NotTenants,
    /// The cell has no such table.
    #[error("it does not exist")]
    Missing,
    /// A column is of a type that the databases do not share.
    #[error("column {column} is {found}, not bigint, double precision or text")]
    ColumnType {
        /// The column.
        column: Box<str>,
        /// Its type.
        found: Box<str>,
    },
    /// Rows name other columns than the table has beside the tenant's.
    #[error("its columns are ({}), the rows name ({})", .expected.join(", "), .found.join(", "))]
    Columns {
        /// The table's.
        expected: Vec<Box<str>>,
        /// The rows'.
        found: Vec<Box<str>>,
    },
    /// A row has more or fewer values than there are columns.
    #[error("row {row} has {found} values for {expected} columns")]
    Width {
        /// Its place among the rows, from 0.
        row: usize,
        /// How many columns there are.
        expected: usize,
        /// How many values it has.
        found: usize,
    },
    /// A value is not of its column's type, or is a float that is not a number, which SQLite cannot keep.
    #[error("row {row} has a value in column {column} that is no {expected}")]
    Value {
        /// Its place among the rows, from 0.
        row: usize,
        /// The column.
        column: Box<str>,
        /// The column's type.
        expected: &'static str,
    },
    /// A key to read on from has another number of values than the table's, or has a null.
    #[error("a key to read on from has a value for each of ({})", .expected.join(", "))]
    Key {
        /// The columns of the key.
        expected: Vec<Box<str>>,
    },
}
