//! Installing: what is refused, what is changed, and that doing it twice does it once.

use std::num::NonZeroU16;

use expect_test::expect_file;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest, SearchDocument, SearchFunction, Table,
    isolation::{
        InstallError, Isolation, IsolationMode, Login, Net, Password, Roles, SealKey, audit,
        install, install_key, install_with_key, retire_key, set_password,
    },
    types::{Problem as _, UnixMicros},
};
use tenancy_testkit::Postgres;

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, code, outcome, refused, run},
};

#[tokio::test]
async fn installing_twice_changes_nothing() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let again = world.install().await;
        assert_eq!(again.changes(), [], "{mode:?}");
    }
}

#[tokio::test]
async fn the_printed_script_does_what_an_installation_does() {
    for mode in MODES {
        let world = World::bare(SCHEMA, &manifest(), mode).await;
        let script = world.isolation.to_string();
        for _ in 0..2 {
            run(&mut world.admin().await, &script).await;
        }
        let after = world.install().await;
        assert_eq!(after.changes(), [], "{mode:?}");
        assert!(
            script.starts_with("-- Isolation of tenants, version 2"),
            "{script}"
        );
    }
}

/// What stands in cells is a format: a change of this text is a new version of it. `UPDATE_EXPECT=1` writes it.
#[test]
fn the_script_is_as_it_was_read() {
    let manifest = Manifest::new([
        Table::tenant("product", ["id"]),
        Table::tenant_uuid("file", ["id"])
            .tenant_column("account")
            .schema("files")
            .partitioned(NonZeroU16::MIN),
        Table::shared_read("currency"),
        Table::control_plane("journal"),
    ])
    .unwrap()
    .with_searches([
        SearchFunction::full_text(
            "text",
            "product",
            SearchDocument::column("document"),
            "simple",
        ),
        SearchFunction::prefix("file", "file", "name"),
    ])
    .unwrap();
    let script = |mode| Isolation::new(&manifest, Roles::named("shop").unwrap(), mode).to_string();
    expect_file!["golden/plain.sql"].assert_eq(&script(IsolationMode::Plain));
    expect_file!["golden/sealed.sql"].assert_eq(&script(IsolationMode::Sealed));
}

#[tokio::test]
async fn an_installation_says_what_it_made() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let installed = world.install().await;
    let changes: Vec<String> = installed
        .changes()
        .iter()
        .map(ToString::to_string)
        .collect();
    let app = world.isolation.roles().app();
    let product = world.isolation.manifest().table("product").unwrap();
    let [rows, floor] = world.isolation.policies_of(product).unwrap();
    for expect in [
        format!("made role {app}"),
        format!("made policy {rows} on public.product"),
        format!("made policy {floor} on public.product"),
        "altered table public.product".to_owned(),
        "made table public.event_p1".to_owned(),
        "made table tenancy.fence".to_owned(),
        "made function tenancy.leave(bigint)".to_owned(),
        "made event trigger tenancy_net".to_owned(),
        "made version of isolation".to_owned(),
    ] {
        assert!(changes.contains(&expect), "{expect}: {changes:#?}");
    }
}

#[tokio::test]
async fn policies_of_an_older_body_are_replaced() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let product = world.isolation.manifest().table("product").unwrap();
    let [rows, floor] = world.isolation.policies_of(product).unwrap();
    run(
        &mut world.admin().await,
        &format!(
            "drop policy {rows} on product; drop policy {floor} on product;
             create policy tenancy_rows_0123456789ab on product using (true);
             create policy tenancy_floor_0123456789ab on product as restrictive using (true);
             create policy tenancy_rows on product using (true)"
        ),
    )
    .await;
    let all = world.attempt(Some(1), "select 1 from product").await;
    assert_eq!(all, Outcome::Rows(4), "control");
    let installed = world.install().await;
    let mut changes: Vec<String> = installed
        .changes()
        .iter()
        .map(ToString::to_string)
        .collect();
    // What is not ours stays, and opens nothing.
    changes.sort();
    assert_eq!(
        changes,
        [
            "dropped policy tenancy_floor_0123456789ab on public.product".to_owned(),
            "dropped policy tenancy_rows_0123456789ab on public.product".to_owned(),
            format!("made policy {floor} on public.product"),
            format!("made policy {rows} on public.product"),
        ]
    );
    let own = world.attempt(Some(1), "select 1 from product").await;
    assert_eq!(own, Outcome::Rows(2));
}

