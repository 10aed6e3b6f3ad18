use sqlx::PgConnection;

use crate::isolation::Roles;

#[derive(Debug, sqlx::FromRow)]
pub(in crate::isolation) struct Role {
    pub(in crate::isolation) name: String,
    pub(in crate::isolation) logs_in: bool,
    pub(in crate::isolation) bypasses: bool,
    /// Attributes that none of the cell's roles has, by name.
    pub(in crate::isolation) powers: Vec<String>,
    /// The roles that it can become.
    pub(in crate::isolation) memberships: Vec<String>,
}

const ROLES: &str = "
SELECT r.rolname::text AS name, r.rolcanlogin AS logs_in, r.rolbypassrls AS bypasses,
    array_remove(ARRAY[
        CASE WHEN r.rolsuper THEN 'SUPERUSER' END,
        CASE WHEN r.rolcreaterole THEN 'CREATEROLE' END,
        CASE WHEN r.rolcreatedb THEN 'CREATEDB' END,
        CASE WHEN r.rolreplication THEN 'REPLICATION' END
    ], NULL) AS powers,
    array(
        SELECT held.rolname::text FROM pg_auth_members m JOIN pg_roles held ON held.oid = m.roleid
        WHERE m.member = r.oid ORDER BY held.rolname
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
