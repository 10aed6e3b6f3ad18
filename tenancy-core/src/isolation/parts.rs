//! The statements, part by part. Identifiers are plain ones, checked where they were declared, so that quotes
//! around them are enough.

mod guard;
mod large_objects;
mod net;
mod partitions;
mod privileges;
mod roles;
mod rows;
mod schema;
mod searches;
mod strangers;
mod version;

pub(super) use guard::setting;
pub(super) use large_objects::ARE_OF_LARGE_OBJECTS;
pub(super) use strangers::refuse as refuse_strangers;

use super::{Isolation, Statement};
use crate::Table;

/// In order: each part uses what the parts before it have made.
pub(super) fn all(isolation: &Isolation) -> Vec<Statement> {
    [
        strangers::refuse,
        version::refuse_newer,
        roles::statements,
        schema::statements,
        guard::statements,
        privileges::database,
        large_objects::statements,
        rows::statements,
        privileges::tables,
        partitions::statements,
        searches::statements,
        rows::forget,
        net::statements,
        version::record,
    ]
    .into_iter()
    .flat_map(|part| part(isolation))
    .collect()
}

/// A table's name with its schema, quoted.
fn qualified(table: &Table) -> String {
    format!("\"{}\".\"{}\"", table.schema_name(), table.name())
}

/// The same for people.
fn plainly(table: &Table) -> String {
    format!("{}.{}", table.schema_name(), table.name())
}
