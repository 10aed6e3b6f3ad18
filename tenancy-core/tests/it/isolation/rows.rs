//! Every way to another tenant's rows that a guard closes, and that it is open without that guard.

use sqlx::{AssertSqlSafe, PgConnection};
use tenancy_core::isolation::{IsolationMode, SealAccess};

use super::{
    ROWS, SCHEMA, manifest,
    world::{MODES, Outcome, World, outcome, refused, rows, run},
};

async fn world(mode: IsolationMode) -> World {
    let world = World::new(SCHEMA, &manifest(), mode).await;
    run(&mut world.mover().await, ROWS).await;
    world
}

/// A way to rows that are not the transaction's.
struct Door {
    /// In a transaction of this tenant's, or of nobody's.
    tenant: Option<u32>,
    sql: &'static str,
    closed: Outcome,
    /// What opens it, with `$app`, `$owner` and `$floor` for the names of the roles and of the policy.
    without: &'static str,
    open: Outcome,
}

const fn door(
    tenant: Option<u32>,
    sql: &'static str,
    closed: Outcome,
    without: &'static str,
    open: Outcome,
) -> Door {
    Door {
        tenant,
        sql,
        closed,
        without,
        open,
    }
}

fn doors() -> Vec<Door> {
    use Outcome::Rows;
    let denied = || refused("42501");
    let (nobody, one) = (None, Some(1));
    let unguarded = "alter table product disable row level security";
    vec![
        door(nobody, "select 1 from product", Rows(0), unguarded, Rows(4)),
        door(one, "select 1 from product", Rows(2), unguarded, Rows(4)),
        door(one, "select 1 from product where tenant_id = 2", Rows(0), unguarded, Rows(2)),
        door(one, "insert into product values (2, 9, '') returning 1", denied(), unguarded, Rows(1)),
        door(one, "update product set title = '' where tenant_id = 2 returning 1", Rows(0), unguarded, Rows(2)),
        door(one, "update product set tenant_id = 2, id = 9 where id = 2 and tenant_id = 1 returning 1", denied(), unguarded, Rows(1)),
        door(one, "delete from product where tenant_id = 2 and id = 2 returning 1", Rows(0), unguarded, Rows(1)),
        door(
            one,
            "insert into product values (2, 1, '') on conflict (tenant_id, id) do update set title = 'taken' returning 1",
            denied(),
            unguarded,
            Rows(1),
        ),
        door(one, "select 1 from files.file", Rows(1), "alter table files.file disable row level security", Rows(2)),
        door(
            one,
            "insert into files.file values ('00000000-0000-4000-8000-000000000002', 9) returning 1",
            denied(),
            "alter table files.file disable row level security",
            Rows(1),
        ),
        door(one, "select 1 from event", Rows(2), "alter table event disable row level security", Rows(4)),
        // A partition is closed twice: nobody has a right to it, and it has row security and no policy.
        door(
            one,
            "select 1 from event_p0 union all select 1 from event_p1",
            denied(),
            "grant select on event_p0, event_p1 to $app",
            Rows(0),
        ),
        door(
            one,
            "select 1 from event_p0 union all select 1 from event_p1",
            denied(),
            "drop event trigger tenancy_net; grant select on event_p0, event_p1 to $app;
             alter table event_p0 disable row level security; alter table event_p1 disable row level security",
            Rows(4),
        ),
        // A permissive policy of somebody else's is an `or`; the floor holds below it.
        door(one, "select 1 from product", Rows(2), "create policy debug on product using (true)", Rows(2)),
        door(
            one,
            "select 1 from product",
            Rows(2),
            "drop policy $floor on product; create policy debug2 on product using (true)",
            Rows(4),
        ),
        door(one, "truncate variant", denied(), "grant truncate on variant to $app", Rows(0)),
        door(one, "insert into currency values ('XXX') returning 1", denied(), "grant insert on currency to $app", Rows(1)),
        door(one, "select 1 from journal", denied(), "grant select on journal to $app", Rows(1)),
        door(one, "select 1 from tenancy.fence", denied(), "grant select on tenancy.fence to $app", Rows(3)),
        door(one, "select 1 from tenancy.seal_key", denied(), "grant select on tenancy.seal_key to $app", Rows(1)),
        door(one, "select 1 from tenancy.transaction_key", denied(), "grant select on tenancy.transaction_key to public", Rows(1)),
        door(one, "create table mine (id int)", denied(), "grant create on schema public to public", Rows(0)),
        door(one, "create temp table product (id int)", denied(), "grant temporary on database $database to public", Rows(0)),
        door(one, "set local row_security = off; select 1 from product", denied(), unguarded, Rows(4)),
        door(nobody, "select 1 from product", Rows(0), "alter role $app bypassrls", Rows(4)),
        door(nobody, "select 1 from product", Rows(0), "alter role $app superuser", Rows(4)),
    ]
}

