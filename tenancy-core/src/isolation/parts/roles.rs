//! The roles, with the attributes they must have also where they exist already.

use crate::isolation::{Isolation, Statement, sqlstate::STRANGERS};

struct Role {
    name: String,
    logs_in: &'static str,
    bypasses: &'static str,
    /// Whether it may be a member of other roles, and so be one of them.
    alone: bool,
}

pub(super) fn statements(isolation: &Isolation) -> Vec<Statement> {
    let names = isolation.roles();
    let role = |name, logs_in, bypasses, alone| Role {
        name,
        logs_in,
        bypasses,
        alone,
    };
    let roles = [
        role(names.owner(), "NOLOGIN", "NOBYPASSRLS", false),
        role(names.app(), "LOGIN", "NOBYPASSRLS", true),
        role(names.mover(), "LOGIN", "BYPASSRLS", true),
        role(names.auditor(), "LOGIN", "NOBYPASSRLS", true),
        role(names.search(), "NOLOGIN", "BYPASSRLS", true),
    ];
    let mut statements = vec![unclaimed(&roles)];
    statements.extend(roles.iter().map(made));
    statements.push(administrator(&names.owner(), &names.search()));
    statements.extend(
        roles
            .iter()
            .filter(|role| role.alone)
            .map(member_of_nothing),
    );
    statements.extend([
        search_path(isolation, &names.app()),
        search_path(isolation, &names.mover()),
        no_preset(&names.app()),
    ]);
    statements
}

/// A cell that is isolated for the first time takes over no role that is somebody's already: it would lose what
/// it may, and an application would not log in any more. Roles that are as they are to be may have been made
/// before, by whoever may make some that bypass row security.
fn unclaimed(roles: &[Role]) -> Statement {
    let values: Vec<String> = roles
        .iter()
        .map(|role| {
            let (login, bypass) = (role.logs_in == "LOGIN", role.bypasses == "BYPASSRLS");
            format!(
                "            ('{}', {login}, {bypass}, {})",
                role.name, role.alone
            )
        })
        .collect();
    let sql = format!(
        "DO $tenancy$
DECLARE
    taken text;
BEGIN
    IF to_regclass('tenancy.format') IS NOT NULL THEN
        RETURN;
    END IF;
    SELECT r.rolname INTO taken
    FROM (
        VALUES
{}
    ) own (name, login, bypass, alone)
    JOIN pg_catalog.pg_roles r ON r.rolname = own.name
    WHERE r.rolcanlogin <> own.login OR r.rolbypassrls <> own.bypass
        OR r.rolsuper OR r.rolcreatedb OR r.rolcreaterole OR r.rolreplication
        OR (own.alone AND EXISTS (SELECT FROM pg_catalog.pg_auth_members m WHERE m.member = r.oid))
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '{STRANGERS}',
            MESSAGE = format('a role %s of other rights: take another prefix, or give it those of the cell''s', taken);
    END IF;
END
$tenancy$;",
        values.join(",\n")
    );
    Statement::new("no role of others", sql)
}

/// Whoever is no superuser may set some of the attributes only at their right value, or not at all; so what is
/// right already is not touched.
fn made(role: &Role) -> Statement {
    let Role {
        name,
        logs_in,
        bypasses,
        ..
    } = role;
    let attributes =
        format!("{logs_in} NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION {bypasses}");
    let (login, bypass) = (*logs_in == "LOGIN", *bypasses == "BYPASSRLS");
    let sql = format!(
        "DO $tenancy$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = '{name}') THEN
        CREATE ROLE \"{name}\" {attributes};
    ELSIF EXISTS (
        SELECT FROM pg_catalog.pg_roles WHERE rolname = '{name}'
            AND (rolcanlogin <> {login} OR rolbypassrls <> {bypass}
                OR rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication)
    ) THEN
        ALTER ROLE \"{name}\" {attributes};
    END IF;
END
$tenancy$;"
    );
    Statement::new(format!("role {name}"), sql)
}

/// To give objects to a role one must be a member of it, which a superuser is of all. From 16 on, who makes a
/// role administers it, and is no member in this sense.
fn administrator(owner: &str, search: &str) -> Statement {
    let sql = format!(
        "DO $tenancy$
DECLARE
    role text;
    needed text := CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END;
BEGIN
    FOREACH role IN ARRAY ARRAY['{owner}', '{search}'] LOOP
        IF NOT pg_has_role(current_user, role, needed) THEN
            EXECUTE format('GRANT %I TO %I', role, current_user);
        END IF;
    END LOOP;
END
$tenancy$;"
    );
    Statement::new("the administrator may give objects to their owners", sql)
}

fn member_of_nothing(role: &Role) -> Statement {
    let name = &role.name;
    let sql = format!(
        "DO $tenancy$
DECLARE
    membership record;
BEGIN
    FOR membership IN
        SELECT held.rolname AS role, giver.rolname AS grantor
        FROM pg_catalog.pg_auth_members m
        JOIN pg_catalog.pg_roles member ON member.oid = m.member AND member.rolname = '{name}'
        JOIN pg_catalog.pg_roles held ON held.oid = m.roleid
        LEFT JOIN pg_catalog.pg_roles giver ON giver.oid = m.grantor
    LOOP
        -- From 16 on each grantor's grant is one of its own.
        EXECUTE format('REVOKE %I FROM \"{name}\"', membership.role)
            || CASE WHEN current_setting('server_version_num')::int >= 160000
                THEN format(' GRANTED BY %I', membership.grantor) ELSE '' END;
    END LOOP;
END
$tenancy$;"
    );
    Statement::new(format!("role {name} is a member of nothing"), sql)
}

/// Without the default's `\"$user\"`, and with all schemas of the manifest.
fn search_path(isolation: &Isolation, role: &str) -> Statement {
    let schemas: Vec<String> = isolation
        .schemas()
        .into_iter()
        .map(|schema| format!("\"{schema}\""))
        .collect();
    let schemas = if schemas.is_empty() {
        "\"public\"".to_owned()
    } else {
        schemas.join(", ")
    };
    let sql = format!(
        "DO $tenancy$
BEGIN
    EXECUTE format('ALTER ROLE \"{role}\" IN DATABASE %I SET search_path TO {schemas}', current_database());
END
$tenancy$;"
    );
    Statement::new(format!("search path of {role}"), sql)
}

/// A tenant that is preset for a role or a database would be everybody's. Postgres reads the name of a setting
/// in any case, and forgets it in the one that it was written in.
fn no_preset(app: &str) -> Statement {
    let sql = format!(
        "DO $tenancy$
DECLARE
    preset record;
BEGIN
    FOR preset IN
        SELECT coalesce(quote_ident(r.rolname), 'ALL') AS role,
            coalesce(' IN DATABASE ' || quote_ident(d.datname), '') AS place,
            quote_ident(split_part(one, '.', 1)) || '.'
                || quote_ident(split_part(split_part(one, '=', 1), '.', 2)) AS setting
        FROM pg_catalog.pg_db_role_setting s
        CROSS JOIN unnest(s.setconfig) one
        LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
        LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
        WHERE starts_with(lower(one), 'app.tenant_id=')
            AND (s.setrole = 0 OR r.rolname = '{app}')
            AND (s.setdatabase = 0 OR d.datname = current_database())
    LOOP
        EXECUTE format('ALTER ROLE %s%s RESET %s', preset.role, preset.place, preset.setting);
    END LOOP;
END
$tenancy$;"
    );
    Statement::new("no preset tenant", sql)
}
