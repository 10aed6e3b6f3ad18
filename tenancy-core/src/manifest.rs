//! The tables of a cell, declared once.
//!
//! Isolation, moves, exports and purges all have to know which tables hold tenants' rows, and a table that
//! one of them forgets is a leak or a loss. So the application declares its tables in one [`Manifest`], and
//! everything else is derived from it. A table that exists and is not declared keeps a cell from opening.
//!
//! ```
//! use tenancy_core::{Manifest, Table};
//!
//! let manifest = Manifest::new([
//!     Table::tenant("variant", ["product_id", "id"]).parent("product"),
//!     Table::tenant("product", ["id"]),
//!     Table::shared_read("currency"),
//!     Table::control_plane("schema_journal"),
//! ])
//! .unwrap();
//! // Parents come first, whatever the order of declaration.
//! let names: Vec<_> = manifest.tables().iter().map(|table| table.name()).collect();
//! assert_eq!(names, ["product", "variant", "currency", "schema_journal"]);
//! ```

mod error;
#[cfg(feature = "cli")]
mod file;
pub(crate) mod identifier;
mod order;
mod search;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod table;
mod tenant_column;

pub use error::ManifestError;
#[cfg(feature = "cli")]
pub(crate) use file::Decided;
#[cfg(feature = "cli")]
pub use file::ManifestFileError;
pub use search::{SearchDocument, SearchFunction, SearchKind};
#[cfg(feature = "postgres")]
pub(crate) use table::Identity;
pub use table::{Table, TableKind};
pub use tenant_column::TenantColumn;

use std::collections::HashSet;

/// All tables of a cell, valid and in dependency order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    tables: Vec<Table>,
    searches: Vec<SearchFunction>,
}

impl Manifest {
    /// Checks the declarations and puts parents before their children.
    ///
    /// # Errors
    /// A [`ManifestError`] that names the table.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Result<Self, ManifestError> {
        let tables: Vec<Table> = tables.into_iter().collect();
        let mut names = HashSet::new();
        for table in &tables {
            table.check()?;
            if !names.insert(table.name()) {
                return Err(ManifestError::DuplicateTable {
                    table: table.name().into(),
                });
            }
        }
        Ok(Self {
            tables: order::parents_first(tables)?,
            searches: Vec::new(),
        })
    }

    /// Adds the searches that Postgres answers by functions of their own; see [`SearchFunction`].
    ///
    /// # Errors
    /// A [`ManifestError`] that names the search.
    pub fn with_searches(
        mut self,
        searches: impl IntoIterator<Item = SearchFunction>,
    ) -> Result<Self, ManifestError> {
        for search in searches {
            search.check(&self)?;
            if self.searches.iter().any(|one| one.name() == search.name()) {
                return Err(ManifestError::DuplicateSearch {
                    search: search.name().into(),
                });
            }
            self.searches.push(search);
        }
        Ok(self)
    }

    /// The tables, each after its parents. Copying goes in this order, deleting in the reverse one.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The tables that hold tenants' rows, each after its parents: the order of a copy or an export. A purge
    /// goes from the back.
    pub fn tenant_tables(&self) -> impl DoubleEndedIterator<Item = &Table> {
        self.tables
            .iter()
            .filter(|table| matches!(table.kind(), TableKind::Tenant { .. }))
    }

    /// The table of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name() == name)
    }

    /// The searches that Postgres answers by functions of their own.
    #[must_use]
    pub fn searches(&self) -> &[SearchFunction] {
        &self.searches
    }
}
