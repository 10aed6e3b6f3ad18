//! What the catalogs say, read by a dozen questions about everything at once: whoever may log in may ask them.

pub(in crate::isolation) mod functions;
mod own;
pub(in crate::isolation) mod relations;
mod roles;
mod surroundings;
pub(in crate::isolation) mod tables;

use sqlx::{Connection as _, PgConnection};

pub(in crate::isolation) use functions::Function;
pub(in crate::isolation) use relations::{Asked, Relation};
pub(super) use roles::Role;
pub(super) use surroundings::{Surrounding, SurroundingKind};
pub(in crate::isolation) use tables::{Column, ForeignKey, Index, Policy, Trigger};

use crate::{Table, isolation::Isolation};

/// Names of types and functions are written with their schemas, whatever the search path of the connection.
/// Whoever changes a table keeps some of the questions waiting: they end, too.
pub(in crate::isolation) const SETTINGS: &str = "SET LOCAL search_path = pg_catalog, pg_temp;
    SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'";

#[derive(Debug)]
pub(in crate::isolation) struct Facts {
    /// As whom they were read.
    pub(in crate::isolation) connected_as: String,
    pub(in crate::isolation) roles: Vec<Role>,
    pub(in crate::isolation) relations: Vec<Relation>,
    pub(in crate::isolation) columns: Vec<Column>,
    pub(in crate::isolation) policies: Vec<Policy>,
    pub(in crate::isolation) indexes: Vec<Index>,
    pub(in crate::isolation) foreign_keys: Vec<ForeignKey>,
    pub(in crate::isolation) triggers: Vec<Trigger>,
    pub(in crate::isolation) functions: Vec<Function>,
    pub(in crate::isolation) surroundings: Vec<Surrounding>,
    /// What stands in the schema `tenancy`, a line for each column and constraint of a table.
    pub(in crate::isolation) own: Vec<String>,
}

/// In one transaction, which changes nothing.
pub(super) async fn read(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Facts, sqlx::Error> {
    let mut transaction = connection
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        .await?;
    let connection = &mut *transaction;
    sqlx::raw_sql(SETTINGS).execute(&mut *connection).await?;
    let app = isolation.roles().app();
    let (schemas, names) = declared(isolation);
    let full_names: Vec<String> = isolation
        .manifest()
        .tables()
        .iter()
        .map(full_name)
        .collect();
    let asked = Asked {
        app: &app,
        declared: &full_names,
        tenants: &isolation.tenant_columns(),
    };
    let facts = Facts {
        connected_as: sqlx::query_scalar("SELECT session_user::text")
            .persistent(false)
            .fetch_one(&mut *connection)
            .await?,
        roles: roles::read(connection, isolation.roles()).await?,
        relations: relations::read(connection, &asked).await?,
        columns: tables::columns(connection, &schemas, &names).await?,
        policies: tables::policies(connection).await?,
        indexes: tables::indexes(connection, &schemas, &names).await?,
        foreign_keys: tables::foreign_keys(connection).await?,
        triggers: tables::triggers(connection).await?,
        functions: functions::read(connection, &app).await?,
        surroundings: surroundings::read(connection, &app).await?,
        own: own::read(connection).await?,
    };
    transaction.rollback().await?;
    Ok(facts)
}

fn declared(isolation: &Isolation) -> (Vec<&str>, Vec<&str>) {
    let tables = isolation.manifest().tables().iter();
    tables
        .map(|table| (table.schema_name(), table.name()))
        .unzip()
}

pub(super) fn full_name(table: &Table) -> String {
    format!("{}.{}", table.schema_name(), table.name())
}
