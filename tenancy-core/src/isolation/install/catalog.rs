//! Whether the tables are as the manifest declares them.

use std::collections::HashMap;

use sqlx::PgConnection;

use crate::{
    Manifest, SearchDocument, SearchFunction, SearchKind, Table, TableKind,
    isolation::InstallError, manifest::Identity,
};

/// `indkey` and `partattrs` count from 0.
const COLUMNS: &str = "
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull,
    coalesce(i.indkey[0] = a.attnum, false),
    coalesce(p.partstrat = 'h' AND p.partnatts = 1 AND p.partattrs[0] = a.attnum, false)
FROM unnest($1::text[], $2::text[]) AS declared (schema, name)
JOIN pg_namespace n ON n.nspname = declared.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = declared.name AND c.relkind IN ('r', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid";

/// Keys that hold for every row at any moment. A constraint or an index: both keep rows apart. Where a column
/// takes null they do not; that is asked of the declared columns.
const UNIQUE: &str = "
SELECT n.nspname, c.relname, (
    SELECT array_agg(a.attname::text ORDER BY k.position)
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, position)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
    WHERE k.position <= i.indnkeyatts)
FROM unnest($1::text[], $2::text[]) AS declared (schema, name)
JOIN pg_namespace n ON n.nspname = declared.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = declared.name AND c.relkind IN ('r', 'p')
JOIN pg_index i ON i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
    AND i.indpred IS NULL AND i.indexprs IS NULL";

#[derive(Debug)]
struct Column {
    name: String,
    r#type: String,
    not_null: bool,
    leads_key: bool,
    partitions: bool,
}

/// A row of [`COLUMNS`].
type Row = (String, String, String, String, bool, bool, bool);

/// The declared tables that exist, by schema and name.
#[derive(Debug)]
pub(super) struct Catalog {
    columns: HashMap<(String, String), Vec<Column>>,
    unique: HashMap<(String, String), Vec<Vec<String>>>,
}

pub(super) async fn read(
    connection: &mut PgConnection,
    manifest: &Manifest,
) -> Result<Catalog, InstallError> {
    let tables = manifest.tables();
    let (schemas, names): (Vec<&str>, Vec<&str>) = tables
        .iter()
        .map(|table| (table.schema_name(), table.name()))
        .unzip();
    let rows: Vec<Row> = sqlx::query_as(COLUMNS)
        .bind(&schemas)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await?;
    let mut columns: HashMap<_, Vec<Column>> = HashMap::new();
    for (schema, table, name, r#type, not_null, leads_key, partitions) in rows {
        columns.entry((schema, table)).or_default().push(Column {
            name,
            r#type,
            not_null,
            leads_key,
            partitions,
        });
    }
    let rows: Vec<(String, String, Vec<String>)> = sqlx::query_as(UNIQUE)
        .bind(schemas)
        .bind(names)
        .fetch_all(connection)
        .await?;
    let mut unique: HashMap<_, Vec<_>> = HashMap::new();
    for (schema, table, key) in rows {
        unique.entry((schema, table)).or_default().push(key);
    }
    Ok(Catalog { columns, unique })
}

impl Catalog {
    /// The first difference, in the order of the manifest.
    pub(super) fn check(&self, manifest: &Manifest) -> Result<(), InstallError> {
        for table in manifest.tables() {
            self.check_table(table)?;
        }
        for search in manifest.searches() {
            let table = manifest
                .table(search.table())
                .expect("a manifest checks that its searches are of its tables");
            for column in columns_of(search) {
                self.column(table, column)?;
            }
        }
        Ok(())
    }

    fn check_table(&self, table: &Table) -> Result<(), InstallError> {
        self.columns(table)?;
        let TableKind::Tenant { tenant_column, key } = table.kind() else {
            return Ok(());
        };
        for column in key {
            self.column(table, column)?;
        }
        let found = self.column(table, tenant_column)?;
        let (table_name, column) = (name(table), tenant_column.clone());
        let expected = table.tenant_type().as_str();
        if found.r#type != expected {
            return Err(InstallError::ColumnType {
                table: table_name,
                column,
                found: found.r#type.as_str().into(),
                expected,
            });
        }
        if !found.not_null {
            return Err(InstallError::NullableColumn {
                table: table_name,
                column,
            });
        }
        match table.identity() {
            Identity::Primary if !found.leads_key => {
                return Err(InstallError::KeyOrder {
                    table: table_name,
                    column,
                });
            }
            Identity::Primary | Identity::Unique => self.check_unique(table, tenant_column, key)?,
        }
        self.check_no_null(table, key)?;
        if table.partitions().is_some() && !found.partitions {
            return Err(InstallError::NotPartitioned {
                table: table_name,
                column,
            });
        }
        Ok(())
    }

    /// The tenant's column first, the others in any order.
    fn check_unique(
        &self,
        table: &Table,
        tenant_column: &str,
        key: &[Box<str>],
    ) -> Result<(), InstallError> {
        let is_ours = |columns: &Vec<String>| {
            columns.split_first().is_some_and(|(first, rest)| {
                first == tenant_column
                    && rest.len() == key.len()
                    && key
                        .iter()
                        .all(|column| rest.iter().any(|one| **one == **column))
            })
        };
        let found = self.unique.get(&place(table)).into_iter().flatten();
        if found.into_iter().any(is_ours) {
            return Ok(());
        }
        let columns: Vec<&str> = std::iter::once(tenant_column)
            .chain(key.iter().map(|column| &**column))
            .collect();
        Err(InstallError::MissingUnique {
            table: name(table),
            columns: columns.join(", ").into(),
        })
    }

    /// Rows with a null in their key are never found again by it: an export would leave them out.
    fn check_no_null(&self, table: &Table, key: &[Box<str>]) -> Result<(), InstallError> {
        for column in key {
            if !self.column(table, column)?.not_null {
                return Err(InstallError::NullableColumn {
                    table: name(table),
                    column: column.clone(),
                });
            }
        }
        Ok(())
    }

    fn columns(&self, table: &Table) -> Result<&[Column], InstallError> {
        match self.columns.get(&place(table)) {
            Some(columns) => Ok(columns),
            None => Err(InstallError::MissingTable { table: name(table) }),
        }
    }

    fn column(&self, table: &Table, column: &str) -> Result<&Column, InstallError> {
        self.columns(table)?
            .iter()
            .find(|found| found.name == column)
            .ok_or_else(|| InstallError::MissingColumn {
                table: name(table),
                column: column.into(),
            })
    }
}

fn place(table: &Table) -> (String, String) {
    (table.schema_name().to_owned(), table.name().to_owned())
}

fn name(table: &Table) -> Box<str> {
    format!("{}.{}", table.schema_name(), table.name()).into()
}

/// What a search compares and answers with, as far as it is not its table's key. An expression is read by
/// Postgres alone.
fn columns_of(search: &SearchFunction) -> impl Iterator<Item = &str> {
    let compared = match search.kind() {
        SearchKind::FullText {
            document: SearchDocument::Column(column),
            ..
        }
        | SearchKind::Json { column }
        | SearchKind::Prefix { column } => Some(column),
        SearchKind::FullText {
            document: SearchDocument::Expression(_),
            ..
        } => None,
    };
    let answered = search.columns().into_iter().flatten();
    compared.into_iter().chain(answered).map(|column| &**column)
}