#[tokio::test]
async fn a_policys_name_tells_its_body() {
    let names = |mode, prefix: &str, column: &str| {
        let table = Table::tenant("t", ["id"]).tenant_column(column);
        let manifest = Manifest::new([table.clone()]).unwrap();
        Isolation::new(&manifest, Roles::named(prefix).unwrap(), mode)
            .policies_of(&table)
            .unwrap()
    };
    let one = names(IsolationMode::Plain, "shop", "tenant_id");
    assert_eq!(one, names(IsolationMode::Plain, "shop", "tenant_id"));
    assert_ne!(one, names(IsolationMode::Sealed, "shop", "tenant_id"));
    assert_ne!(one, names(IsolationMode::Plain, "other", "tenant_id"));
    assert_ne!(one, names(IsolationMode::Plain, "shop", "shop"));
}

#[tokio::test]
async fn a_newer_cell_is_left_alone() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    for (part, found) in [("isolation", 3), ("fence", 3)] {
        let newer = format!("update tenancy.format set version = {found} where part = '{part}'");
        run(&mut world.admin().await, &newer).await;
        let error = world.try_install().await.unwrap_err();
        assert!(
            matches!(&error, InstallError::NewerVersion { part: p, found: f, .. } if **p == *part && *f == found),
            "{error:?}"
        );
        let script = world.isolation.to_string();
        assert_eq!(
            outcome(&mut world.admin().await, &script).await,
            refused("TN020")
        );
        let back = "update tenancy.format set version = version - 1 where part = $1";
        sqlx::query(back)
            .bind(part)
            .execute(&mut world.admin().await)
            .await
            .unwrap();
    }
    world.install().await;
}

#[tokio::test]
async fn tables_that_are_not_as_declared_are_named_and_nothing_is_changed() {
    let t = || Table::tenant("t", ["id"]);
    let two = NonZeroU16::new(2).unwrap();
    for (schema, table, expect) in [
        ("", t(), "there is no table public.t"),
        (
            "create view t as select 1::bigint as tenant_id, 1 as id",
            t(),
            "there is no table public.t",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            t().schema("other"),
            "there is no table other.t",
        ),
        (
            "create table t (id bigint primary key)",
            t(),
            "table public.t has no column tenant_id",
        ),
        (
            "create table t (tenant_id bigint primary key)",
            t(),
            "table public.t has no column id",
        ),
        (
            "create table t (tenant_id integer, id bigint, primary key (tenant_id, id))",
            t(),
            "column tenant_id of table public.t is integer, declared as bigint",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            Table::tenant_uuid("t", ["id"]),
            "column tenant_id of table public.t is bigint, declared as uuid",
        ),
        (
            "create table t (tenant_id bigint, id bigint primary key)",
            t(),
            "column tenant_id of table public.t takes null",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint primary key)",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint)",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (id bigint, tenant_id bigint, primary key (id, tenant_id))",
            t(),
            "the primary key of table public.t does not start with tenant_id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint primary key);
             create unique index on t (id, tenant_id); create index on t (tenant_id, id);
             create unique index on t (tenant_id, id) where id > 0; create unique index on t (tenant_id)",
            t().keeps_primary_key(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint, unique (tenant_id, id))",
            t().keeps_primary_key(),
            "column id of table public.t takes null",
        ),
        (
            "create table t (tenant_id bigint not null, id bigint not null,
                unique (tenant_id, id) deferrable)",
            t().keeps_primary_key(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, no int, primary key (tenant_id, id, no))",
            t(),
            "table public.t has no unique key of tenant_id, id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id))",
            t().partitioned(two),
            "table public.t is not partitioned by hash of tenant_id",
        ),
        (
            "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (id)",
            t().partitioned(two),
            "table public.t is not partitioned by hash of tenant_id",
        ),
    ] {
        let manifest = Manifest::new([table]).unwrap();
        let world = World::bare(schema, &manifest, IsolationMode::Plain).await;
        let error = world.try_install().await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        assert_eq!(error.code().as_str(), "isolation_schema");
        assert_untouched(&world).await;
    }
}

