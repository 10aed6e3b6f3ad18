/// Why tables make no manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A table is declared twice.
    #[error("table {table} is declared twice")]
    DuplicateTable {
        /// The table.
        table: Box<str>,
    },
    /// A key names a column twice.
    #[error("the key of table {table} names column {column} twice")]
    DuplicateColumn {
        /// The table.
        table: Box<str>,
        /// The column.
        column: Box<str>,
    },
    /// A name is not made of 1 to 63 of `a-z`, `0-9` and `_`, not beginning with a digit.
    #[error(
        "{identifier:?} in the declaration of table {table:?} is no plain lower-case identifier"
    )]
    InvalidIdentifier {
        /// The table.
        table: Box<str>,
        /// The name.
        identifier: Box<str>,
    },
    /// The name belongs to a database or to this crate.
    #[error("the name of table {table} is reserved")]
    ReservedName {
        /// The table.
        table: Box<str>,
    },
    /// A parent is not declared.
    #[error("table {table} has a parent {parent} that is not declared")]
    UnknownParent {
        /// The table.
        table: Box<str>,
        /// The parent.
        parent: Box<str>,
    },
    /// Tables are each other's parents, so that no order of copying exists.
    #[error("table {table} is its own ancestor")]
    Cycle {
        /// One of them.
        table: Box<str>,
    },
    /// A search is declared twice.
    #[error("search {search} is declared twice")]
    DuplicateSearch {
        /// The search.
        search: Box<str>,
    },
    /// A search is of a table that is not declared, or holds no tenants' rows.
    #[error("search {search} is of {table}, which is not declared as a table of tenants' rows")]
    SearchTable {
        /// The search.
        search: Box<str>,
        /// The table.
        table: Box<str>,
    },
    /// A search answers with no column: its table has no key beside the tenant's column.
    #[error("search {search} answers with no column")]
    SearchColumns {
        /// The search.
        search: Box<str>,
    },
}
