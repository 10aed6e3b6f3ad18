//! The event trigger that closes tables which somebody makes without declaring them.

use std::collections::BTreeSet;

use crate::{
    TableKind,
    isolation::{Isolation, Net, Statement},
};

const DROP: &str =
    "DROP EVENT TRIGGER IF EXISTS tenancy_net;\nDROP FUNCTION IF EXISTS tenancy.net();";

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let statement = match isolation.net() {
        Net::Yes => Statement::new("net for tables made by hand", net(isolation)),
        // Taking away one that is not there needs no superuser.
        Net::No => Statement::new("no net for tables made by hand", DROP),
    };
    vec![statement]
}

/// A table with a tenant's column is closed to everybody but its superusers until it is declared: nobody has
/// a policy on it. Declared tables are left alone, so that a migration may open one to its owner for a while.
/// Temporary tables end with their session. The function stays the administrator's: it runs in everybody's
/// session, superusers' too, so nobody else may change it.
fn net(isolation: &Isolation) -> String {
    let tables = isolation.manifest().tables().iter();
    let columns: BTreeSet<&str> = tables
        .filter_map(|table| match table.kind() {
            TableKind::Tenant { tenant_column, .. } => Some(&**tenant_column),
            TableKind::SharedRead | TableKind::ControlPlane => None,
        })
        .chain(["tenant_id"])
        .collect();
    let columns: Vec<String> = columns.iter().map(|name| format!("'{name}'")).collect();
    let columns = columns.join(", ");
    format!(
        "{DROP}
CREATE FUNCTION tenancy.net() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    made regclass;
BEGIN
    FOR made IN
        SELECT DISTINCT c.oid FROM pg_event_trigger_ddl_commands() d
        JOIN pg_class c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
        JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
            AND c.relnamespace <> 'tenancy'::regnamespace
            AND a.attname IN ({columns})
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            AND NOT EXISTS (
                SELECT FROM pg_policy p
                WHERE p.polrelid = c.oid AND p.polname ~ '^tenancy_floor_'
            )
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', made);
        RAISE WARNING 'tenancy: table % is closed until the manifest declares it', made;
    END LOOP;
END
$function$;
REVOKE ALL ON FUNCTION tenancy.net() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_net ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
    EXECUTE FUNCTION tenancy.net();"
    )
}
