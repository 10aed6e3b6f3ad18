//! Ownership and row security of the declared tables.

use super::{plainly, qualified};
use crate::{
    Table,
    isolation::{
        Isolation, Statement,
        policy::{NAMES, Policy, policies},
    },
};

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let tables = isolation.manifest().tables().iter();
    let mut statements = vec![stands(isolation)];
    statements.extend(locked(isolation));
    statements.extend(tables.map(|table| rows(isolation, table)));
    statements
}

/// Whether a table is as it is to be: what is right already is not touched, since changing it takes a lock that
/// keeps everybody out. Postgres writes a condition down with parentheses, casts and names that nobody gave it;
/// without these, and with the same literals, it is the same. What looks altered and is not is made anew.
fn stands(isolation: &Isolation) -> Statement {
    let (owner, app) = (isolation.roles().owner(), isolation.roles().app());
    let sql = format!(
        r#"CREATE OR REPLACE FUNCTION pg_temp.tenancy_words(condition text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT lower(regexp_replace(replace($1, '::text', ''), ' AS current_(setting|tenant|external)|[\s()"]', '', 'g'))
        || array_to_string(array(SELECT literal[1] FROM regexp_matches($1, '''[^'']*''', 'g') literal), ',')
$function$;
CREATE OR REPLACE FUNCTION pg_temp.tenancy_stands(
    declared regclass, policy_of_rows text, policy_of_floor text, condition text
) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
    SELECT pg_get_userbyid(c.relowner) = '{owner}' AND ($4 IS NULL OR (
        c.relrowsecurity AND c.relforcerowsecurity AND (
            SELECT count(*) = 2 AND bool_and(
                p.polname = CASE WHEN p.polpermissive THEN $2 ELSE $3 END
                AND p.polcmd = '*' AND p.polroles = ARRAY['{app}'::regrole::oid]
                AND pg_temp.tenancy_words(pg_get_expr(p.polqual, c.oid)) = pg_temp.tenancy_words($4)
                AND pg_temp.tenancy_words(pg_get_expr(p.polwithcheck, c.oid)) = pg_temp.tenancy_words($4)
            ) IS TRUE
            FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname ~ '{NAMES}'
        )
    ))
    FROM pg_class c WHERE c.oid = $1
$function$;"#
    );
    Statement::new("what stands already", sql)
}

pub(super) fn forget(_: &Isolation) -> Vec<Statement> {
    let sql = "DROP FUNCTION pg_temp.tenancy_stands(regclass, text, text, text);
DROP FUNCTION pg_temp.tenancy_words(text);";
    vec![Statement::new("nothing is left of the questions", sql)]
}

/// All tables that will be changed, at once: whoever waits for a second one while he keeps a first keeps
/// everybody waiting behind both. Nobody is kept for longer than half a second, after which all are let go
/// for a while.
fn locked(isolation: &Isolation) -> Option<Statement> {
    let owner = isolation.roles().owner();
    let tables = isolation.manifest().tables().iter();
    let declared: Vec<String> = tables
        .map(|table| {
            let (name, policies) = (qualified(table), named(isolation, table));
            let partitions = table.partitions().map_or(0, u16::from);
            let guarded = isolation.policies_of(table).is_some();
            format!("            ('{name}'::regclass, {partitions}, {guarded}, {policies})")
        })
        .collect();
    if declared.is_empty() {
        return None;
    }
    let declared = declared.join(",\n");
    let sql = format!(
        "DO $tenancy$
DECLARE
    changing text;
    again int := 20;
BEGIN
    WITH RECURSIVE declared (oid, partitions, guarded, policy_of_rows, policy_of_floor, condition) AS (
        VALUES
{declared}
    ), below (oid, guarded) AS (
        SELECT i.inhrelid, guarded FROM declared JOIN pg_inherits i ON i.inhparent = declared.oid
        UNION SELECT i.inhrelid, guarded FROM below JOIN pg_inherits i ON i.inhparent = below.oid
    ), stale (oid) AS (
        SELECT oid::oid FROM declared
        WHERE NOT pg_temp.tenancy_stands(oid, policy_of_rows, policy_of_floor, condition)
            OR (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = declared.oid) < partitions
        UNION SELECT c.oid FROM below JOIN pg_class c ON c.oid = below.oid
        WHERE c.relkind IN ('r', 'p') AND c.oid NOT IN (SELECT oid FROM declared)
            AND (pg_get_userbyid(c.relowner) <> '{owner}'
                OR (guarded AND NOT (c.relrowsecurity AND c.relforcerowsecurity)))
    )
    SELECT string_agg(oid::regclass::text, ', ' ORDER BY oid) INTO changing FROM stale;
    IF changing IS NULL THEN
        RETURN;
    END IF;
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '500ms', true);
            EXECUTE 'LOCK TABLE ' || changing || ' IN ACCESS EXCLUSIVE MODE';
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            again := again - 1;
            IF again = 0 THEN
                RAISE;
            END IF;
            PERFORM pg_sleep(0.5);
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', '10s', true);
END
$tenancy$;"
    );
    Some(Statement::new("locks of the tables that change", sql))
}

/// `FORCE`, since a table's owner is asked no policy otherwise.
///
/// Our policies are made anew, so that one that was altered under its old name is healed, too. Others' are
/// left alone: the floor holds below them.
fn rows(isolation: &Isolation, table: &Table) -> Statement {
    let name = qualified(table);
    let owner = isolation.roles().owner();
    let mut made = format!("    ALTER TABLE {name} OWNER TO \"{owner}\";");
    if let Some(policies) = policies(table, isolation.roles(), isolation.mode()) {
        made.push_str(&format!(
            "
    ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
    FOR ours IN
        SELECT polname FROM pg_catalog.pg_policy
        WHERE polrelid = '{name}'::regclass AND polname ~ '{NAMES}'
    LOOP
        EXECUTE format('DROP POLICY %I ON {name}', ours);
    END LOOP;"
        ));
        for policy in policies {
            made.push_str(&format!(
                "\n    CREATE POLICY {} ON {name}\n    {};",
                policy.name, policy.body
            ));
        }
    }
    let policies = named(isolation, table);
    let sql = format!(
        "DO $tenancy$
DECLARE
    ours text;
BEGIN
    IF pg_temp.tenancy_stands('{name}', {policies}) THEN
        RETURN;
    END IF;
{made}
END
$tenancy$;"
    );
    Statement::new(format!("rows of {}", plainly(table)), sql)
}

/// The arguments of `tenancy_stands` about a table.
fn named(isolation: &Isolation, table: &Table) -> String {
    match policies(table, isolation.roles(), isolation.mode()) {
        Some(
            [
                Policy {
                    name, condition, ..
                },
                floor,
            ],
        ) => {
            format!(
                "'{name}', '{}', $condition${condition}$condition$",
                floor.name
            )
        }
        None => "NULL, NULL, NULL".to_owned(),
    }
}
