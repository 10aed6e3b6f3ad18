//! What stands in a cell, as far as an installation may change it: compared before and after, so that an
//! installation can say what it did instead of what it tried.

use std::{collections::BTreeMap, fmt};

use sqlx::{AssertSqlSafe, PgConnection};

use crate::isolation::{InstallError, Isolation, parts::ARE_OF_LARGE_OBJECTS};

/// One thing that an installation made, changed or dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is, such as `policy tenancy_rows_0123456789ab on public.product`.
    pub object: Box<str>,
    /// What happened to it.
    pub what: WhatChanged,
}

/// What happened to an object. Exhaustive on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhatChanged {
    /// It was not there before.
    Made,
    /// It is other than before.
    Altered,
    /// It is not there any more.
    Dropped,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            WhatChanged::Made => "made",
            WhatChanged::Altered => "altered",
            WhatChanged::Dropped => "dropped",
        };
        write!(f, "{what} {}", self.object)
    }
}

/// Objects and what they are, as text. Access lists are sorted, since a grant that is taken away and given
/// again changes its place.
const STATE: &str = r#"
WITH acl AS (
    SELECT 'c' AS of, oid, relacl AS list FROM pg_class
    UNION ALL SELECT 'n', oid, nspacl FROM pg_namespace
    UNION ALL SELECT 'p', oid, proacl FROM pg_proc
    UNION ALL SELECT 'd', oid, datacl FROM pg_database
    UNION ALL SELECT 'a', oid, defaclacl FROM pg_default_acl
), rights AS (
    SELECT of, oid, (SELECT string_agg(item::text, ' ' ORDER BY item::text) FROM unnest(list) item) AS list
    FROM acl
), role AS (
    SELECT * FROM pg_roles WHERE rolname = ANY($1::text[])
)
SELECT 'role ' || rolname, concat_ws(' ', rolcanlogin, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication)
FROM role
UNION ALL
SELECT 'membership of ' || role.rolname || ' in ' || m.roleid::regrole, ''
FROM pg_auth_members m JOIN role ON role.oid = m.member
UNION ALL
SELECT 'settings of ' || coalesce(role.rolname, 'the database'), s.setconfig::text
FROM pg_db_role_setting s LEFT JOIN role ON role.oid = s.setrole
WHERE (role.oid IS NOT NULL OR s.setrole = 0)
    AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