async fn assert_untouched(world: &World) {
    let made = format!(
        "select 1 from pg_namespace where nspname = 'tenancy'
         union all select 1 from pg_roles where rolname like '{}\\_%'",
        world.isolation.roles().prefix()
    );
    assert_eq!(
        outcome(&mut world.admin().await, &made).await,
        Outcome::Rows(0)
    );
}

#[tokio::test]
async fn a_statement_that_fails_takes_everything_back() {
    let two = NonZeroU16::new(2).unwrap();
    let manifest = Manifest::new([Table::tenant("t", ["id"]).partitioned(two)]).unwrap();
    let schema = "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (tenant_id);
        create table odd partition of t for values with (modulus 3, remainder 0)";
    let world = World::bare(schema, &manifest, IsolationMode::Plain).await;
    let error = world.try_install().await.unwrap_err();
    assert_eq!(error.to_string(), "install partition 0 of public.t");
    assert_eq!(error.code().as_str(), "isolation_refused");
    assert_untouched(&world).await;
}

/// A table that happens to have a partition's name stays its owner's.
#[tokio::test]
async fn a_table_that_is_called_as_a_partition_is_not_taken() {
    let two = NonZeroU16::new(2).unwrap();
    let manifest = Manifest::new([Table::tenant("t", ["id"]).partitioned(two)]).unwrap();
    let hashed = "create table t (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by hash (tenant_id)";
    let alone = "create table t_p1 (secret text)";
    let shifted = "create table t_p1 partition of t for values with (modulus 2, remainder 0)";
    let other = "create table u (like t including all) partition by hash (tenant_id);
        create table t_p1 partition of u for values with (modulus 2, remainder 1)";
    for (taken, found) in [(alone, "t_p1"), (shifted, ""), (other, "t_p1")] {
        let world = World::bare(
            &format!("{hashed}; {taken}"),
            &manifest,
            IsolationMode::Plain,
        )
        .await;
        let error = world.try_install().await.unwrap_err();
        let expect = match found {
            "" => "install partition 0 of public.t".to_owned(),
            name => format!(
                "in the place of the isolation's own there is a relation public.{name} that is not partition 1 of public.t"
            ),
        };
        assert_eq!(error.to_string(), expect, "{taken}");
        assert_untouched(&world).await;
    }
}

#[tokio::test]
async fn two_cells_of_one_cluster_do_not_meet() {
    let one = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let two = World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await;
    assert_eq!(one.install().await.changes(), []);
    assert_eq!(two.install().await.changes(), []);
    for role in [one.isolation.roles().app(), one.isolation.roles().mover()] {
        let mut guest = two.connect(&role).await;
        for sql in [
            "select 1 from product",
            "select 1 from tenancy.fence",
            "select tenancy.current_tenant()",
        ] {
            assert_eq!(
                outcome(&mut guest, sql).await,
                refused("42501"),
                "{role}: {sql}"
            );
        }
    }
    assert_eq!(
        two.attempt(Some(1), "select 1 from product").await,
        Outcome::Rows(2)
    );
}

#[tokio::test]
async fn fences_of_the_first_version_move() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    run(
        &mut world.admin().await,
        "create table tenancy_format (part text primary key, version bigint not null);
         create table tenancy_fence (tenant_id bigint primary key, state text not null,
            lifecycle text not null, epoch bigint not null, deadline bigint not null);
         insert into tenancy_format values ('fence', 1);
         insert into tenancy_fence values (7, 'fenced', 'active', 4, 99)",
    )
    .await;
    world.install().await;
    let moved = "select 1 from tenancy.fence where (tenant_id, state, lifecycle, epoch, deadline)
        = (7, 'fenced', 'active', 4, 99) and to_regclass('public.tenancy_fence') is null
        and to_regclass('public.tenancy_format') is null";
    assert_eq!(
        outcome(&mut world.mover().await, moved).await,
        Outcome::Rows(1)
    );
}

