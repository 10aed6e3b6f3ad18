//! What `docs/operations/threat-model.md` says of attackers who have more than a query.

use std::{fs, path::Path};

use tenancy_core::isolation::IsolationMode;
use tenancy_testkit::Postgres;

use super::{
    SCHEMA, manifest,
    world::{MODES, Outcome, World, outcome, refused, run},
};

const THREAT_MODEL: &str = include_str!("../../../../docs/operations/threat-model.md");
const README: &str = include_str!("../../../README.md");

const ALL: &str = "select 1 from product";

/// How many products both tenants have together.
const EVERYBODYS: Outcome = Outcome::Rows(4);

#[tokio::test]
async fn a_stolen_password_is_every_tenant_in_plain_mode_and_nobody_in_sealed_mode() {
    let enter = "begin; select tenancy.enter(2, 1, true, 5000, null)";
    for (mode, entered) in [
        (IsolationMode::Plain, Outcome::Rows(1)),
        (IsolationMode::Sealed, refused("TN001")),
    ] {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut thief = world.app().await;
        assert_eq!(outcome(&mut thief, ALL).await, Outcome::Rows(0), "{mode:?}");
        assert_eq!(outcome(&mut thief, enter).await, entered, "{mode:?}");
        run(&mut thief, "rollback").await;
        // Control: with a key there is somebody to become.
        world.write(&mut thief, 2).await;
        assert_eq!(outcome(&mut thief, ALL).await, Outcome::Rows(2), "{mode:?}");
    }
}

/// Sessions of one role see each other's statements, and the seal stands in the first one of a transaction.
#[tokio::test]
async fn a_seal_that_is_seen_serves_whoever_logs_in() {
    let seen = "select query from pg_stat_activity
        where usename = current_user and pid <> pg_backend_pid() and query like 'begin; select tenancy.enter(1,%'";
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await;
    let mut victim = world.app().await;
    world.write(&mut victim, 1).await;
    let mut thief = world.app().await;
    let replayed: String = sqlx::query_scalar(seen)
        .fetch_one(&mut thief)
        .await
        .unwrap();
    assert_eq!(outcome(&mut thief, &replayed).await, Outcome::Rows(1));
    assert_eq!(outcome(&mut thief, ALL).await, Outcome::Rows(2));
    run(&mut thief, "rollback").await;
    // Of a tenant without a transaction there is nothing to be seen, and the seal is no other tenant's.
    let two = replayed.replacen("enter(1,", "enter(2,", 1);
    assert_eq!(outcome(&mut thief, &two).await, refused("TN001"));
    run(&mut thief, "rollback; commit").await;
    // What the threat model says of hiding it.
    run(&mut victim, "rollback").await;
    let app = world.isolation.roles().app();
    let hide = format!("alter role {app} set track_activities = off");
    run(&mut world.admin().await, &hide).await;
    let mut victim = world.app().await;
    world.write(&mut victim, 1).await;
    assert_eq!(outcome(&mut thief, seen).await, Outcome::Rows(0));
    let show = outcome(&mut victim, "set track_activities = on").await;
    assert_eq!(show, refused("42501"));
}

#[tokio::test]
async fn whoever_has_the_key_is_every_tenant() {
    let world = World::new(SCHEMA, &manifest(), IsolationMode::Sealed).await;
    let mut thief = world.app().await;
    for tenant in [1, 2] {
        world.write(&mut thief, tenant).await;
        let own = format!("{ALL} where tenant_id = {tenant}");
        assert_eq!(outcome(&mut thief, &own).await, Outcome::Rows(2));
        assert_eq!(outcome(&mut thief, ALL).await, Outcome::Rows(2));
        run(&mut thief, "rollback").await;
    }
}

/// Injected SQL is the tenant in whose transaction it runs, wholly.
#[tokio::test]
async fn injected_sql_takes_its_own_tenants_rows_and_no_others() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut admin = world.admin().await;
        assert_eq!(outcome(&mut admin, ALL).await, EVERYBODYS);
        let mut app = world.app().await;
        world.write(&mut app, 1).await;
        run(&mut app, "delete from variant; delete from product").await;
        run(&mut app, "commit").await;
        assert_eq!(outcome(&mut admin, ALL).await, Outcome::Rows(2), "{mode:?}");
        let twos = format!("{ALL} where tenant_id = 2");
        assert_eq!(outcome(&mut admin, &twos).await, Outcome::Rows(2));
    }
}

#[tokio::test]
async fn statistics_do_not_show_others_values() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut admin = world.admin().await;
        run(&mut admin, "analyze product").await;
        let statistics = "select 1 from pg_stats where tablename = 'product'";
        let Outcome::Rows(1..) = outcome(&mut admin, statistics).await else {
            panic!("there are statistics");
        };
        let mut app = world.app().await;
        world.read(&mut app, 1).await;
        assert_eq!(outcome(&mut app, statistics).await, Outcome::Rows(0));
        run(&mut app, "rollback").await;
        // Control: without row security they are the application's to read.
        run(&mut admin, "alter table product disable row level security").await;
        let Outcome::Rows(1..) = outcome(&mut app, statistics).await else {
            panic!("row security hides them");
        };
    }
}

