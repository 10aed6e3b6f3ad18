use sqlx::PgConnection;

use crate::isolation::Roles;

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Role {
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) logs_in: bool,
    pub(in crate::isolation) bypasses: bool,
    /// Attributes that none of the cell's roles has, by name.
    pub(in crate::isolation) powers: Vec<String>,
    /// The roles that it can become and that can do anything: that have an attribute, own something here or have
    /// a right on something, or are Postgres's own.
    pub(in crate::isolation) memberships: Vec<String>,
}

const ROLES: &str = "
WITH RECURSIVE held (member, role) AS (
    SELECT member, roleid FROM pg_auth_members
    UNION SELECT held.member, m.roleid FROM held JOIN pg_auth_members m ON m.member = held.role
)
SELECT r.rolname::text AS name, r.rolcanlogin AS logs_in, r.rolbypassrls AS bypasses,
    array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
        CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN r.rolreplication THEN 'REPLICATION' END
    ], NULL) AS powers,
    array(
        SELECT one.rolname::text FROM held JOIN pg_roles one ON one.oid = held.role
        WHERE held.member = r.oid AND (
            one.rolsuper OR one.rolbypassrls OR one.rolcreaterole OR one.rolcreatedb OR one.rolreplication
            OR starts_with(one.rolname, 'pg_')
            OR EXISTS (
                SELECT FROM pg_shdepend d
                WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = one.oid
                    AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
            )
        )
        ORDER BY one.rolname
    ) AS memberships
FROM pg_roles r WHERE r.rolname = ANY($1) ORDER BY r.rolname";

pub(super) async fn read(
    connection: &mut PgConnection,
    roles: &Roles,
) -> Result<Vec<Role>, sqlx::Error> {
    let names = [
        roles.owner(),
        roles.app(),
        roles.mover(),
        roles.auditor(),
        roles.search(),
    ];
    sqlx::query_as(ROLES)
        .bind(names)
        .persistent(false)
        .fetch_all(connection)
        .await
}
