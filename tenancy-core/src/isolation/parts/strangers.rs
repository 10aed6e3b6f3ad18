//! What stands in the schema `tenancy` before an installation is either its own or a trap: reading a view, or
//! writing to a table with a trigger, runs somebody else's code with the administrator's rights.

use crate::isolation::{Isolation, Statement, sqlstate::STRANGERS};

/// Goes before everything that reads or writes there.
pub(in crate::isolation) fn refuse(isolation: &Isolation) -> Vec<Statement> {
    let owner = isolation.roles().owner();
    let sql = format!(
        "DO $tenancy$
DECLARE
    stranger text;
BEGIN
    SELECT found.what INTO stranger FROM (
        SELECT format('schema tenancy of %s', pg_get_userbyid(n.nspowner)) AS what
        FROM pg_catalog.pg_namespace n
        WHERE n.nspname = 'tenancy' AND pg_get_userbyid(n.nspowner) <> '{owner}'
        UNION ALL
        SELECT format('relation tenancy.%s of %s, of kind %s', c.relname, pg_get_userbyid(c.relowner), c.relkind)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy' AND c.relkind <> 'i'
            AND (c.relkind <> 'r' OR pg_get_userbyid(c.relowner) <> '{owner}')
        UNION ALL
        SELECT format('trigger %s on tenancy.%s', t.tgname, c.relname)
        FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy' AND NOT t.tgisinternal
        UNION ALL
        SELECT format('rule %s on tenancy.%s', r.rulename, c.relname)
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'tenancy'
        UNION ALL
        SELECT format('relation public.%s of %s, of kind %s', c.relname, pg_get_userbyid(c.relowner), c.relkind)
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles r ON r.oid = c.relowner
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = 'public' AND c.relname IN ('tenancy_fence', 'tenancy_format')
            AND (c.relkind <> 'r' OR NOT (r.rolsuper OR r.rolname IN ('{owner}', current_user)))
    ) found LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '{STRANGERS}', MESSAGE = stranger;
    END IF;
END
$tenancy$;"
    );
    vec![Statement::new("nothing of others in its place", sql)]
}
