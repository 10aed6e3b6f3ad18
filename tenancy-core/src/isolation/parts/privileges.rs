//! Who may do what: everything is taken away and exactly what is needed is given, in one transaction.

use super::{plainly, qualified};
use crate::{
    Table, TableKind,
    isolation::{Isolation, Statement},
};

/// The database and the schemas.
pub(super) fn database(isolation: &Isolation) -> Vec<Statement> {
    let mut statements = vec![connections(isolation), defaults(isolation)];
    statements.extend(
        isolation
            .schemas()
            .into_iter()
            .map(|name| schema(isolation, name)),
    );
    statements
}

/// A temporary table hides the real one of its name from everybody who is served by the same connection later.
fn connections(isolation: &Isolation) -> Statement {
    let roles = isolation.roles();
    let (app, mover, auditor) = (roles.app(), roles.mover(), roles.auditor());
    let sql = format!(
        "DO $tenancy$
BEGIN
    EXECUTE format('REVOKE CREATE, TEMPORARY ON DATABASE %I FROM PUBLIC, \"{app}\"', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO \"{app}\", \"{mover}\", \"{auditor}\"', current_database());
END
$tenancy$;"
    );
    Statement::new("connections, and no temporary tables", sql)
}

/// Tables that are made later give nothing to the application until they are declared.
fn defaults(isolation: &Isolation) -> Statement {
    let app = isolation.roles().app();
    let sql = format!(
        "DO $tenancy$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT DISTINCT maker.rolname AS maker, n.nspname AS schema,
            CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' ELSE 'SEQUENCES' END AS kind,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE '\"{app}\"' END AS grantee
        FROM pg_catalog.pg_default_acl d
        CROSS JOIN LATERAL aclexplode(d.defaclacl) a
        JOIN pg_catalog.pg_roles maker ON maker.oid = d.defaclrole
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
        WHERE d.defaclobjtype IN ('r', 'S')
            AND a.grantee IN (0, (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = '{app}'))
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', given.maker)
            || CASE WHEN given.schema IS NULL THEN '' ELSE format(' IN SCHEMA %I', given.schema) END
            || format(' REVOKE ALL ON %s FROM %s', given.kind, given.grantee);
    END LOOP;
END
$tenancy$;"
    );
    Statement::new("no default privileges", sql)
}

fn schema(isolation: &Isolation, name: &str) -> Statement {
    let roles = isolation.roles();
    let (owner, app, mover) = (roles.owner(), roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let sql = format!(
        "REVOKE CREATE ON SCHEMA \"{name}\" FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";
GRANT USAGE, CREATE ON SCHEMA \"{name}\" TO \"{owner}\";
GRANT USAGE ON SCHEMA \"{name}\" TO \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";"
    );
    Statement::new(format!("schema {name}"), sql)
}

/// The tables. Nobody truncates (it asks no policy), and nobody refers to tables or hangs triggers on them.
pub(super) fn tables(isolation: &Isolation) -> Vec<Statement> {
    let tables = isolation.manifest().tables().iter();
    tables.map(|table| grants(isolation, table)).collect()
}

fn grants(isolation: &Isolation, table: &Table) -> Statement {
    const ROWS: &str = "SELECT, INSERT, UPDATE, DELETE";
    let roles = isolation.roles();
    let (app, mover) = (roles.app(), roles.mover());
    let (auditor, search) = (roles.auditor(), roles.search());
    let name = qualified(table);
    let given = match table.kind() {
        TableKind::Tenant { .. } => format!("GRANT {ROWS} ON {name} TO \"{app}\", \"{mover}\";"),
        TableKind::SharedRead => format!("GRANT SELECT ON {name} TO \"{app}\", \"{mover}\";"),
        TableKind::ControlPlane => format!("GRANT {ROWS} ON {name} TO \"{mover}\";"),
    };
    let sql = format!(
        "REVOKE ALL ON {name} FROM PUBLIC, \"{app}\", \"{mover}\", \"{auditor}\", \"{search}\";\n{given}"
    );
    Statement::new(format!("grants on {}", plainly(table)), sql)
}
