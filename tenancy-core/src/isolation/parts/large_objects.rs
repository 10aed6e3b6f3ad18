//! Large objects know no tenants: each belongs to a role, and the application is one role for all tenants.

use crate::isolation::{Isolation, Statement};

/// Postgres's functions that make, read, write and delete large objects, by a condition on `pg_proc p`.
pub(in crate::isolation) const ARE_OF_LARGE_OBJECTS: &str =
    "p.pronamespace = 'pg_catalog'::regnamespace AND p.proname ~ '^lo_|^lo(read|write)$'";

/// Takes them away from everybody. Only a superuser may: without one they stay, and the audit says so.
pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let app = isolation.roles().app();
    let sql = format!(
        "DO $tenancy$
DECLARE
    one regprocedure;
    may boolean;
BEGIN
    FOR one, may IN
        SELECT p.oid, pg_has_role(p.proowner, 'USAGE') FROM pg_catalog.pg_proc p
        WHERE {ARE_OF_LARGE_OBJECTS} AND has_function_privilege('{app}', p.oid, 'EXECUTE')
        ORDER BY p.oid
    LOOP
        IF may THEN
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC, \"{app}\"', one);
        ELSE
            RAISE WARNING 'tenancy: a superuser has to revoke EXECUTE on % from PUBLIC', one;
        END IF;
    END LOOP;
END
$tenancy$;"
    );
    vec![Statement::new("no large objects", sql)]
}
