//! What is below the tables. Rows are reached through the table above, whose policies hold; what is below has
//! none, and is closed.

use super::{plainly, qualified};
use crate::{
    Table,
    isolation::{Isolation, Statement, sqlstate::STRANGERS},
};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let tables = isolation.manifest().tables().iter();
    let partitions = tables.flat_map(|table| {
        let modulus = table.partitions().map_or(0, u16::from);
        (0..modulus).map(move |remainder| partition(table, modulus, remainder))
    });
    partitions.chain(closed(isolation)).collect()
}

/// A table of the partition's name that is something else is left alone: it would be taken from its owner.
fn partition(table: &Table, modulus: u16, remainder: u16) -> Statement {
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
$tenancy$;",
        schema = table.schema_name(),
    );
    Statement::new(what, sql)
}

/// Partitions of whatever kind and tables that inherit, at any distance, but for those that are declared by
/// themselves. A foreign table among them has no row security.
fn closed(isolation: &Isolation) -> Option<Statement> {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let declared: Vec<String> = isolation
        .manifest()
        .tables()
        .iter()
        .map(|table| {
            let guarded = isolation.policies_of(table).is_some();
            format!("            ('{}'::regclass, {guarded})", qualified(table))
        })
        .collect();
    if declared.is_empty() {
        return None;
    }
    let declared = declared.join(",\n");
    let sql = format!(
        "DO $tenancy$
DECLARE
    below record;
BEGIN
    FOR below IN
        WITH RECURSIVE declared (oid, guarded) AS (
            VALUES
{declared}
        ), under (oid, guarded) AS (
            SELECT i.inhrelid, guarded FROM declared JOIN pg_inherits i ON i.inhparent = declared.oid
            UNION SELECT i.inhrelid, guarded FROM under JOIN pg_inherits i ON i.inhparent = under.oid
        )
        SELECT c.oid::regclass AS name, pg_get_userbyid(c.relowner) <> '{owner}' AS strange,
            bool_or(guarded) AND c.relkind IN ('r', 'p') AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AS open
        FROM under JOIN pg_class c ON c.oid = under.oid
        WHERE c.oid NOT IN (SELECT oid FROM declared)
        GROUP BY c.oid, c.relowner, c.relkind, c.relrowsecurity, c.relforcerowsecurity
    LOOP
        IF below.strange THEN
            EXECUTE format('ALTER TABLE %s OWNER TO \"{owner}\"', below.name);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\"', below.name);
        IF below.open THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', below.name);
        END IF;
    END LOOP;
END
$tenancy$;"
    );
    Some(Statement::new("what is below the tables", sql))
}
