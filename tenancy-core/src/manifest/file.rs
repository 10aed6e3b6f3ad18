//! A manifest as a file, for commands that are not the application.

use std::{
    error::Error,
    num::{NonZeroU16, NonZeroU32},
};

use serde::Deserialize;

use super::{Manifest, ManifestError, SearchDocument, SearchFunction, Table};

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    table: Vec<TableEntry>,
    #[serde(default)]
    search: Vec<SearchEntry>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum TableEntry {
    Tenant {
        name: String,
        schema: Option<String>,
        #[serde(default)]
        parents: Vec<String>,
        key: Vec<String>,
        tenant_column: Option<String>,
        #[serde(default)]
        tenant_type: TypeEntry,
        partitions: Option<NonZeroU16>,
        #[serde(default)]
        keeps_primary_key: bool,
    },
    SharedRead {
        name: String,
        schema: Option<String>,
        #[serde(default)]
        parents: Vec<String>,
    },
    ControlPlane {
        name: String,
        schema: Option<String>,
        #[serde(default)]
        parents: Vec<String>,
    },
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TypeEntry {
    #[default]
    Bigint,
    Uuid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchEntry {
    name: String,
    table: String,
    kind: KindEntry,
    column: Option<String>,
    expression: Option<String>,
    #[serde(default = "simple")]
    config: String,
    returning: Option<Vec<String>>,
    limit: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindEntry {
    FullText,
    Json,
    Prefix,
}

fn simple() -> String {
    "simple".to_owned()
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
    /// # Errors
    /// [`ManifestFileError`].
    pub fn from_toml(text: &str) -> Result<Self, ManifestFileError> {
        let file: File = toml::from_str(text).map_err(|error| ManifestFileError::Syntax {
            source: error.into(),
        })?;
        let searches: Result<Vec<_>, _> = file.search.iter().map(search).collect();
        let manifest = Self::new(file.table.into_iter().map(table))?;
        Ok(manifest.with_searches(searches?)?)
    }
}

fn table(entry: TableEntry) -> Table {
    let (table, schema, parents) = match entry {
        TableEntry::Tenant {
            name,
            schema,
            parents,
            key,
            tenant_column,
            tenant_type,
            partitions,
            keeps_primary_key,
        } => {
            let key = key.iter().map(|column| &**column);
            let table = match tenant_type {
                TypeEntry::Bigint => Table::tenant(&name, key),
                TypeEntry::Uuid => Table::tenant_uuid(&name, key),
            };
            let table = match tenant_column {
                Some(column) => table.tenant_column(&column),
                None => table,
            };
            let table = match partitions {
                Some(partitions) => table.partitioned(partitions),
                None => table,
            };
            let table = if keeps_primary_key {
                table.keeps_primary_key()
            } else {
                table
            };
            (table, schema, parents)
        }
        TableEntry::SharedRead {
            name,
            schema,
            parents,
        } => (Table::shared_read(&name), schema, parents),
        TableEntry::ControlPlane {
            name,
            schema,
            parents,
        } => (Table::control_plane(&name), schema, parents),
    };
    let table = match schema {
        Some(schema) => table.schema(&schema),
        None => table,
    };
    parents
        .iter()
        .fold(table, |table, parent| table.parent(parent))
}

fn search(entry: &SearchEntry) -> Result<SearchFunction, ManifestFileError> {
    let (name, table) = (&entry.name, &entry.table);
    let search = match (entry.kind, &entry.column, &entry.expression) {
        (KindEntry::FullText, Some(column), None) => {
            let document = SearchDocument::column(column);
            SearchFunction::full_text(name, table, document, &entry.config)
        }
        (KindEntry::FullText, None, Some(expression)) => {
            let document = SearchDocument::Expression(expression.as_str().into());
            SearchFunction::full_text(name, table, document, &entry.config)
        }
        (KindEntry::Json, Some(column), None) => SearchFunction::json(name, table, column),
        (KindEntry::Prefix, Some(column), None) => SearchFunction::prefix(name, table, column),
        _ => {
            return Err(ManifestFileError::SearchDocument {
                search: name.as_str().into(),
            });
        }
    };
    let search = match &entry.returning {
        Some(columns) => search.returning(columns.iter().map(|column| &**column)),
        None => search,
    };
    Ok(match entry.limit {
        Some(limit) => search.limit(limit),
        None => search,
    })
}

#[cfg(test)]
mod tests {
    use super::{Manifest, ManifestFileError};
    use crate::{SearchDocument, SearchFunction, Table};

    #[test]
    fn a_file_says_what_a_program_can() {
        let read = Manifest::from_toml(
            r#"
            [[table]]
            name = "variant"
            kind = "tenant"
            key = ["product_id", "id"]
            parents = ["product"]
            partitions = 8
            [[table]]
            name = "product"
            kind = "tenant"
            key = ["id"]
            tenant_column = "shop"
            tenant_type = "uuid"
            keeps_primary_key = true
            [[table]]
            name = "currency"
            kind = "shared_read"
            schema = "world"
            [[table]]
            name = "journal"
            kind = "control_plane"
            [[search]]
            name = "words"
            table = "product"
            kind = "full_text"
            expression = "to_tsvector('english', title)"
            config = "english"
            limit = 3
            [[search]]
            name = "title"
            table = "product"
            kind = "prefix"
            column = "title"
            returning = ["title", "id"]
            "#,
        );
        let expression = SearchDocument::expression("to_tsvector('english', title)");
        let (eight, three) = (8.try_into().expect("not 0"), 3.try_into().expect("not 0"));
        let written = Manifest::new([
            Table::tenant("variant", ["product_id", "id"])
                .parent("product")
                .partitioned(eight),
            Table::tenant_uuid("product", ["id"])
                .tenant_column("shop")
                .keeps_primary_key(),
            Table::shared_read("currency").schema("world"),
            Table::control_plane("journal"),
        ])
        .and_then(|manifest| {
            manifest.with_searches([
                SearchFunction::full_text("words", "product", expression, "english").limit(three),
                SearchFunction::prefix("title", "product", "title").returning(["title", "id"]),
            ])
        });
        assert_eq!(read.expect("a manifest"), written.expect("the same one"));
    }

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let error = Manifest::from_toml(text).expect_err("no manifest");
        let found = match &error {
            ManifestFileError::Syntax { source } => source.to_string(),
            other => other.to_string(),
        };
        assert!(found.contains(expect), "{found}");
    }

    #[test]
    fn a_wrong_file_is_named() {
        let table = "[[table]]\nname = 'a'\nkind = 'tenant'\nkey = ['id']\n";
        check("[[tables]]", "unknown field `tables`");
        check(
            "[[table]]\nname = 'a'\nkind = 'tenants'",
            "unknown variant `tenants`",
        );
        check(
            "[[table]]\nname = 'a'\nkind = 'shared_read'\nkey = []",
            "unknown field `key`",
        );
        check(
            &table.replace("'a'", "'A'"),
            "no plain lower-case identifier",
        );
        check(
            &format!("{table}[[search]]\nname = 's'\ntable = 'a'\nkind = 'json'\nexpression = 'b'"),
            "search s needs one column",
        );
    }
}