UNION ALL
SELECT 'database ' || d.datname, rights.list
FROM pg_database d JOIN rights ON rights.of = 'd' AND rights.oid = d.oid WHERE d.datname = current_database()
UNION ALL
SELECT 'schema ' || n.nspname, concat_ws(' ', n.nspowner::regrole, rights.list)
FROM pg_namespace n JOIN rights ON rights.of = 'n' AND rights.oid = n.oid
WHERE n.nspname = ANY($2::text[]) OR n.nspname = 'tenancy'
UNION ALL
SELECT concat_ws(' ', 'default privileges of', a.defaclrole::regrole, a.defaclobjtype, a.defaclnamespace), rights.list
FROM pg_default_acl a JOIN rights ON rights.of = 'a' AND rights.oid = a.oid
UNION ALL
SELECT 'table ' || c.oid::regclass, concat_ws(' ', c.relowner::regrole, c.relrowsecurity, c.relforcerowsecurity, rights.list)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN rights ON rights.of = 'c' AND rights.oid = c.oid
WHERE c.relkind IN ('r', 'p') AND (n.nspname = ANY($2::text[]) OR n.nspname = 'tenancy')
UNION ALL
SELECT 'policy ' || p.polname || ' on ' || p.polrelid::regclass, concat_ws(' ', p.polpermissive, p.polcmd,
    (SELECT string_agg(one::regrole::text, ' ' ORDER BY one::regrole::text) FROM unnest(p.polroles) one),
    pg_get_expr(p.polqual, p.polrelid), '/', pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p
UNION ALL
SELECT 'function ' || f.oid::regprocedure, concat_ws(' ', f.proowner::regrole, rights.list, pg_get_functiondef(f.oid))
FROM pg_proc f JOIN rights ON rights.of = 'p' AND rights.oid = f.oid
WHERE f.pronamespace = to_regnamespace('tenancy')
UNION ALL
SELECT 'rights on large objects', string_agg(concat_ws(' ', p.oid::regprocedure, rights.list), ' ' ORDER BY p.oid)
FROM pg_proc p JOIN rights ON rights.of = 'p' AND rights.oid = p.oid
WHERE $large_objects
UNION ALL
SELECT 'event trigger ' || evtname, concat_ws(' ', evtevent, evtenabled, evttags::text) FROM pg_event_trigger
"#;

pub(super) type State = BTreeMap<String, String>;

pub(super) async fn read(
    connection: &mut PgConnection,
    isolation: &Isolation,
) -> Result<State, InstallError> {
    let roles = isolation.roles();
    let roles = [
        roles.owner(),
        roles.app(),
        roles.mover(),
        roles.auditor(),
        roles.search(),
    ];
    let state = STATE.replace("$large_objects", ARE_OF_LARGE_OBJECTS);
    let rows: Vec<(String, Option<String>)> = sqlx::query_as(AssertSqlSafe(state))
        .bind(roles)
        .bind(isolation.schemas())
        .fetch_all(&mut *connection)
        .await?;
    let mut state: State = rows
        .into_iter()
        .map(|(object, definition)| (object, definition.unwrap_or_default()))
        .collect();
    state.extend(versions(connection).await?);
    state.extend(keys(connection).await?);
    Ok(state)
}

async fn versions(connection: &mut PgConnection) -> Result<State, InstallError> {
    let stands: bool = sqlx::query_scalar("SELECT to_regclass('tenancy.format') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !stands {
        return Ok(State::new());
    }
    let rows: Vec<(String, String)> =
        sqlx::query_as("SELECT 'version of ' || part, version::text FROM tenancy.format")
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().collect())
}

async fn keys(connection: &mut PgConnection) -> Result<State, InstallError> {
    let stands: bool = sqlx::query_scalar("SELECT to_regclass('tenancy.seal_key') IS NOT NULL")
        .fetch_one(&mut *connection)
        .await?;
    if !stands {
        return Ok(State::new());
    }
    let keys = "SELECT 'seal key ' || id, coalesce(not_after::text, '') FROM tenancy.seal_key";
    let rows: Vec<(String, String)> = sqlx::query_as(keys).fetch_all(connection).await?;
    Ok(rows.into_iter().collect())
}

/// In order of name.
pub(super) fn changes(before: &State, after: &State) -> Vec<Change> {
    let dropped = before
        .keys()
        .filter(|object| !after.contains_key(*object))
        .map(|object| (object, WhatChanged::Dropped));
    let others = after.iter().filter_map(|(object, now)| {
        let what = match before.get(object) {
            None => WhatChanged::Made,
            Some(then) if then != now => WhatChanged::Altered,
            Some(_) => return None,
        };
        Some((object, what))
    });
    let mut changes: Vec<Change> = dropped
        .chain(others)
        .map(|(object, what)| Change {
            object: object.as_str().into(),
            what,
        })
        .collect();
    changes.sort_by(|a, b| a.object.cmp(&b.object));
    changes
}

#[cfg(test)]
mod tests {
    use super::{State, changes};

    #[test]
    fn a_comparison_names_what_differs() {
        let state = |pairs: &[(&str, &str)]| -> State {
            pairs
                .iter()
                .map(|(object, text)| ((*object).to_owned(), (*text).to_owned()))
                .collect()
        };
        let before = state(&[("a", "1"), ("b", "1"), ("d", "1")]);
        let after = state(&[("b", "2"), ("c", "1"), ("d", "1")]);
        let found: Vec<String> = changes(&before, &after)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, ["dropped a", "altered b", "made c"]);
        assert_eq!(changes(&after, &after), []);
    }
}