/// On managed servers nobody is a superuser. One makes the roles that bypass row security beforehand.
#[tokio::test]
async fn an_administrator_need_not_be_a_superuser() {
    let world = World::bare("", &manifest(), IsolationMode::Sealed).await;
    let (roles, database) = (world.isolation.roles(), world.database.name());
    let (mover, search, admin) = (roles.mover(), roles.search(), format!("{database}_admin"));
    let set_up = format!(
        "create role {mover} login bypassrls; create role {search} nologin bypassrls;
         create role {admin} login createrole; grant {search} to {admin};
         alter database {database} owner to {admin}; grant all on schema public to {admin}"
    );
    let version: i32 = sqlx::query_scalar("select current_setting('server_version_num')::int")
        .fetch_one(&mut world.admin().await)
        .await
        .unwrap();
    // From 16 on, to change a role one needs to administer it.
    let administer = format!("grant {mover}, {search} to {admin} with admin option");
    let set_up = if version < 160_000 {
        set_up
    } else {
        format!("{set_up}; {administer}")
    };
    run(&mut world.admin().await, &set_up).await;
    let mut administrator = world.connect(&admin).await;
    run(&mut administrator, SCHEMA).await;
    let isolation = world.isolation.clone().with_net(Net::No);
    install(&mut administrator, &isolation).await.unwrap();
    let again = install(&mut administrator, &isolation).await.unwrap();
    assert_eq!(again.changes(), []);
    run(
        &mut world.admin().await,
        "insert into tenancy.fence values (1, null, 'active', 'active', 1, 0)",
    )
    .await;
    tenancy_core::isolation::install_key(&mut administrator, &world.key)
        .await
        .unwrap();
    assert_eq!(
        world.attempt(Some(1), "select 1 from product").await,
        Outcome::Rows(2)
    );
}

/// What somebody put there before is not read: a view runs its author's code with the administrator's rights.
#[tokio::test]
async fn what_is_not_its_own_is_refused_and_not_touched() {
    for (make, found) in [
        (
            "create schema tenancy; create table tenancy.format (part text primary key, version bigint)",
            "schema tenancy of postgres",
        ),
        (
            "create schema tenancy authorization $owner; create view tenancy.format as
                select note()::text as part, 1::bigint as version",
            "relation tenancy.format of postgres, of kind v",
        ),
        (
            "create schema tenancy authorization $owner; create table tenancy.fence ()",
            "relation tenancy.fence of postgres, of kind r",
        ),
        (
            "create schema tenancy authorization $owner; set role $owner; create table tenancy.fence ();
                create function tenancy.note() returns trigger language plpgsql as 'begin end';
                create trigger note before insert on tenancy.fence execute function tenancy.note()",
            "trigger note on tenancy.fence",
        ),
        (
            "create schema tenancy authorization $owner; set role $owner; create table tenancy.fence ();
                create rule note as on insert to tenancy.fence do also select note()",
            "rule note on tenancy.fence",
        ),
        (
            "create view tenancy_fence as select note() as tenant_id, '' as state, '' as lifecycle,
                1 as epoch, 1 as deadline",
            "relation public.tenancy_fence of postgres, of kind v",
        ),
    ] {
        let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
        let owner = world.isolation.roles().owner();
        let trap = format!(
            "create table noted (); create role {owner};
             create function note() returns bigint language plpgsql
                as 'begin insert into noted default values; return 1; end';
             grant insert on noted to public; {}",
            make.replace("$owner", &owner)
        );
        run(&mut world.admin().await, &trap).await;
        let error = world.try_install().await.unwrap_err();
        assert!(
            matches!(&error, InstallError::Strangers { found: f } if **f == *found),
            "{make}: {error:?}"
        );
        let script = outcome(&mut world.admin().await, &world.isolation.to_string()).await;
        assert_eq!(script, refused("TN021"), "{make}");
    }
    // Control: what would have been run.
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    run(&mut admin, "create schema tenancy").await;
    assert!(world.try_install().await.is_err());
    run(&mut admin, "drop schema tenancy").await;
    world.install().await;
}

