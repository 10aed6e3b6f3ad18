//! The event trigger that closes tables which somebody makes without declaring them.

use crate::isolation::{Isolation, Net, Statement};

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
///
/// What can have no row security, a foreign table or a materialized view, has its rights taken away instead:
/// default privileges may have given some. A later grant is found by the audit alone.
fn net(isolation: &Isolation) -> String {
    let app = isolation.roles().app();
    let columns = isolation.tenant_columns();
    let columns: Vec<String> = columns.iter().map(|name| format!("'{name}'")).collect();
    let columns = columns.join(", ");
    format!(
        "{DROP}
CREATE FUNCTION tenancy.net() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
    made regclass;
    has_rows boolean;
BEGIN
    FOR made, has_rows IN
        -- What is said to a table is done to the tables below it.
        WITH RECURSIVE touched AS (
            SELECT d.objid AS oid FROM pg_event_trigger_ddl_commands() d WHERE d.classid = 'pg_class'::regclass
            UNION SELECT i.inhrelid FROM touched JOIN pg_inherits i ON i.inhparent = touched.oid
        )
        SELECT DISTINCT c.oid, c.relkind IN ('r', 'p') FROM touched
        JOIN pg_class c ON c.oid = touched.oid
        JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'
            AND c.relnamespace <> 'tenancy'::regnamespace
            AND a.attname IN ({columns})
            AND NOT (c.relrowsecurity AND c.relforcerowsecurity)
            AND NOT EXISTS (
                SELECT FROM pg_policy p
                WHERE p.polrelid = c.oid AND p.polname ~ '^tenancy_floor_'
            )
    LOOP
        IF has_rows THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', made);
        ELSE
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, \"{app}\"', made);
        END IF;
        RAISE WARNING 'tenancy: table % is closed until the manifest declares it', made;
    END LOOP;
END
$function$;
REVOKE ALL ON FUNCTION tenancy.net() FROM PUBLIC;
CREATE EVENT TRIGGER tenancy_net ON ddl_command_end
    WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE', 'CREATE SCHEMA',
        'CREATE FOREIGN TABLE', 'ALTER FOREIGN TABLE', 'IMPORT FOREIGN SCHEMA', 'CREATE MATERIALIZED VIEW')
    EXECUTE FUNCTION tenancy.net();"
    )
}
