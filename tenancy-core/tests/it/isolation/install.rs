//! Installing: what is changed, and what it says of it.

mod again;
mod refusals;

use std::num::NonZeroU16;

use expect_test::expect_file;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest, SearchDocument, SearchFunction, Table,
    isolation::{
        Isolation, IsolationMode, Login, Net, Password, Roles, audit, install, install_key,
        set_password,
    },
};
use tenancy_testkit::Postgres;

use crate::patience::until_so;

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, code, outcome, refused, run},
};

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
    // Served, with the one thing that only a superuser takes away.
    let app: PgConnectOptions = world.database.url_as(&roles.app()).parse().unwrap();
    let served = audit::boot(app, &isolation, Some(world.key.clone())).await;
    let found = served.unwrap().findings().to_vec();
    let checks: Vec<&str> = found.iter().map(|finding| finding.check.id()).collect();
    assert_eq!(checks, ["A6"], "{found:?}");
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
    let mut refused = None;
    let asked = async || {
        refused = connect(wrong).await.err();
        refused.is_some()
    };
    until_so("it asks for a password", asked).await;
    assert_eq!(code(&refused.unwrap()), "28P01");
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