/// A private server, whose rules for who may log in are the test's.
#[tokio::test]
async fn a_password_opens_the_door_and_another_does_not() {
    let server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    let roles = Roles::named("shop").unwrap();
    let isolation = Isolation::new(
        &Manifest::new([]).unwrap(),
        roles.clone(),
        IsolationMode::Plain,
    );
    install(&mut admin, &isolation).await.unwrap();
    let (secret, wrong) = ("it's a \\ sécret \u{2168}", "it's a secret");
    set_password(&mut admin, &roles, Login::App, &Password::new(secret))
        .await
        .unwrap();
    let scram = "copy (values ('local all postgres trust'), ('local all all scram-sha-256'),
        ('host all postgres all trust'), ('host all all all scram-sha-256')) to ";
    let file: String = sqlx::query_scalar("select current_setting('hba_file')")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    run(
        &mut admin,
        &format!("{scram} '{file}'; select pg_reload_conf()"),
    )
    .await;
    let connect = async |password: &str| {
        let options: PgConnectOptions = database.url_as(&roles.app()).parse().unwrap();
        PgConnection::connect_with(&options.password(password)).await
    };
    // Until the server has read its rules.
    let refused = loop {
        if let Err(error) = connect(wrong).await {
            break error;
        }
    };
    assert_eq!(code(&refused), "28P01");
    connect(secret).await.unwrap();
}

#[tokio::test]
async fn a_password_is_kept_as_a_hash_and_never_shown() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let password = Password::new("it's a \\ secret");
    assert_eq!(format!("{password:?}"), "Password(..)");
    let roles = world.isolation.roles();
    set_password(&mut admin, roles, Login::App, &password)
        .await
        .unwrap();
    let kept = format!(
        "select rolpassword from pg_authid where rolname = '{}'",
        roles.app()
    );
    let kept: String = sqlx::query_scalar(AssertSqlSafe(kept))
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert!(kept.starts_with("SCRAM-SHA-256$"), "{kept}");
    // An installation leaves it.
    assert_eq!(world.install().await.changes(), []);
    let roles = Roles::named(&"x".repeat(56));
    assert!(roles.is_err());
    for prefix in ["", "Shop", "shop-1", "pg_shop", "1shop"] {
        assert!(Roles::named(prefix).is_err(), "{prefix}");
    }
}

/// An existing schema keeps its primary keys, and gets unique ones beside them.
#[tokio::test]
async fn a_table_may_keep_its_primary_key() {
    let manifest = Manifest::new([
        Table::tenant_uuid("invoice", ["id"])
            .tenant_column("account")
            .keeps_primary_key(),
        Table::tenant_uuid("line", ["id"])
            .tenant_column("account")
            .keeps_primary_key()
            .parent("invoice"),
    ])
    .unwrap();
    let schema = "
        create table invoice (id uuid primary key, account uuid not null, unique (account, id));
        create table line (id uuid primary key, account uuid not null, invoice uuid not null,
            foreign key (account, invoice) references invoice (account, id));
        create unique index line_of_account on line (account, id) include (invoice);
        insert into invoice select ('00000000-0000-4000-9000-00000000000' || tenant)::uuid,
            ('00000000-0000-4000-8000-00000000000' || tenant)::uuid from generate_series(1, 2) tenant;";
    for mode in MODES {
        let world = World::new(schema, &manifest, mode).await;
        let all = outcome(&mut world.admin().await, "select 1 from invoice").await;
        assert_eq!(all, Outcome::Rows(2), "control");
        assert_eq!(
            world.attempt(Some(1), "select 1 from invoice").await,
            Outcome::Rows(1)
        );
        let of = |invoice| {
            format!(
                "insert into line values (gen_random_uuid(), '00000000-0000-4000-8000-000000000001',
                    '00000000-0000-4000-9000-00000000000{invoice}') returning 1"
            )
        };
        assert_eq!(world.attempt(Some(1), &of(1)).await, Outcome::Rows(1));
        assert_eq!(world.attempt(Some(1), &of(2)).await, refused("23503"));
    }
}

