//! What stands in a manifest's file.

use std::num::{NonZeroU16, NonZeroU32};

use serde::{Deserialize, Serialize};

use super::ManifestFileError;
use crate::{
    SearchDocument, SearchFunction, SearchKind, Table, TableKind, TenantColumn, manifest::Identity,
};

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) table: Vec<TableEntry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) search: Vec<SearchEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum TableEntry {
    Tenant(TenantEntry),
    SharedRead(OtherEntry),
    ControlPlane(OtherEntry),
    /// With what it would be as a tenants' table, so that one word decides.
    Undecided(TenantEntry),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TenantEntry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    key: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_column: Option<String>,
    #[serde(default, skip_serializing_if = "TypeEntry::is_usual")]
    tenant_type: TypeEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    partitions: Option<NonZeroU16>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keeps_primary_key: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OtherEntry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parents: Vec<String>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum TypeEntry {
    #[default]
    Bigint,
    Uuid,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SearchEntry {
    name: String,
    table: String,
    kind: KindEntry,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
    /// Means nothing but in full text.
    #[serde(default = "simple")]
    config: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    returning: Option<Vec<String>>,
    limit: Option<NonZeroU32>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum KindEntry {
    FullText,
    Json,
    Prefix,
}

fn simple() -> String {
    "simple".to_owned()
}

impl TypeEntry {
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

impl TableEntry {
    /// The name of a table that nobody has decided about.
    pub(super) fn undecided(&self) -> Option<Box<str>> {
        match self {
            Self::Undecided(entry) => Some(entry.name.as_str().into()),
            Self::Tenant(_) | Self::SharedRead(_) | Self::ControlPlane(_) => None,
        }
    }

    /// The same as a question.
    pub(super) fn asked(self) -> Self {
        match self {
            Self::Tenant(entry) => Self::Undecided(entry),
            other => other,
        }
    }
}

impl From<TableEntry> for Table {
    fn from(entry: TableEntry) -> Self {
        match entry {
            TableEntry::Tenant(entry) | TableEntry::Undecided(entry) => tenants(entry),
            TableEntry::SharedRead(entry) => {
                placed(Self::shared_read(&entry.name), entry.schema, &entry.parents)
            }
            TableEntry::ControlPlane(entry) => placed(
                Self::control_plane(&entry.name),
                entry.schema,
                &entry.parents,
            ),
        }
    }
}

fn tenants(entry: TenantEntry) -> Table {
    let key = entry.key.iter().map(|column| &**column);
    let mut table = match entry.tenant_type {
        TypeEntry::Bigint => Table::tenant(&entry.name, key),
        TypeEntry::Uuid => Table::tenant_uuid(&entry.name, key),
    };
    if let Some(column) = entry.tenant_column {
        table = table.tenant_column(&column);
    }
    if let Some(partitions) = entry.partitions {
        table = table.partitioned(partitions);
    }
    if entry.keeps_primary_key {
        table = table.keeps_primary_key();
    }
    placed(table, entry.schema, &entry.parents)
}

fn placed(table: Table, schema: Option<String>, parents: &[String]) -> Table {
    let table = match schema {
        Some(schema) => table.schema(&schema),
        None => table,
    };
    parents
        .iter()
        .fold(table, |table, parent| table.parent(parent))
}

impl From<&Table> for TableEntry {
    fn from(table: &Table) -> Self {
        let name = table.name().to_owned();
        let schema = unusual(table.schema_name(), "public");
        let parents = owned(table.parents());
        let other = |name, schema, parents| OtherEntry {
            name,
            schema,
            parents,
        };
        match table.kind() {
            TableKind::Tenant { tenant_column, key } => Self::Tenant(TenantEntry {
                name,
                schema,
                key: owned(key),
                tenant_column: unusual(tenant_column, "tenant_id"),
                tenant_type: match table.tenant_type() {
                    TenantColumn::BigInt => TypeEntry::Bigint,
                    TenantColumn::Uuid => TypeEntry::Uuid,
                },
                partitions: table.partitions(),
                keeps_primary_key: table.identity() == Identity::Unique,
                parents,
            }),
            TableKind::SharedRead => Self::SharedRead(other(name, schema, parents)),
            TableKind::ControlPlane => Self::ControlPlane(other(name, schema, parents)),
        }
    }
}

fn unusual(found: &str, usual: &str) -> Option<String> {
    (found != usual).then(|| found.to_owned())
}

fn owned(names: &[Box<str>]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

impl From<&SearchFunction> for SearchEntry {
    fn from(search: &SearchFunction) -> Self {
        let (kind, column, expression, config) = match search.kind() {
            SearchKind::FullText { document, config } => {
                let (column, expression) = match document {
                    SearchDocument::Column(column) => (Some(column), None),
                    SearchDocument::Expression(sql) => (None, Some(sql.to_string())),
                };
                (KindEntry::FullText, column, expression, config.to_string())
            }
            SearchKind::Json { column } => (KindEntry::Json, Some(column), None, simple()),
            SearchKind::Prefix { column } => (KindEntry::Prefix, Some(column), None, simple()),
        };
        Self {
            name: search.name().to_owned(),
            table: search.table().to_owned(),
            kind,
            column: column.map(ToString::to_string),
            expression,
            config,
            returning: search.columns().map(owned),
            limit: Some(search.max_rows()),
        }
    }
}

pub(super) fn search(entry: &SearchEntry) -> Result<SearchFunction, ManifestFileError> {
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