/// What a statement comes to without a guard, as the application, in a transaction that takes everything back.
async fn without(world: &World, admin: &mut PgConnection, door: &Door) -> Outcome {
    let enter = match door.tenant {
        Some(tenant) => world.enter(tenant, SealAccess::Write),
        None => "select".to_owned(),
    };
    let begin = format!("begin; {}; set local role $app; {enter}", door.without);
    run(admin, &named(world, &begin)).await;
    let open = outcome(admin, &named(world, door.sql)).await;
    run(admin, "rollback").await;
    open
}

fn named(world: &World, sql: &str) -> String {
    let roles = world.isolation.roles();
    let product = world.isolation.manifest().table("product").unwrap();
    let [_, floor] = world.isolation.policies_of(product).unwrap();
    sql.replace("$app", &roles.app())
        .replace("$owner", &roles.owner())
        .replace("$floor", &floor)
        .replace("$database", world.database.name())
}

async fn every_door_is_closed_and_was_open_without_its_guard(mode: IsolationMode) {
    let world = world(mode).await;
    let mut admin = world.admin().await;
    // Control: the rows of both tenants are there.
    for (table, count) in [
        ("product", 4),
        ("variant", 2),
        ("files.file", 2),
        ("event", 4),
    ] {
        let all = outcome(&mut admin, &format!("select 1 from {table}")).await;
        assert_eq!(all, Outcome::Rows(count), "{table}");
    }
    for door in doors() {
        let closed = world.attempt(door.tenant, &named(&world, door.sql)).await;
        assert_eq!(closed, door.closed, "{}", door.sql);
        let open = without(&world, &mut admin, &door).await;
        assert_eq!(open, door.open, "after {}: {}", door.without, door.sql);
    }
}

#[tokio::test]
async fn every_door_is_closed_in_plain_mode() {
    every_door_is_closed_and_was_open_without_its_guard(IsolationMode::Plain).await;
}

#[tokio::test]
async fn every_door_is_closed_in_sealed_mode() {
    every_door_is_closed_and_was_open_without_its_guard(IsolationMode::Sealed).await;
}

