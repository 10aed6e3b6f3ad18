//! Who tries out: a role that sees the canaries, can become the application, and can do little else.

use sqlx::PgConnection;

use super::super::AuditError;
use crate::isolation::{Isolation, IsolationMode, Statement};

/// What makes the role that the [`probe`](super::probe()) connects as, `{prefix}_prober`, once for each cell
/// and by an administrator. It logs in, so it needs a password or whatever else your cluster asks for.
///
/// It has the mover's rights and the application's, writes rows without triggers, and in a sealed cell reads
/// the key of transactions: it is as powerful as the mover, and as a process that moves tenants should be kept.
#[must_use]
pub fn prober(isolation: &Isolation) -> Vec<Statement> {
    let roles = isolation.roles();
    let (prober, app, mover) = (roles.prober(), roles.app(), roles.mover());
    let role = format!(
        "DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{prober}') THEN
        CREATE ROLE \"{prober}\" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION BYPASSRLS;
    END IF;
END
$tenancy$;"
    );
    let rights = format!(
        "GRANT \"{app}\", \"{mover}\" TO \"{prober}\";
GRANT SET ON PARAMETER session_replication_role TO \"{prober}\";"
    );
    let mut statements = vec![
        Statement::new(format!("role {prober}"), role),
        Statement::new(format!("rights of {prober}"), rights),
    ];
    if isolation.mode() == IsolationMode::Sealed {
        let keys = format!(
            "GRANT SELECT ON tenancy.transaction_key TO \"{prober}\";
GRANT SELECT (id, not_after) ON tenancy.seal_key TO \"{prober}\";"
        );
        statements.push(Statement::new(format!("keys for {prober}"), keys));
    }
    statements
}

/// `SET` is a right of a membership since Postgres 16.
const ROLE: &str = "SELECT rolname::text, rolsuper, rolbypassrls,
    coalesce(pg_has_role(rolname, (SELECT oid FROM pg_roles WHERE rolname = $1),
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END), false)
    FROM pg_catalog.pg_roles WHERE rolname = current_user";

pub(super) async fn check(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<(), AuditError> {
    let (role, is_super, bypasses, becomes): (String, bool, bool, bool) = sqlx::query_as(ROLE)
        .bind(isolation.roles().app())
        .persistent(false)
        .fetch_one(connection)
        .await?;
    let why = match (is_super, bypasses, becomes) {
        (true, ..) => "is a superuser, which whatever a view calls could become",
        (_, false, _) => "does not see all rows",
        (_, _, false) => "cannot become the application",
        _ => return Ok(()),
    };
    Err(AuditError::Prober {
        role: role.into(),
        why,
    })
}