/// Words of SQL are names like others.
#[tokio::test]
async fn tables_may_be_named_by_words_of_sql() {
    let two = NonZeroU16::new(2).unwrap();
    let manifest = Manifest::new([
        Table::tenant("order", ["group", "limit"])
            .tenant_column("user")
            .schema("select")
            .partitioned(two),
        Table::shared_read("table"),
    ])
    .unwrap()
    .with_searches([SearchFunction::prefix("from", "order", "where").returning(["limit", "where"])])
    .unwrap();
    let schema = r#"
        create schema "select";
        create table "select"."order" ("user" bigint, "group" bigint, "limit" bigint, "where" text,
            primary key ("user", "group", "limit")) partition by hash ("user");
        create table "table" (id bigint);
        insert into "table" values (1)"#;
    for mode in MODES {
        let world = World::new(schema, &manifest, mode).await;
        assert_eq!(world.install().await.changes(), []);
        let rows =
            r#"insert into "order" select tenant, 1, 1, 'here' from generate_series(1, 2) tenant"#;
        run(&mut world.mover().await, rows).await;
        for (sql, expect) in [
            (r#"select from "order""#, 1),
            (r#"select from "table""#, 1),
            ("select * from tenancy.search_from(1, 'he')", 1),
        ] {
            assert_eq!(
                world.attempt(Some(1), sql).await,
                Outcome::Rows(expect),
                "{sql}"
            );
        }
    }
}

#[tokio::test]
async fn two_installations_at_once_do_it_once() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let (one, two) = tokio::join!(world.try_install(), world.try_install());
    let changes = [one.unwrap(), two.unwrap()].map(|installed| installed.changes().len());
    assert!(changes.contains(&0) && changes != [0, 0], "{changes:?}");
}

/// However long readers last, nothing that stands is touched. (Control: the next test's installation waits.)
#[tokio::test]
async fn a_repeated_installation_waits_for_nobody() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut reader = world.admin().await;
        let tables = "select 1 from product; select 1 from variant; select 1 from files.file; select 1 from event;
            select 1 from currency; select 1 from journal; select 1 from tenancy.fence; select 1 from tenancy.format;
            select 1 from tenancy.seal_key; select 1 from tenancy.transaction_key";
        run(&mut reader, &format!("begin; {tables}")).await;
        assert_eq!(world.install().await.changes(), [], "{mode:?}");
    }
}

/// Two tables have to change, and somebody reads the second one: the first one is not kept for as long.
#[tokio::test]
async fn whoever_waits_keeps_nobody_waiting() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let mut admin = world.admin().await;
    let open = "alter table product no force row level security; alter table variant no force row level security";
    run(&mut admin, open).await;
    let mut reader = world.admin().await;
    run(&mut reader, "begin; select 1 from variant").await;
    let (installed, ()) = tokio::join!(world.try_install(), async {
        let waits = "select count(*) > 0 from pg_locks where not granted and relation = 'variant'::regclass";
        while !ask(&mut admin, waits).await {}
        // It has the first one, and lets it go before the reader is done.
        let read = "set lock_timeout = '10s'; select 1 from product";
        assert_eq!(outcome(&mut admin, read).await, Outcome::Rows(4));
        run(&mut reader, "commit").await;
    });
    assert_eq!(installed.unwrap().changes().len(), 2);
}

