//! Ownership and row security of the declared tables.

use super::{plainly, qualified};
use crate::{
    Table,
    isolation::{
        Isolation, Statement,
        policy::{NAMES, policies},
    },
};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let owner = isolation.roles().owner();
    let tables = isolation.manifest().tables();
    let owned = tables.iter().map(|table| {
        let sql = format!("ALTER TABLE {} OWNER TO \"{owner}\";", qualified(table));
        Statement::new(format!("owner of {}", plainly(table)), sql)
    });
    let guarded = tables
        .iter()
        .filter_map(|table| row_security(isolation, table));
    owned.chain(guarded).collect()
}

/// `FORCE`, since a table's owner is asked no policy otherwise.
///
/// Our policies are made anew, so that one that was altered under its old name is healed, too. Others' are
/// left alone: the floor holds below them.
fn row_security(isolation: &Isolation, table: &Table) -> Option<Statement> {
    let policies = policies(table, isolation.roles(), isolation.mode())?;
    let name = qualified(table);
    let mut sql = format!(
        "ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
DO $tenancy$
DECLARE
    ours text;
BEGIN
    FOR ours IN
        SELECT polname FROM pg_catalog.pg_policy
        WHERE polrelid = '{name}'::regclass AND polname ~ '{NAMES}'
    LOOP
        EXECUTE format('DROP POLICY %I ON {name}', ours);
    END LOOP;
END
$tenancy$;"
    );
    for policy in policies {
        sql.push_str(&format!(
            "\nCREATE POLICY {} ON {name}\n    {};",
            policy.name, policy.body
        ));
    }
    Some(Statement::new(format!("rows of {}", plainly(table)), sql))
}
