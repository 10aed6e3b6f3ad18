//! A manifest as a file, for commands that are not the application.

mod entry;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, error::Error};

use tenancy_types::{Code, Kind, Problem, Retry};

use self::entry::{File, TableEntry};
use super::{Manifest, ManifestError, SearchFunction, Table};
use crate::toml_fault::TomlFault;

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestFileError {
    /// It is not TOML, or has other keys.
    #[error("read the manifest")]
    Syntax {
        /// What the parser said, with the line.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nobody has said yet whose rows some tables hold.
    #[error("nobody has decided yet whose rows are in {}", tables.join(", "))]
    Undecided {
        /// The tables, at least one.
        tables: Vec<Box<str>>,
    },
    /// A search has neither or both of `column` and `expression`, or one that its kind has not.
    #[error("search {search} needs one column, or for full text one expression")]
    SearchDocument {
        /// The search.
        search: Box<str>,
    },
    /// The tables make no manifest.
    #[error(transparent)]
    Declaration {
        /// Why.
        #[from]
        source: ManifestError,
    },
}

impl Problem for ManifestFileError {
    fn code(&self) -> Code {
        Code::new("isolation_manifest")
    }

    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn retry(&self) -> Retry {
        Retry::No
    }

    fn client_text(&self) -> Cow<'static, str> {
        "something went wrong on our side".into()
    }
}

impl Manifest {
    /// Reads a manifest that is written as TOML.
    ///
    /// ```
    /// let manifest = tenancy_core::Manifest::from_toml(
    ///     r#"
    ///     [[table]]
    ///     name = "product"
    ///     kind = "tenant"            # or "shared_read", "control_plane"
    ///     key = ["id"]
    ///     tenant_column = "shop"     # "tenant_id" unless it says otherwise
    ///     tenant_type = "uuid"       # "bigint" unless it says otherwise
    ///     keeps_primary_key = true   # which does not start with the tenant
    ///
    ///     [[table]]
    ///     name = "variant"
    ///     kind = "tenant"
    ///     key = ["product_id", "id"]
    ///     parents = ["product"]
    ///     partitions = 8
    ///
    ///     [[table]]
    ///     name = "currency"
    ///     kind = "shared_read"
    ///     schema = "world"           # "public" unless it says otherwise
    ///
    ///     [[search]]
    ///     name = "title"
    ///     table = "product"
    ///     kind = "prefix"            # or "full_text" with a config, "json"
    ///     column = "title"           # or, for full text, an expression
    ///     "#,
    /// )?;
    /// assert_eq!(manifest.tables().len(), 3);
    /// # Ok::<(), tenancy_core::ManifestFileError>(())
    /// ```
    ///
    /// A table may also be `kind = "undecided"`, which is how an introspection writes down what it does not
    /// know. Such a file is no manifest until a person has decided.
    ///
    /// # Errors
    /// [`ManifestFileError`].
    pub fn from_toml(text: &str) -> Result<Self, ManifestFileError> {
        let file: File = toml::from_str(text).map_err(|error| ManifestFileError::Syntax {
            source: TomlFault::from(error).into(),
        })?;
        let undecided: Vec<Box<str>> = file
            .table
            .iter()
            .filter_map(TableEntry::undecided)
            .collect();
        if !undecided.is_empty() {
            return Err(ManifestFileError::Undecided { tables: undecided });
        }
        let searches: Result<Vec<_>, _> = file.search.iter().map(entry::search).collect();
        let manifest = Self::new(file.table.into_iter().map(Table::from))?;
        Ok(manifest.with_searches(searches?)?)
    }

    /// The manifest as TOML, which [`from_toml`](Self::from_toml) reads.
    ///
    /// ```
    /// use tenancy_core::{Manifest, Table};
    ///
    /// let manifest = Manifest::new([Table::tenant("product", ["id"])])?;
    /// assert_eq!(
    ///     manifest.to_toml(),
    ///     "[[table]]\nkind = \"tenant\"\nname = \"product\"\nkey = [\"id\"]\n",
    /// );
    /// # Ok::<(), tenancy_core::ManifestError>(())
    /// ```
    #[must_use]
    pub fn to_toml(&self) -> String {
        written(&File {
            table: self.tables().iter().map(TableEntry::from).collect(),
            search: self.searches().iter().map(Into::into).collect(),
        })
    }
}

impl Table {
    /// One entry of a file, as declared or as one that nobody has decided about.
    pub(crate) fn to_toml(&self, decided: Decided) -> String {
        let entry = TableEntry::from(self);
        let entry = match decided {
            Decided::Yes => entry,
            Decided::No => entry.asked(),
        };
        written(&File {
            table: vec![entry],
            search: Vec::new(),
        })
    }
}

impl SearchFunction {
    /// One entry of a file.
    pub(crate) fn to_toml(&self) -> String {
        written(&File {
            table: Vec::new(),
            search: vec![self.into()],
        })
    }
}

/// Whether somebody knows whose rows a table holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decided {
    Yes,
    No,
}

fn written(file: &File) -> String {
    toml::to_string(file).expect("tables of texts, numbers and lists are TOML")
}
