use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};

use super::{AuditError, AuditReceipt};
use crate::isolation::{Isolation, IsolationMode, SealKey};

/// Looks at the application's connection before tenants are served through it: its role, the guard, and the
/// row security of each declared table.
///
/// # Errors
/// [`AuditError::Unsafe`] with everything that was found.
///
/// # Cancel safety
/// Nothing is changed.
pub async fn boot(
    app: PgConnectOptions,
    isolation: &Isolation,
    key: Option<SealKey>,
) -> Result<AuditReceipt, AuditError> {
    if key.is_some() != (isolation.mode() == IsolationMode::Sealed) {
        return Err(AuditError::Key);
    }
    let mut connection = PgConnection::connect_with(&app).await?;
    let mut findings = role(&mut connection, isolation).await?;
    findings.extend(functions(&mut connection, isolation).await?);
    findings.extend(tables(&mut connection, isolation).await?);
    connection.close().await?;
    if findings.is_empty() {
        Ok(AuditReceipt { app, key })
    } else {
        Err(AuditError::Unsafe { findings })
    }
}

/// What row security does not bind, or what could become such a role.
const ROLE: &str =
    "SELECT rolname::text, rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication,
        EXISTS (SELECT FROM pg_auth_members m WHERE m.member = r.oid)
    FROM pg_roles r WHERE rolname = session_user";

async fn role(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Vec<String>, sqlx::Error> {
    let (name, mighty, member): (String, bool, bool) =
        sqlx::query_as(ROLE).fetch_one(connection).await?;
    let mut findings = Vec::new();
    if name != isolation.roles().app() {
        findings.push(format!(
            "the connection is {name}'s, not {}'s",
            isolation.roles().app()
        ));
    }
    if mighty {
        findings.push(format!(
            "{name} is above row security, or can make itself so"
        ));
    }
    if member {
        findings.push(format!("{name} can become another role"));
    }
    Ok(findings)
}

/// `s` and `v` are `STABLE` and `VOLATILE`.
const FUNCTIONS: &str = "SELECT p.proname::text, p.provolatile::text, p.prosecdef
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'tenancy' AND p.proname IN ('current_tenant', 'enter', 'leave')
    ORDER BY p.proname";

async fn functions(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Vec<String>, sqlx::Error> {
    let found: Vec<(String, String, bool)> =
        sqlx::query_as(FUNCTIONS).fetch_all(connection).await?;
    let sealed = isolation.mode() == IsolationMode::Sealed;
    let expected = [
        ("current_tenant", "s", sealed),
        ("enter", "v", true),
        ("leave", "v", false),
    ];
    let as_expected = found
        .iter()
        .map(|(name, volatility, definer)| (&**name, &**volatility, *definer))
        .eq(expected);
    if as_expected {
        Ok(Vec::new())
    } else {
        Ok(vec![format!(
            "the functions of the guard are {found:?}, not {expected:?}"
        )])
    }
}

const TABLES: &str = "SELECT c.relrowsecurity AND c.relforcerowsecurity,
        array(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY p.polname)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname = $2";

async fn tables(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<Vec<String>, sqlx::Error> {
    let mut findings = Vec::new();
    for table in isolation.manifest().tables() {
        let Some(mut expected) = isolation.policies_of(table) else {
            continue;
        };
        expected.sort();
        let (schema, name) = (table.schema_name(), table.name());
        let found: Option<(bool, Vec<String>)> = sqlx::query_as(TABLES)
            .bind(schema)
            .bind(name)
            .fetch_optional(&mut *connection)
            .await?;
        findings.extend(match found {
            None => Some(format!("{schema}.{name} is missing")),
            Some((false, _)) => Some(format!("{schema}.{name} has no forced row security")),
            Some((true, policies)) if policies != expected => Some(format!(
                "the policies of {schema}.{name} are {policies:?}, not {expected:?}"
            )),
            Some(_) => None,
        });
    }
    Ok(findings)
}