/// `pg_dump` switches row security off, so that a dump is whole or an error.
#[tokio::test]
async fn a_dump_by_the_application_is_refused_and_not_partial() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut app = world.app().await;
        run(&mut app, "set row_security = off").await;
        assert_eq!(outcome(&mut app, ALL).await, refused("42501"), "{mode:?}");
        // Control: who may see everything dumps everything.
        let mut mover = world.mover().await;
        run(&mut mover, "set row_security = off").await;
        assert_eq!(outcome(&mut mover, ALL).await, EVERYBODYS, "{mode:?}");
    }
}

/// It is its maker's, and the application is one role for all tenants.
#[tokio::test]
async fn a_large_object_has_no_tenant() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let mut admin = world.admin().await;
        let make = "select lo_from_bytea(4711, 'of 2')";
        let read = "select 1 where lo_get(4711) = 'of 2'";
        let made = world.attempt(Some(2), make).await;
        assert_eq!(made, refused("42501"), "{mode:?}");
        // Control: a new cluster lets everybody.
        run(
            &mut admin,
            "grant execute on function lo_from_bytea(oid, bytea), lo_get(oid) to public",
        )
        .await;
        let mut app = world.app().await;
        world.write(&mut app, 2).await;
        run(&mut app, make).await;
        run(&mut app, "commit").await;
        let leaked = world.attempt(Some(1), read).await;
        assert_eq!(leaked, Outcome::Rows(1), "{mode:?}");
        // What an installation heals, which is then as it was.
        let changes = world.install().await.changes().to_vec();
        let objects: Vec<&str> = changes.iter().map(|change| &*change.object).collect();
        assert_eq!(objects, ["rights on large objects"], "{mode:?}");
        for tenant in [1, 2] {
            let late = world.attempt(Some(tenant), read).await;
            assert_eq!(late, refused("42501"), "{mode:?}");
        }
        // Whoever does it by hand forgets none.
        let page = include_str!("../../../../docs/operations/isolation-audit.md");
        let (_, after) = page.split_once("REVOKE EXECUTE").unwrap();
        let (functions, _) = after.split_once("FROM PUBLIC;").unwrap();
        let grant = functions.replacen("ON", "GRANT EXECUTE ON", 1);
        run(&mut admin, &format!("{grant} to public")).await;
        run(
            &mut admin,
            &format!("revoke execute {functions} from public"),
        )
        .await;
        let left = "select 1 from pg_proc where pronamespace = 'pg_catalog'::regnamespace
            and proname ~ '^lo_|^lo(read|write)$' and has_function_privilege('nobody', oid, 'execute')";
        let app = world.isolation.roles().app();
        let left = outcome(&mut admin, &left.replace("nobody", &app)).await;
        assert_eq!(left, Outcome::Rows(0), "{mode:?}");
    }
}

#[tokio::test]
async fn a_replica_keeps_tenants_apart_as_its_primary_does() {
    for mode in MODES {
        let world = World::new(SCHEMA, &manifest(), mode).await;
        let primary = Postgres::shared();
        let replica = primary.replica().unwrap();
        replica.wait_for(&primary.log_position().unwrap()).unwrap();
        let copy = replica.database(&world.database);
        let connect = async |url: String| {
            use sqlx::Connection as _;
            sqlx::PgConnection::connect(&url).await.unwrap()
        };
        let mut admin = connect(copy.url()).await;
        assert_eq!(outcome(&mut admin, ALL).await, EVERYBODYS);
        let mut app = connect(copy.url_as(&world.isolation.roles().app())).await;
        assert_eq!(outcome(&mut app, ALL).await, Outcome::Rows(0));
        world.read(&mut app, 2).await;
        assert_eq!(outcome(&mut app, ALL).await, Outcome::Rows(2));
        let ones = format!("{ALL} where tenant_id = 1");
        assert_eq!(outcome(&mut app, &ones).await, Outcome::Rows(0));
        run(&mut app, "rollback").await;
        world.write(&mut app, 2).await;
        let write = "insert into product values (2, 9, 'Bowl')";
        assert_eq!(outcome(&mut app, write).await, refused("25006"), "{mode:?}");
    }
}

/// The names in the last column, each a test of this crate.
#[test]
fn the_evidence_of_the_threat_model_exists() {
    let sources = sources(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")));
    let rows = THREAT_MODEL
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
    let mut names = 0;
    for row in rows {
        let evidence = row.trim_end_matches('|').rsplit('|').next().unwrap();
        for name in evidence.split('`').skip(1).step_by(2) {
            let is_there = sources.contains(&format!("fn {name}("));
            assert!(is_there, "{name} is no test: {row}");
            names += 1;
        }
    }
    assert!(names > 20, "the tables were found");
}

/// What the README says first is what the long page says.
#[test]
fn the_readme_promises_what_the_threat_model_does() {
    let promises = |page: &'static str| {
        let rows = page
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| ---"));
        rows.map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            cells[1..4.min(cells.len())].to_vec()
        })
        .collect::<Vec<_>>()
    };
    let long = promises(THREAT_MODEL);
    let (_, after) = README.split_once("## What is stopped").unwrap();
    let (table, _) = after.split_once("\n## ").unwrap();
    let short = promises(table);
    assert!(short.len() > 10, "the table was found");
    // But the heads of the columns.
    for row in &short[1..] {
        assert!(long.contains(row), "{row:?} is not in the threat model");
    }
}

fn sources(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}