async fn ask(connection: &mut PgConnection, sql: &'static str) -> bool {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

/// Also what is written nearly as it was.
#[tokio::test]
async fn an_altered_policy_is_made_anew() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let product = world.isolation.manifest().table("product").unwrap();
        let [rows, floor] = world.isolation.policies_of(product).unwrap();
        let own = "nullif((select current_setting('app.tenant_id', true)), ' ')::bigint";
        for altered in [
            format!("alter policy {rows} on product to public"),
            format!("alter policy {floor} on product using (true)"),
            format!("alter policy {floor} on product with check (true)"),
            format!("alter policy {rows} on product using (tenant_id = {own})"),
            format!(
                "alter policy {rows} on product using (tenant_id >= (select tenancy.current_tenant()))"
            ),
            format!(
                "drop policy {floor} on product; create policy {floor} on product as restrictive for select using (true)"
            ),
            format!("alter policy {floor} on product rename to tenancy_floor_0123456789ab"),
        ] {
            let before = policies(&world).await;
            run(&mut world.admin().await, &altered).await;
            assert_ne!(policies(&world).await, before, "{altered}");
            world.install().await;
            assert_eq!(policies(&world).await, before, "{altered}");
        }
    }
}

async fn policies(world: &World) -> Vec<String> {
    let all = "select format('%s', p) from pg_policies p order by 1";
    sqlx::query_scalar(all)
        .fetch_all(&mut world.admin().await)
        .await
        .unwrap()
}

/// Partitions that the manifest does not make, and tables that inherit, are closed with their table.
#[tokio::test]
async fn what_is_below_a_table_is_closed_with_it() {
    let schema = "create schema old;
        create table visit (tenant_id bigint, id bigint, primary key (tenant_id, id)) partition by range (id);
        create table visit_low partition of visit for values from (0) to (10) partition by list (id);
        create table old.visit_one partition of visit_low for values in (1);
        create table visit_high partition of visit for values from (10) to (20);
        create table note (tenant_id bigint, id bigint, primary key (tenant_id, id));
        create table note_of_2024 (primary key (tenant_id, id)) inherits (note);
        insert into visit values (1, 1), (2, 1), (2, 11); insert into note_of_2024 values (1, 1), (2, 2);
        grant select on all tables in schema public to public;
        grant usage on schema old to public; grant select on old.visit_one to public;";
    let manifest = Manifest::new([
        Table::tenant("visit", ["id"]),
        Table::tenant("note", ["id"]),
    ])
    .unwrap();
    for mode in MODES {
        let world = World::bare(schema, &manifest, mode).await;
        world.install().await;
        install_key(&mut world.admin().await, &world.key)
            .await
            .unwrap();
        let fences = "insert into tenancy.fence values (2, null, 'active', 'active', 1, 0)";
        run(&mut world.mover().await, fences).await;
        let below = ["visit_low", "old.visit_one", "visit_high", "note_of_2024"];
        for table in below {
            let all = format!("select 1 from {table}");
            let Outcome::Rows(1..) = outcome(&mut world.admin().await, &all).await else {
                panic!("there are rows in {table}");
            };
            assert_eq!(
                world.attempt(Some(2), &all).await,
                refused("42501"),
                "{table}"
            );
        }
        let own = world.attempt(Some(2), "select 1 from visit").await;
        assert_eq!(own, Outcome::Rows(2));
        let own = world.attempt(Some(2), "select 1 from note").await;
        assert_eq!(own, Outcome::Rows(1));
        let found = audit::catalog(&mut world.admin().await, &world.isolation)
            .await
            .unwrap();
        let errors: Vec<String> = found
            .iter()
            .filter(|finding| finding.severity() == audit::Severity::Error)
            .map(ToString::to_string)
            .collect();
        assert!(errors.is_empty(), "{mode:?}: {errors:?}");
        // Migrations are the owner's.
        run(
            &mut world.owner().await,
            "alter table visit add column page text",
        )
        .await;
        // A grant opens nothing.
        let app = world.isolation.roles().app();
        for table in below {
            run(
                &mut world.admin().await,
                &format!("grant select on {table} to {app}"),
            )
            .await;
            let all = format!("select 1 from {table}");
            assert_eq!(
                world.attempt(Some(2), &all).await,
                Outcome::Rows(0),
                "{table}"
            );
        }
        world.install().await;
        let all = world.attempt(Some(2), "select 1 from visit_high").await;
        assert_eq!(all, refused("42501"));
        assert_eq!(world.install().await.changes(), []);
    }
}

