//! Hash partitions. Rows are reached through the parent, whose policies hold; a partition itself has none, and
//! is closed.

use super::{plainly, qualified};
use crate::{
    Table,
    isolation::{Isolation, Statement},
};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let tables = isolation.manifest().tables().iter();
    tables
        .flat_map(|table| {
            let modulus = table.partitions().map_or(0, u16::from);
            (0..modulus).map(move |remainder| partition(isolation, table, modulus, remainder))
        })
        .collect()
}

fn partition(isolation: &Isolation, table: &Table, modulus: u16, remainder: u16) -> Statement {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let (parent, child) = (qualified(table), table.partition(remainder));
    let name = format!("\"{}\".\"{child}\"", table.schema_name());
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent}
    FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder});
ALTER TABLE {name} OWNER TO \"{owner}\";
REVOKE ALL ON {name} FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";
ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    );
    Statement::new(format!("partition {remainder} of {}", plainly(table)), sql)
}
