//! Hash partitions. Rows are reached through the parent, whose policies hold; a partition itself has none, and
//! is closed.

use super::{plainly, qualified};
use crate::{
    Table,
    isolation::{Isolation, Statement, sqlstate::STRANGERS},
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

/// A table of the partition's name that is something else is left alone: it would be taken from its owner.
fn partition(isolation: &Isolation, table: &Table, modulus: u16, remainder: u16) -> Statement {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let (parent, child) = (qualified(table), table.partition(remainder));
    let name = format!("\"{}\".\"{child}\"", table.schema_name());
    let what = format!("partition {remainder} of {}", plainly(table));
    let sql = format!(
        "CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent}
    FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder});
DO $tenancy$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
        WHERE c.oid = '{name}'::regclass AND i.inhparent = '{parent}'::regclass
            AND pg_get_expr(c.relpartbound, c.oid)
                = 'FOR VALUES WITH (modulus {modulus}, remainder {remainder})'
    ) THEN
        RAISE EXCEPTION USING ERRCODE = '{STRANGERS}',
            MESSAGE = 'a relation {schema}.{child} that is not {what}';
    END IF;
END
$tenancy$;
ALTER TABLE {name} OWNER TO \"{owner}\";
REVOKE ALL ON {name} FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";
ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;",
        schema = table.schema_name(),
    );
    Statement::new(what, sql)
}
