use std::{collections::BTreeSet, fmt};

use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{Manifest, Table, TableKind, db::OpenError};

/// How a live schema differs from the manifest. Each is a way past the views or the triggers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SchemaFinding {
    /// A table exists that is not declared.
    UnlistedTable {
        /// The table.
        table: Box<str>,
    },
    /// A view exists. It would read the tables themselves, whoever asks.
    UnlistedView {
        /// The view.
        view: Box<str>,
    },
    /// A declared table does not exist.
    MissingTable {
        /// The table.
        table: Box<str>,
    },
    /// A tenants' table has no column for the tenant.
    MissingTenantColumn {
        /// The table.
        table: Box<str>,
        /// The column that is declared.
        column: Box<str>,
    },
    /// The primary key of a tenants' table is not the declared one, which starts with the tenant.
    PrimaryKey {
        /// The table.
        table: Box<str>,
        /// The columns as declared.
        expected: Vec<Box<str>>,
        /// The columns as found.
        found: Vec<Box<str>>,
    },
}

impl fmt::Display for SchemaFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnlistedTable { table } => write!(f, "table {table} is not declared"),
            Self::UnlistedView { view } => write!(f, "view {view} is not allowed"),
            Self::MissingTable { table } => write!(f, "table {table} does not exist"),
            Self::MissingTenantColumn { table, column } => {
                write!(f, "table {table} has no column {column}")
            }
            Self::PrimaryKey {
                table,
                expected,
                found,
            } => write!(
                f,
                "the primary key of table {table} is ({}), not ({})",
                found.join(", "),
                expected.join(", ")
            ),
        }
    }
}

/// The version of the fence table's layout. A cell with a newer one is not opened.
const FORMAT: i64 = 1;

/// Idempotent; the deadline is 0 in states that have none.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS tenancy_format (part TEXT PRIMARY KEY, version BIGINT NOT NULL);
CREATE TABLE IF NOT EXISTS tenancy_fence (
    tenant_id BIGINT PRIMARY KEY,
    state TEXT NOT NULL,
    lifecycle TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    deadline BIGINT NOT NULL
);
INSERT INTO tenancy_format (part, version) VALUES ('fence', 1) ON CONFLICT (part) DO NOTHING;
";

const FORMAT_OF_FENCES: &str = "SELECT version FROM tenancy_format WHERE part = 'fence'";

/// Makes the fence table and refuses a schema that is not the manifest's.
pub(super) async fn prepare(
    connect: &SqliteConnectOptions,
    manifest: &Manifest,
) -> Result<(), OpenError> {
    let mut connection = SqliteConnection::connect_with(connect).await?;
    sqlx::raw_sql(TABLES).execute(&mut connection).await?;
    let found: i64 = sqlx::query_scalar(FORMAT_OF_FENCES)
        .fetch_one(&mut connection)
        .await?;
    if found > FORMAT {
        return Err(OpenError::Format {
            part: "fence",
            found: Some(found),
            known: FORMAT,
        });
    }
    let findings = findings(&mut connection, manifest).await?;
    connection.close().await?;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(OpenError::Schema { findings })
    }
}

async fn findings(
    connection: &mut SqliteConnection,
    manifest: &Manifest,
) -> Result<Vec<SchemaFinding>, sqlx::Error> {
    let live: Vec<(String, String)> = sqlx::query_as(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')
         AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND name NOT LIKE 'tenancy\\_%' ESCAPE '\\'
         ORDER BY name",
    )
    .fetch_all(&mut *connection)
    .await?;
    let declared: BTreeSet<&str> = manifest.tables().iter().map(Table::name).collect();
    let mut findings = Vec::new();
    let mut tables = BTreeSet::new();
    for (kind, name) in &live {
        if kind == "view" {
            findings.push(SchemaFinding::UnlistedView {
                view: name.as_str().into(),
            });
        } else if !declared.contains(&**name) {
            findings.push(SchemaFinding::UnlistedTable {
                table: name.as_str().into(),
            });
        }
        tables.insert(name.as_str());
    }
    for table in manifest.tables() {
        if tables.contains(table.name()) {
            findings.extend(key_finding(connection, table).await?);
        } else {
            findings.push(SchemaFinding::MissingTable {
                table: table.name().into(),
            });
        }
    }
    Ok(findings)
}

async fn key_finding(
    connection: &mut SqliteConnection,
    table: &Table,
) -> Result<Option<SchemaFinding>, sqlx::Error> {
    let TableKind::Tenant { tenant_column, key } = table.kind() else {
        return Ok(None);
    };
    let columns: Vec<(String, i64)> =
        sqlx::query_as("SELECT name, pk FROM pragma_table_info($1) ORDER BY pk")
            .bind(table.name())
            .fetch_all(connection)
            .await?;
    if !columns.iter().any(|(name, _)| **name == **tenant_column) {
        return Ok(Some(SchemaFinding::MissingTenantColumn {
            table: table.name().into(),
            column: tenant_column.clone(),
        }));
    }
    let found: Vec<Box<str>> = columns
        .iter()
        .filter(|(_, position)| *position > 0)
        .map(|(name, _)| name.as_str().into())
        .collect();
    let expected: Vec<Box<str>> = std::iter::once(tenant_column).chain(key).cloned().collect();
    Ok((found != expected).then(|| SchemaFinding::PrimaryKey {
        table: table.name().into(),
        expected,
        found,
    }))
}