/// Seals are made with what a process knows by the id: another secret would refuse them all, and a retired key
/// lets in whoever has kept it.
#[tokio::test]
async fn a_known_key_is_neither_swapped_nor_revived() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await;
    let mut admin = world.admin().await;
    let other = SealKey::new("first", [8; 32]).unwrap();
    let plain = Isolation::new(
        &manifest(),
        world.isolation.roles().clone(),
        IsolationMode::Plain,
    );
    for error in [
        install_key(&mut admin, &other).await.unwrap_err(),
        install_with_key(&mut admin, &plain, &other)
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(&error, InstallError::KeyDiffers { id } if **id == *"first"),
            "{error:?}"
        );
        assert_eq!(error.code().as_str(), "isolation_key_taken");
    }
    assert_eq!(world.install().await.changes(), [], "it is sealed still");
    install_key(&mut admin, &world.key).await.unwrap();
    retire_key(&mut admin, "first", UnixMicros::new(1))
        .await
        .unwrap();
    let ended = install_key(&mut admin, &world.key).await.unwrap_err();
    assert!(matches!(ended, InstallError::KeyEnded { .. }), "{ended:?}");
    let valid = "select 1 from tenancy.seal_key where not_after is null";
    assert_eq!(outcome(&mut admin, valid).await, Outcome::Rows(0));
}

#[tokio::test]
async fn a_role_that_is_somebodys_is_not_taken() {
    for (made, taken) in [
        ("create role $_owner login", Some("owner")),
        ("create role $_app login createdb", Some("app")),
        (
            "create role $_app login; grant pg_read_all_data to $_app",
            Some("app"),
        ),
        ("create role $_mover login", Some("mover")),
        // What somebody has made for the cell.
        (
            "create role $_mover login bypassrls; create role $_search bypassrls",
            None,
        ),
    ] {
        let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
        let prefix = world.isolation.roles().prefix().to_owned();
        run(&mut world.admin().await, &made.replace('$', &prefix)).await;
        match (world.try_install().await, taken) {
            (Ok(_), None) => assert_eq!(world.install().await.changes(), []),
            (Err(error), Some(taken)) => {
                let expect = format!("there is a role {prefix}_{taken} of other rights");
                assert!(error.to_string().contains(&expect), "{error}");
                assert_eq!(error.code().as_str(), "isolation_strangers");
            }
            (found, _) => panic!("{made}: {found:?}"),
        }
    }
}

/// No error tells them.
#[tokio::test]
async fn whoever_loses_sight_is_named() {
    let world = World::bare(SCHEMA, &manifest(), IsolationMode::Plain).await;
    let prefix = world.isolation.roles().prefix().to_owned();
    let mut admin = world.admin().await;
    let roles = "create role $x_reports; grant select on product to $x_reports;
        create role $x_reader; grant pg_read_all_data to $x_reader;
        create role $x_backup bypassrls; grant select on product to $x_backup;
        create role $x_rates; grant select on currency to $x_rates; create role $x_nobody";
    run(&mut admin, &roles.replace('$', &prefix)).await;
    let seen = format!("set role {prefix}x_reports; select 1 from product");
    assert_eq!(outcome(&mut admin, &seen).await, Outcome::Rows(4));
    run(&mut admin, "reset role").await;
    let installed = world.install().await;
    let blinded: Vec<&str> = installed
        .blinded()
        .iter()
        .filter_map(|role| role.strip_prefix(&*prefix))
        .collect();
    assert_eq!(blinded, ["x_reader", "x_reports"]);
    assert_eq!(outcome(&mut admin, &seen).await, Outcome::Rows(0));
    assert!(world.install().await.blinded().is_empty());
}
