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
mod order;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod table;

pub use error::ManifestError;
pub use table::{Table, TableKind};

use std::collections::HashSet;

/// All tables of a cell, valid and in dependency order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    tables: Vec<Table>,
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
        })
    }

    /// The tables, each after its parents. Copying goes in this order, deleting in the reverse one.
    #[must_use]
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// The tables that hold tenants' rows, each after its parents.
    pub fn tenant_tables(&self) -> impl Iterator<Item = &Table> {
        self.tables
            .iter()
            .filter(|table| matches!(table.kind(), TableKind::Tenant { .. }))
    }
}
