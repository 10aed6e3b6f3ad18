//! The guard's functions have no search path of their own: what a caller puts first changes nothing in them.

use tenancy_core::isolation::{Isolation, IsolationMode, Roles, SealAccess};

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, code, outcome, refused, rows, run},
};

/// Functions, operators and types of the names that the guard uses, of which each does what an attacker would
/// want of it: all is equal, nothing is greater, every text is that of tenant 2.
const HOSTILE: &str = "
create schema hostile;
create function hostile.yes(bigint, bigint) returns boolean language sql as 'select true';
create function hostile.yes(text, text) returns boolean language sql as 'select true';
create function hostile.yes(bytea, bytea) returns boolean language sql as 'select true';
create function hostile.no(text, text) returns boolean language sql as 'select false';
create function hostile.no(timestamptz, timestamptz) returns boolean language sql as 'select false';
create operator hostile.= (leftarg = bigint, rightarg = bigint, function = hostile.yes);
create operator hostile.= (leftarg = text, rightarg = text, function = hostile.yes);
create operator hostile.= (leftarg = bytea, rightarg = bytea, function = hostile.yes);
create operator hostile.<> (leftarg = text, rightarg = text, function = hostile.no);
create operator hostile.<> (leftarg = timestamptz, rightarg = timestamptz, function = hostile.no);
create operator hostile.<= (leftarg = timestamptz, rightarg = timestamptz, function = hostile.no);
create function hostile.join(text, text) returns text language sql as $$ select '2' $$;
create operator hostile.|| (leftarg = text, rightarg = text, function = hostile.join);
create function hostile.current_setting(text) returns text language sql as $$ select 'on' $$;
create function hostile.current_setting(text, boolean) returns text language sql as $$ select '2' $$;
create function hostile.split_part(text, text, integer) returns text language sql as $$ select '2' $$;
create function hostile.sha256(bytea) returns bytea language sql as $$ select ''::bytea $$;
create function hostile.encode(bytea, text) returns text language sql as $$ select '' $$;
create function hostile.pg_try_advisory_xact_lock_shared(bigint) returns boolean
    language sql as 'select true';
create function hostile.set_config(text, text, boolean) returns text
    language sql as $$ select pg_catalog.set_config('app.tenant_id', '2', true) $$;
create domain hostile.text as pg_catalog.text check (false);
create domain hostile.bytea as pg_catalog.bytea check (false);
create table hostile.fence (tenant_id bigint, state pg_catalog.text);
create function tenancy.naive() returns boolean language plpgsql security definer
    as $$ begin return current_setting('app.tenant_id', true) <> '2'; end $$;
grant usage on schema hostile to public;
grant select on hostile.fence to public;
grant execute on function tenancy.naive() to public;
";

#[tokio::test]
async fn a_hostile_search_path_changes_nothing_in_the_guard() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        run(&mut world.admin().await, HOSTILE).await;
        let mut app = world.app().await;
        let naive = "select 1 where tenancy.naive()";
        world.write(&mut app, 1).await;
        assert_eq!(outcome(&mut app, naive).await, Outcome::Rows(1));
        run(&mut app, "rollback").await;

        let hostile = "set search_path = hostile, pg_catalog";
        run(&mut app, hostile).await;
        world.write(&mut app, 1).await;
        assert_eq!(
            outcome(&mut app, naive).await,
            Outcome::Rows(0),
            "control: whoever names things barely is fooled"
        );
        let own = "select 1 from public.product where tenant_id operator(pg_catalog.=) 1";
        let others = "select 1 from public.product where tenant_id operator(pg_catalog.=) 2";
        assert_eq!(outcome(&mut app, own).await, Outcome::Rows(2), "{mode:?}");
        assert_eq!(
            outcome(&mut app, others).await,
            Outcome::Rows(0),
            "{mode:?}"
        );
        let account = "select 1 where tenancy.current_tenant() operator(pg_catalog.=) 1
            and tenancy.current_external() operator(pg_catalog.=) '00000000-0000-4000-8000-000000000001'";
        assert_eq!(
            outcome(&mut app, account).await,
            Outcome::Rows(1),
            "{mode:?}"
        );
        // Not another's, and not without the lock.
        for (end, expect) in [
            ("select tenancy.leave(2)", "TN010"),
            ("select tenancy.leave(1)", ""),
        ] {
            run(&mut app, "savepoint s").await;
            let left = rows(&mut app, end).await;
            let found = left.err().map(|error| code(&error));
            assert_eq!(found.unwrap_or_default(), expect, "{mode:?}: {end}");
            run(&mut app, "rollback to s").await;
        }
        run(&mut app, "commit").await;
        let enter = world.enter(1, SealAccess::Read);
        let entered = outcome(&mut app, &format!("begin; {enter}")).await;
        assert_eq!(entered, refused("TN004"), "{mode:?}");
    }
}

/// Every operator, function, relation and type in them is named with its schema.
#[test]
fn functions_without_a_search_path_name_nothing_barely() {
    for mode in MODES {
        let statements = isolation(mode).statements();
        let mut seen = 0;
        for statement in &statements {
            let Some(body) = body_without_a_path(statement.sql()) else {
                continue;
            };
            seen += 1;
            assert_eq!(bare_names(body), [""; 0], "{}: {body}", statement.name());
        }
        assert!(seen >= 3, "{seen} of them");
    }
    let naive = "BEGIN RETURN a = lower(b)::text; END";
    assert_eq!(bare_names(naive), ["=", "lower(", "text"], "control");
}

fn isolation(mode: IsolationMode) -> Isolation {
    Isolation::new(&manifest(), Roles::named("shop").unwrap(), mode)
}

fn body_without_a_path(sql: &str) -> Option<&str> {
    let (head, rest) = sql.split_once("AS $function$")?;
    let (body, _) = rest.split_once("$function$")?;
    (!head.contains("SET search_path")).then_some(body)
}

/// What would be looked up in a search path, in the order in which it stands there. Of types, those that are
/// words of SQL's own grammar mean the same everywhere.
fn bare_names(body: &str) -> Vec<String> {
    const GRAMMAR: [&str; 12] = [
        "and", "boolean", "bigint", "from", "greatest", "if", "in", "into", "or", "select",
        "strict", "where",
    ];
    const GRAMMAR_SIGNS: [&str; 3] = [":=", "ERRCODE =", "MESSAGE ="];
    const TYPES: [&str; 4] = ["bytea", "text", "timestamptz", "uuid"];
    let mut found = Vec::new();
    let mut rest = body;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("OPERATOR(pg_catalog.") {
            rest = after.split_once(')').unwrap().1;
        } else if c == '\'' {
            rest = rest[1..].split_once('\'').unwrap().1;
        } else if let Some(after) = GRAMMAR_SIGNS
            .iter()
            .find_map(|sign| rest.strip_prefix(sign))
        {
            rest = after;
        } else if c.is_ascii_alphabetic() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"_.".contains(c));
            let (name, after) = rest.split_at(end.unwrap_or(rest.len()));
            let bare = !name.contains('.') && !GRAMMAR.contains(&&*name.to_lowercase());
            if bare && after.starts_with('(') {
                found.push(format!("{name}("));
            } else if bare && TYPES.contains(&name) {
                found.push(name.to_owned());
            }
            rest = after;
        } else {
            if "=<>|+-*/~!@#%^&".contains(c) {
                found.push(c.to_string());
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}
