//! What a live database's tables look like to whoever wants to isolate its tenants.
//!
//! An existing schema says a good deal about whose rows its tables hold, and not everything: a table without
//! the tenant's column may be every tenant's, nobody's, or one that was forgotten. What can be read is read,
//! and what cannot be known stays a question. [`Introspected::manifest`] answers only when there is none left.

mod declare;
mod error;
mod facts;
mod looks;
#[cfg(feature = "cli")]
mod output;
mod refused;
mod searches;
mod tables;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use sqlx::PgConnection;

pub use error::IntrospectError;

use super::{
    Isolation, IsolationMode, Roles,
    audit::{Finding, of_schema},
};
use crate::{Manifest, ManifestError, SearchFunction, Table};

/// What was found in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introspected {
    tables: Vec<FoundTable>,
    findings: Vec<Finding>,
    searches: Vec<SearchFunction>,
}

/// A table, and what it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTable {
    /// The table, declared as one of tenants' rows: what it is if [`looks`](Self::looks) says so or a person.
    pub table: Table,
    /// Whose rows it seems to hold, and why.
    pub looks: Looks,
    /// The unique key of the tenant's column and the declared key that the table needs to be declared so, and
    /// does not have.
    pub needs_unique: Option<Box<str>>,
    /// What else holds its rows, with schemas: partitions that the manifest does not make, and tables that
    /// inherit from it. An installation closes them with it. The keys of a table do not hold in those that
    /// inherit from it.
    pub below: Vec<Box<str>>,
    /// Why no manifest takes it as it is, such as for its name.
    pub refused: Option<ManifestError>,
}

/// Why a table seems to be what it is. Names of tables are with their schemas. Exhaustive on purpose: whoever
/// writes a manifest must decide about each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Looks {
    /// It has the tenant's column and a key: its rows are tenants'. The only answer that needs no person.
    Tenants,
    /// It has the tenant's column and no key by which a row could be named.
    Keyless,
    /// It has the tenant's column, and policies compare numbers (`bigint`) and UUIDs alone.
    OtherType {
        /// The column.
        column: Box<str>,
        /// The type it has.
        found: Box<str>,
        /// What that holds, where it is a domain.
        domain_over: Option<Box<str>>,
    },
    /// Its rows refer, along these tables, to the last of them, which has the tenant's column. Most likely it
    /// is tenants' and lacks the column.
    RefersToTenants {
        /// From the first table that it refers to, at least one.
        path: Vec<Box<str>>,
    },
    /// The tenant's columns of other tables refer to it: it has a row for each tenant. It is the tenants' if
    /// the tenant reads its own row, with this column as the tenant's and no further key; else the platform's.
    Register {
        /// Its column that others refer to.
        column: Box<str>,
    },
    /// Tables that are tenants', or refer to such, refer to it. Most likely it is shared.
    ReferredTo {
        /// One of them.
        by: Box<str>,
    },
    /// No foreign key connects it with a table that has the tenant's column.
    Unconnected,
}

/// Reads what tables there are, whose they seem to be, and what stands in the way of isolating them.
///
/// A table with a column of one of the names `tenant_columns` is taken for tenants'; the first name that it
/// has counts. Partitions, tables of extensions and what this crate has installed are left out. The role needs
/// no right to any table.
///
/// # Errors
/// [`IntrospectError::Database`].
///
/// # Cancel safety
/// Nothing is changed.
pub async fn introspect(
    connection: &mut PgConnection,
    tenant_columns: &[&str],
) -> Result<Introspected, IntrospectError> {
    let catalog = facts::read(connection).await?;
    Ok(read(&catalog, tenant_columns))
}

/// What the facts mean.
fn read(catalog: &facts::Catalog, tenant_columns: &[&str]) -> Introspected {
    let by_table = tables::Tables::of(&catalog.facts);
    let mut tables = looks::tables(&by_table, tenant_columns)
        .into_iter()
        .map(|found| declare::table(catalog, &by_table, tenant_columns, found))
        .collect::<Vec<_>>();
    refused::mark(&mut tables);
    let searches = searches::candidates(catalog, &by_table, &tables);
    Introspected {
        findings: of_schema(&catalog.facts, &known(&tables)),
        tables,
        searches,
    }
}

/// The isolation of those tables that are known to be tenants', for the audit's rules about tables. No parents:
/// they would have to be known, too.
fn known(tables: &[FoundTable]) -> Isolation {
    let tables = tables
        .iter()
        .filter(|found| found.looks == Looks::Tenants)
        .map(|found| found.table.clone().without_parents())
        .filter(|table| Manifest::new([table.clone()]).is_ok());
    let mut names: HashSet<Box<str>> = HashSet::new();
    let tables = tables.filter(|table| names.insert(table.name().into()));
    let manifest = Manifest::new(tables).expect("each is valid, and no two have one name");
    let roles = Roles::named("nobody").expect("a plain name");
    Isolation::new(&manifest, roles, IsolationMode::Plain)
}

impl Introspected {
    /// All tables, in order of schema and name.
    #[must_use]
    pub fn tables(&self) -> &[FoundTable] {
        &self.tables
    }

    /// What the audit will find of the schema when nothing is changed, in order of check and object: columns and keys of
    /// those tables that look like tenants', and views and functions that act with their owners' rights.
    #[must_use]
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Searches that would use the indexes from which row security keeps queries, as far as they can be
    /// guessed. The application makes them or not; none belongs to the manifest before a person says so.
    #[must_use]
    pub fn search_candidates(&self) -> &[SearchFunction] {
        &self.searches
    }

    /// The manifest, when each table is known to be tenants'.
    ///
    /// # Errors
    /// [`IntrospectError::Undecided`] when a person has to say of some tables whose they are,
    /// [`IntrospectError::Declaration`] when the tables make no manifest, such as those of a cycle.
    pub fn manifest(&self) -> Result<Manifest, IntrospectError> {
        let undecided: Vec<Box<str>> = self
            .tables
            .iter()
            .filter(|found| found.looks != Looks::Tenants)
            .map(|found| found.full_name().into())
            .collect();
        if !undecided.is_empty() {
            return Err(IntrospectError::Undecided { tables: undecided });
        }
        let tables = self.tables.iter().map(|found| found.table.clone());
        Ok(Manifest::new(tables)?)
    }
}

impl FoundTable {
    /// Its name with its schema.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.table.schema_name(), self.table.name())
    }
}