/// What somebody changed meanwhile, the next installation puts right, and says so.
#[tokio::test]
async fn an_installation_heals() {
    let world = world(IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let all = "select 1 from product";
    let become_owner = "set local role $owner";
    for (tenant, sql, closed, broken, open, healed) in [
        (
            None,
            all,
            Outcome::Rows(0),
            "alter table product disable row level security",
            Outcome::Rows(4),
            "altered table public.product",
        ),
        (
            None,
            all,
            Outcome::Rows(0),
            "alter role $app superuser",
            Outcome::Rows(4),
            "altered role $app",
        ),
        (
            Some(1),
            become_owner,
            refused("42501"),
            "grant $owner to $app",
            Outcome::Rows(0),
            "dropped membership of $app in $owner",
        ),
        (
            Some(1),
            all,
            Outcome::Rows(2),
            "create policy debug on product using (true); alter policy $floor on product using (true)",
            Outcome::Rows(4),
            "altered policy $floor on public.product",
        ),
        (
            Some(1),
            "select 1 from journal",
            refused("42501"),
            "grant select on journal to public",
            Outcome::Rows(1),
            "altered table public.journal",
        ),
    ] {
        let sql = named(&world, sql);
        run(&mut admin, &named(&world, broken)).await;
        assert_eq!(
            world.attempt(tenant, &sql).await,
            open,
            "after {broken}: {sql}"
        );
        let changes: Vec<String> = world
            .install()
            .await
            .changes()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(changes, [named(&world, healed)], "after {broken}");
        assert_eq!(world.attempt(tenant, &sql).await, closed, "healed: {sql}");
    }
}

#[tokio::test]
async fn an_added_policy_is_stopped_by_the_floor_and_nothing_stops_what_takes_it_away() {
    for mode in [IsolationMode::Plain, IsolationMode::Sealed] {
        let world = world(mode).await;
        let mut admin = world.admin().await;
        let all = "select 1 from product";
        let added = "create policy debug on product using (true) with check (true)";
        for (migration, seen) in [
            (added, 2),
            ("alter policy $floor on product using (true)", 4),
            ("drop policy $floor on product", 4),
            ("alter table product disable row level security", 4),
        ] {
            run(&mut admin, &named(&world, migration)).await;
            let found = world.attempt(Some(1), all).await;
            assert_eq!(found, Outcome::Rows(seen), "{mode:?}: {migration}");
            world.install().await;
            run(&mut admin, "drop policy if exists debug on product").await;
            run(&mut admin, added).await;
        }
    }
}

#[tokio::test]
async fn the_owner_is_asked_the_policies_too() {
    let world = world(IsolationMode::Plain).await;
    let mut owner = world.owner().await;
    assert_eq!(
        outcome(&mut owner, "select 1 from product").await,
        Outcome::Rows(0)
    );
    run(
        &mut owner,
        "alter table product no force row level security",
    )
    .await;
    assert_eq!(
        outcome(&mut owner, "select 1 from product").await,
        Outcome::Rows(4)
    );
}

/// After a transaction the setting is an empty text, which is no number.
#[tokio::test]
async fn an_empty_setting_is_nobody() {
    let world = world(IsolationMode::Plain).await;
    let mut app = world.app().await;
    world.write(&mut app, 1).await;
    run(&mut app, "commit").await;
    let empty = outcome(
        &mut app,
        "select 1 where current_setting('app.tenant_id', true) = ''",
    )
    .await;
    assert_eq!(
        empty,
        Outcome::Rows(1),
        "control: the setting is there and empty"
    );
    assert_eq!(
        outcome(&mut app, "select 1 from product").await,
        Outcome::Rows(0)
    );
    let product = world.isolation.manifest().table("product").unwrap();
    for policy in world.isolation.policies_of(product).unwrap() {
        let bare = format!(
            "alter policy {policy} on product using (tenant_id = current_setting('app.tenant_id', true)::bigint)"
        );
        run(&mut world.admin().await, &bare).await;
    }
    assert_eq!(
        outcome(&mut app, "select 1 from product").await,
        refused("22P02")
    );
}

/// The tenants of the rows that one prepared statement finds for tenant 1 and then for tenant 2.
async fn prepared(world: &World, app: &mut PgConnection) -> Vec<Vec<i64>> {
    let mut found = Vec::new();
    for tenant in 1..=2 {
        world.write(app, tenant).await;
        let tenants = sqlx::query_scalar("select distinct tenant_id from product")
            .fetch_all(&mut *app)
            .await
            .unwrap();
        found.push(tenants);
        run(app, "commit").await;
    }
    found
}

#[tokio::test]
async fn a_prepared_statement_serves_two_tenants() {
    for mode in MODES {
        let world = world(mode).await;
        let mut app = world.app().await;
        assert_eq!(prepared(&world, &mut app).await, [[1], [2]]);
        // Without: a policy that asks a function which claims to be immutable is answered when planned.
        let mut admin = world.admin().await;
        run(
            &mut admin,
            "create function planned() returns bigint immutable language plpgsql as
                $$ begin return tenancy.current_tenant(); end $$",
        )
        .await;
        let product = world.isolation.manifest().table("product").unwrap();
        for policy in world.isolation.policies_of(product).unwrap() {
            let alter = format!("alter policy {policy} on product using (tenant_id = planned())");
            run(&mut admin, &alter).await;
        }
        assert_eq!(
            prepared(&world, &mut world.app().await).await,
            [[1], [1]],
            "{mode:?}"
        );
    }
}

/// Referential checks ask no policy. The manifest's keys begin with the tenant, and so must what refers to them.
#[tokio::test]
async fn a_plain_foreign_key_takes_anothers_parent_and_a_composite_one_does_not() {
    let world = world(IsolationMode::Plain).await;
    run(
        &mut world.admin().await,
        &format!(
            "insert into product values (2, 7, 'only tenant 2 has a 7');
             create table global (id bigint primary key); insert into global values (7);
             create table plain (tenant_id bigint, id bigint references global, primary key (tenant_id, id));
             alter table global enable row level security;
             drop event trigger tenancy_net; alter table plain disable row level security;
             grant select, insert on plain, global to {}",
            world.isolation.roles().app()
        ),
    )
    .await;
    let composite = world
        .attempt(Some(1), "insert into variant values (1, 7, 1) returning 1")
        .await;
    assert_eq!(composite, refused("23503"));
    let unseen = world.attempt(Some(1), "select 1 from global").await;
    assert_eq!(unseen, Outcome::Rows(0));
    let plain = world
        .attempt(Some(1), "insert into plain values (1, 7) returning 1")
        .await;
    assert_eq!(
        plain,
        Outcome::Rows(1),
        "control: a parent that nobody sees is taken"
    );
}

/// A temporary table is found before the real one of its name, by everybody whom the connection serves later.
#[tokio::test]
async fn a_temporary_table_would_stay_for_the_next_tenant() {
    let world = world(IsolationMode::Plain).await;
    run(
        &mut world.admin().await,
        &format!(
            "grant temporary on database {} to public",
            world.database.name()
        ),
    )
    .await;
    let mut app = world.app().await;
    world.write(&mut app, 1).await;
    run(
        &mut app,
        "create temp table product as select * from product; commit",
    )
    .await;
    world.write(&mut app, 2).await;
    let found: Vec<i64> = sqlx::query_scalar("select distinct tenant_id from product")
        .fetch_all(&mut app)
        .await
        .unwrap();
    assert_eq!(found, [1], "control: tenant 2 is shown tenant 1's rows");
    run(&mut app, "rollback").await;
    world.install().await;
    let mut app = world.app().await;
    world.write(&mut app, 1).await;
    let refused_now = outcome(
        &mut app,
        "create temp table product as select * from product",
    )
    .await;
    assert_eq!(refused_now, refused("42501"));
}

#[tokio::test]
async fn a_table_of_the_owners_gives_nothing_by_default() {
    let world = world(IsolationMode::Plain).await;
    let roles = world.isolation.roles();
    let (owner, app) = (roles.owner(), roles.app());
    let new = async |name: &str| {
        let make = format!("create table {name} (id int); insert into {name} values (1)");
        run(&mut world.owner().await, &make).await;
        world
            .attempt(Some(1), &format!("select 1 from {name}"))
            .await
    };
    assert_eq!(new("kept").await, refused("42501"));
    let give = format!("alter default privileges for role {owner} grant select on tables to {app}");
    run(&mut world.admin().await, &give).await;
    assert_eq!(new("given").await, Outcome::Rows(1), "control");
    world.install().await;
    assert_eq!(new("kept_again").await, refused("42501"));
}

#[tokio::test]
async fn no_role_or_database_presets_a_tenant() {
    let world = world(IsolationMode::Plain).await;
    let (app, database) = (world.isolation.roles().app(), world.database.name());
    for preset in [
        format!("alter role {app} set app.tenant_id = '2'"),
        format!("alter role {app} in database {database} set app.tenant_id = '2'"),
        format!("alter database {database} set app.tenant_id = '2'"),
        format!("alter role {app} set \"APP\".\"Tenant_ID\" = '2'"),
    ] {
        run(&mut world.admin().await, &preset).await;
        let leak = world.attempt(None, "select 1 from product").await;
        assert_eq!(leak, Outcome::Rows(2), "control: {preset}");
        world.install().await;
        let kept = world.attempt(None, "select 1 from product").await;
        assert_eq!(kept, Outcome::Rows(0), "{preset}");
    }
}

#[tokio::test]
async fn the_mover_sees_all_tenants_and_the_auditor_none() {
    let world = world(IsolationMode::Sealed).await;
    let all: i64 = sqlx::query_scalar(AssertSqlSafe("select count(*) from product"))
        .fetch_one(&mut world.mover().await)
        .await
        .unwrap();
    assert_eq!(all, 4);
    let mut auditor = world.connect(&world.isolation.roles().auditor()).await;
    for sql in [
        "select 1 from product",
        "select 1 from tenancy.fence",
        "select 1 from currency",
    ] {
        assert_eq!(outcome(&mut auditor, sql).await, refused("42501"), "{sql}");
    }
    assert!(
        !rows(&mut auditor, "select 1 from pg_policy")
            .await
            .unwrap()
            .is_empty()
    );
}
