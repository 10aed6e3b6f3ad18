//! What is looked at before a database becomes a cell.

use sqlx::PgConnection;
use tenancy_core::isolation::Roles;

/// Why a database cannot become a cell through this connection. Nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The role may not do what is to be done.
    #[error("{role} is no administrator of the database: {}", missing.join(", "))]
    NotAdmin {
        /// The role.
        role: String,
        /// What it lacks, or is lacking for it.
        missing: Vec<String>,
    },
    /// The database does not store Unicode as UTF-8: what is longer or other than ASCII would be cut or refused.
    #[error("the encoding of the database is {found}, and a cell's is UTF8")]
    Encoding {
        /// What it is.
        found: String,
    },
    /// The schema `tenancy` holds something else.
    #[error("the schema tenancy is not this program's: {}", objects.join(", "))]
    Foreign {
        /// What it holds.
        objects: Vec<String>,
    },
}

/// What there is before anything is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Whether the administrator is above all rights.
    pub(super) superuser: bool,
    /// Whether the application's role is there already. The mover's and the search's may have been made for an
    /// administrator who is no superuser.
    pub(super) app: bool,
    /// Another database of the server in which the cell's roles own something, or have rights.
    pub(super) elsewhere: Option<String>,
}

const ROLE: &str = "SELECT r.rolname::text, r.rolsuper, r.rolcreaterole,
        pg_has_role(r.oid, d.datdba, 'USAGE')
    FROM pg_roles r, pg_database d
    WHERE r.rolname = current_user AND d.datname = current_database()";

const ROLES: &str = "SELECT rolname::text, rolbypassrls FROM pg_roles WHERE rolname = ANY($1)";

const ENCODING: &str = "SELECT pg_encoding_to_char(encoding)::text FROM pg_database
    WHERE datname = current_database()";

const ELSEWHERE: &str = "SELECT d.datname::text FROM pg_shdepend s
    JOIN pg_roles r ON r.oid = s.refobjid AND s.refclassid = 'pg_authid'::regclass
    JOIN pg_database d ON d.oid = s.dbid
    WHERE r.rolname = ANY($1) AND d.datname <> current_database()
    ORDER BY 1 LIMIT 1";

/// Tables that are not the isolation's; without its own table of versions, everything else too.
const FOREIGN: &str = "WITH ours AS (
        SELECT EXISTS (
            SELECT FROM pg_attribute
            WHERE attrelid = to_regclass('tenancy.format') AND attname = 'version' AND NOT attisdropped
        ) AS there
    ), object AS (
        SELECT 'relation ' || relname AS name,
            relname NOT IN ('format', 'fence', 'seal_key', 'transaction_key') AS unknown
        FROM pg_class
        WHERE relnamespace = to_regnamespace('tenancy') AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
        UNION ALL
        SELECT 'function ' || proname, false FROM pg_proc WHERE pronamespace = to_regnamespace('tenancy')
    )
    SELECT object.name FROM object, ours WHERE object.unknown OR NOT ours.there ORDER BY 1 LIMIT 10";

/// Looks whether the connection's role can make a cell of its database.
///
/// # Errors
/// [`AdminError`] in the inner result.
pub(super) async fn check(
    connection: &mut PgConnection,
    roles: &Roles,
) -> Result<Result<Found, AdminError>, sqlx::Error> {
    let (role, superuser, creates, owns): (String, bool, bool, bool) =
        sqlx::query_as(ROLE).fetch_one(&mut *connection).await?;
    let names = [
        roles.owner(),
        roles.app(),
        roles.mover(),
        roles.auditor(),
        roles.search(),
    ];
    let there: Vec<(String, bool)> = sqlx::query_as(ROLES)
        .bind(&names)
        .fetch_all(&mut *connection)
        .await?;
    let found: String = sqlx::query_scalar(ENCODING)
        .fetch_one(&mut *connection)
        .await?;
    if found != "UTF8" {
        return Ok(Err(AdminError::Encoding { found }));
    }
    if !superuser {
        let bypassing = [roles.mover(), roles.search()];
        let lacking = bypassing
            .iter()
            .filter(|name| !there.contains(&((*name).clone(), true)));
        let mut missing: Vec<String> = lacking
            .map(|name| format!("only a superuser makes {name}, which bypasses row security"))
            .collect();
        if !creates {
            missing.push("it may not make roles (CREATEROLE)".to_owned());
        }
        if !owns {
            missing.push("it does not own the database".to_owned());
        }
        if !missing.is_empty() {
            return Ok(Err(AdminError::NotAdmin { role, missing }));
        }
    }
    let elsewhere = sqlx::query_scalar(ELSEWHERE)
        .bind(&names)
        .fetch_optional(&mut *connection)
        .await?;
    let objects: Vec<String> = sqlx::query_scalar(FOREIGN).fetch_all(connection).await?;
    if !objects.is_empty() {
        return Ok(Err(AdminError::Foreign { objects }));
    }
    Ok(Ok(Found {
        superuser,
        app: there.iter().any(|(name, _)| *name == roles.app()),
        elsewhere,
    }))
}
