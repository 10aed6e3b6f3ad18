//! Cells in Postgres: made, refused, served, moved between and audited, by the commands that operators type.

use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use storefront::postgres::{CellFiles, is_away};
use tenancy_testkit::{Database, Direction, Postgres, Proxy};

use super::{
    export::rows,
    import_archive::{archive_of, check_equal, import, shop_that_sells, without_payments},
    platform::{Folder, Platform, Start, eventually, output, serve, soon},
};

/// A database of the cluster that this process shares.
pub(crate) fn database() -> Database {
    Postgres::shared().database().unwrap()
}

/// `storefront cell ARGUMENTS` in this data folder.
pub(crate) fn cell(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command.arg("cell").args(arguments);
    output(command.arg("--data").arg(folder))
}

/// `storefront serve ARGUMENTS` on this folder, to its end, with no cells but those in the arguments.
pub(crate) fn serve_alone(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--ops-listen",
        "127.0.0.1:0",
    ]);
    output(command.args(arguments).arg("--data").arg(folder))
}

#[track_caller]
pub(crate) fn done(output: Output) -> String {
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.success(),
        "{stderr}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A command ends with this code and says this.
#[track_caller]
pub(crate) fn refused(output: &Output, code: i32, expect: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(expect), "{stderr}");
}

pub(crate) fn made(folder: &Path, arguments: &[&str]) -> Value {
    let arguments = [&["init", "--json"], arguments].concat();
    serde_json::from_str(&done(cell(folder, &arguments))).unwrap()
}

async fn count(url: &str, table: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let sql = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_database_becomes_a_cell_once_and_serves_shops() {
    let (folder, database) = (Folder::new(), database());
    let first = made(folder.path(), &[&database.url(), "--region", "eu"]);
    assert_eq!(
        (&first["cell"], &first["region"]),
        (&json!("cell-1"), &json!("eu"))
    );
    assert!(first["changes"].as_array().unwrap().len() > 50, "{first}");
    let second = made(folder.path(), &[&database.url()]);
    assert_eq!(second["changes"], json!([]));
    assert_eq!(second["app_url"], first["app_url"]);

    let arguments = &["--no-demo"];
    let platform = Platform::start(Start { folder, arguments });
    platform.make_shop("acme").await;
    platform
        .import(
            "acme",
            "Handle,Title,Variant Price,Variant Inventory Qty\nlamp,Lamp,1,3\n",
        )
        .await;
    let visitor = platform.visitor("acme.localhost");
    let shown = visitor.get("/api/products").await.expect_status(200);
    assert_eq!(shown["products"][0]["handle"], "lamp");

    // The row is there, and past the guard the application sees none.
    let app = first["app_url"].as_str().unwrap();
    assert_eq!(count(&database.url(), "product").await, 1);
    assert_eq!(count(app, "product").await, 0);
    let prober = done(cell(&platform.data(), &["prober", "cell-1"]));
    database.run(&prober).unwrap();
    let prober = database.url_as(&format!("{}_prober", database.name()));
    let audited = done(cell(
        &platform.data(),
        &["audit", "cell-1", "--probe-url", &prober],
    ));
    assert!(audited.contains("0 errors, 0 warnings"), "{audited}");
}

#[tokio::test]
async fn only_the_applications_url_is_served() {
    let (folder, url) = Folder::with_postgres(1, "local").await;
    let database = url.split(['/', '?']).nth(3).unwrap().to_owned();
    let as_role = |role: &str| url.replace("postgres@", &format!("{role}@"));
    let serve = |cell: &str| serve_alone(folder.path(), &["--cell", cell]);
    for role in ["postgres", "mover", "auditor", "owner"] {
        let role = match role {
            "postgres" => role.to_owned(),
            role => format!("{database}_{role}"),
        };
        let mut admin = PgConnection::connect(&url).await.unwrap();
        if role.ends_with("_owner") {
            let login = sqlx::AssertSqlSafe(format!("alter role \"{role}\" login"));
            admin.execute(sqlx::raw_sql(login)).await.unwrap();
        }
        let finding = format!("R3 the connection: it is {role}'s, and not {database}_app's");
        refused(&serve(&as_role(&role)), 1, &finding);
    }
    let elsewhere = url.replace(&database, "nowhere");
    refused(
        &serve(&elsewhere),
        3,
        "make the cell with `storefront cell init`",
    );
    refused(&serve("cell-7"), 3, "cell-7.toml");
    // A cell that no longer isolates is served to nobody, whoever asks.
    let mut admin = PgConnection::connect(&url).await.unwrap();
    admin
        .execute("alter table product no force row level security")
        .await
        .unwrap();
    refused(&serve("cell-1"), 1, "T3 public.product");
    let audit = cell(folder.path(), &["audit", "cell-1", "--format", "json"]);
    assert_eq!(audit.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&audit.stdout).contains("\"T3\""));
    // Unknown is not clean, nor is it a finding; what was found is printed all the same.
    let audit = |arguments: &[&str]| cell(folder.path(), &[&["audit"], arguments].concat());
    for (arguments, code, what) in [
        (&["cell-9"][..], 3, "cell-9.toml"),
        (&["cell-1", "--baseline", "none.toml"], 2, "none.toml"),
        (&["cell-1", "--probe-url", &url], 3, "is a superuser"),
        (&["cell-1", "--probe-url", &url], 3, "T3 public.product"),
    ] {
        let audited = audit(arguments);
        let said = [audited.stdout, audited.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(audited.status.code(), Some(code), "{said}");
        assert!(said.contains(what), "{what}: {said}");
    }
    // A file that is no baseline may be a secret one.
    let file = folder.path().join("cells/cell-1.toml");
    let known = audit(&["cell-1", "--baseline", file.to_str().unwrap()]);
    refused(&known, 2, "cell-1.toml: read the baseline");
    let secret = std::fs::read_to_string(&file).unwrap();
    let said = String::from_utf8_lossy(&known.stderr);
    let mut lines = secret.lines().filter(|line| line.len() > 8);
    assert!(lines.all(|line| !said.contains(line)), "{said}");
    std::fs::write(&file, "cell = 7").unwrap();
    assert_eq!(audit(&["cell-1"]).status.code(), Some(3));
}

#[tokio::test]
async fn what_is_no_administrators_or_no_empty_place_is_refused() {
    let (folder, database) = (Folder::new(), database());
    database
        .run("create role clerk login; create schema tenancy; create table tenancy.notes (id int)")
        .unwrap();
    let init = |arguments: &[&str]| cell(folder.path(), &[&["init"], arguments].concat());
    refused(
        &init(&[&database.url_as("clerk")]),
        2,
        "clerk is no administrator of the database",
    );
    refused(
        &init(&[&database.url()]),
        4,
        "the schema tenancy is not this program's: relation notes",
    );
    database.run("drop schema tenancy cascade").unwrap();
    refused(&init(&["mysql://db/shops"]), 2, "write postgres://");
    refused(
        &init(&["postgres://nobody@127.0.0.1:1/shops"]),
        5,
        "ask nobody in shops",
    );
    // Nothing was left of it.
    assert_eq!(
        database
            .run("select count(*) from pg_namespace where nspname = 'tenancy'")
            .unwrap(),
        "0"
    );
    assert!(!folder.path().join("cells").exists());

    let url = database.url();
    let cell = made(folder.path(), &[&url]);
    refused(
        &init(&[&url, "--name", "cell-9"]),
        4,
        "the cell's name is cell-1, and not cell-9",
    );
    refused(
        &init(&[&url, "--region", "moon"]),
        4,
        "the cell's region is local, and not moon",
    );
    let other = Folder::new();
    let elsewhere = |arguments: &[&str]| self::cell(other.path(), &[&["init"], arguments].concat());
    refused(&elsewhere(&[&url]), 4, "their passwords are not known here");
    // The fences of a newer program are not touched.
    database
        .run("update tenancy.format set version = 99 where part = 'fence'")
        .unwrap();
    refused(&init(&[&url]), 1, "version 99");
    database
        .run(
            "update tenancy.format set version = 2 where part = 'fence'; \
              insert into tenancy_schema_journal (version, name, checksum, state, started_at) \
              values (4, 'later', '', 'done', 0)",
        )
        .unwrap();
    refused(&init(&[&url]), 1, "the cell is at version 4");
    let served = output(&mut serve(folder.path(), &["--no-demo"]));
    refused(&served, 1, "the cell is at version 4");
    assert_eq!(cell["roles"], database.name());
}

#[tokio::test]
async fn a_rotation_gives_new_passwords_and_lets_the_old_key_end() {
    let (folder, database) = (Folder::new(), database());
    let first = made(folder.path(), &[&database.url()]);
    let rotated = made(folder.path(), &[&database.url(), "--rotate"]);
    for url in ["app_url", "mover_url", "auditor_url"] {
        assert_ne!(first[url], rotated[url], "{url}");
    }
    let changes = rotated["changes"].to_string();
    assert_eq!(changes.matches("password of").count(), 3, "{changes}");
    assert!(changes.contains("ends in 1 hour"), "{changes}");
    let keys = "select count(*) filter (where not_after is null), count(*) from tenancy.seal_key";
    assert_eq!(database.run(keys).unwrap(), "1|2");
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    platform.make_shop("acme").await;
}

/// The file was saved, and the process ended before the cell knew: the next attempt lets the old key end.
#[tokio::test]
async fn a_rotation_that_was_interrupted_leaves_no_old_key() {
    let (folder, database) = (Folder::new(), database());
    made(folder.path(), &[&database.url()]);
    let old = database.run("select id from tenancy.seal_key").unwrap();
    made(folder.path(), &[&database.url(), "--rotate"]);
    let before = format!(
        "delete from tenancy.seal_key where id <> '{old}'; update tenancy.seal_key set not_after = null"
    );
    database.run(&before).unwrap();
    let finished = made(folder.path(), &[&database.url()])["changes"].to_string();
    let ends = format!("seal key {old} ends in 1 hour");
    assert!(finished.contains(&ends), "{finished}");
    let keys = "select count(*) filter (where not_after is null), count(*) from tenancy.seal_key";
    assert_eq!(database.run(keys).unwrap(), "1|2");
    assert_eq!(
        made(folder.path(), &[&database.url()])["changes"],
        json!([])
    );
}

#[test]
fn no_role_is_made_before_its_password_is_saved() {
    let (folder, database) = (Folder::new(), database());
    let cells = folder.path().join("cells");
    std::fs::write(&cells, "").unwrap();
    let init = ["init", &database.url()];
    refused(&cell(folder.path(), &init), 1, "cells");
    let roles = format!(
        "select count(*) from pg_roles where rolname like '{}\\_%'",
        database.name()
    );
    assert_eq!(database.run(&roles).unwrap(), "0");
    std::fs::remove_file(&cells).unwrap();
    made(folder.path(), &[&database.url()]);
    assert_eq!(database.run(&roles).unwrap(), "5");
}

#[test]
fn two_cells_that_are_made_at_once_have_two_numbers() {
    let (folder, one, two) = (Folder::new(), database(), database());
    let data = folder.path();
    let made = std::thread::scope(|scope| {
        let made = [one.url(), two.url()]
            .map(|url| scope.spawn(move || made(data, &[&url])["cell"].clone()));
        made.map(|made| made.join().unwrap())
    });
    let mut names = made.map(|name| name.as_str().unwrap().to_owned());
    names.sort();
    assert_eq!(names, ["cell-1", "cell-2"]);
}

/// As `docs/operations/cells.md` says it.
#[test]
fn an_administrator_need_not_be_a_superuser() {
    let (folder, database) = (Folder::new(), database());
    let name = database.name().to_owned();
    let prepare = format!(
        "create role {name}_mover login bypassrls; create role {name}_search nologin bypassrls;
         create role {name}_admin login createrole; alter database {name} owner to {name}_admin;
         grant all on schema public to {name}_admin; grant {name}_search to {name}_admin"
    );
    database.run(&prepare).unwrap();
    let version = database.run("select current_setting('server_version_num')::int >= 160000");
    if version.unwrap() == "t" {
        let administer =
            format!("grant {name}_mover, {name}_search to {name}_admin with admin option");
        database.run(&administer).unwrap();
    }
    let url = database.url_as(&format!("{name}_admin"));
    made(folder.path(), &[&url]);
    assert_eq!(made(folder.path(), &[&url])["changes"], json!([]));
}

#[test]
fn another_cells_roles_and_another_encoding_are_refused() {
    let (folder, database, other) = (Folder::new(), database(), database());
    made(folder.path(), &[&database.url()]);
    let second = Folder::new();
    for rotate in [&["--rotate"][..], &[]] {
        let init = ["init", &other.url(), "--roles", database.name()];
        let expect = format!("are those of the database {}", database.name());
        refused(&cell(second.path(), &[&init, rotate].concat()), 4, &expect);
    }
    assert_eq!(
        made(folder.path(), &[&database.url()])["changes"],
        json!([])
    );

    let latin = format!("{}_latin", database.name());
    let create = format!("create database {latin} template template0 encoding latin1 locale 'C'");
    database.run(&create).unwrap();
    let url = database
        .url()
        .replace(&format!("/{}", database.name()), &format!("/{latin}"));
    let encoding = "the encoding of the database is LATIN1";
    refused(&cell(second.path(), &["init", &url]), 2, encoding);
    database.run(&format!("drop database {latin}")).unwrap();
}

#[test]
fn a_url_that_cannot_be_read_is_not_repeated() {
    let folder = Folder::new();
    let url = "postgres://postgres:s3cret@db";
    let mut init = Command::new(env!("CARGO_BIN_EXE_storefront"));
    let init = output(init.args(["cell", "init"]).env("STOREFRONT_ADMIN_URL", url));
    for output in [
        init,
        cell(folder.path(), &["init", url]),
        cell(folder.path(), &["audit", url]),
        cell(folder.path(), &["prober", url]),
        serve_alone(folder.path(), &["--cell", url]),
    ] {
        refused(&output, 2, "the URL names no database");
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!told.contains("s3cret"), "{told}");
    }
}

/// On a server that asks for passwords, unlike all others of these tests.
#[tokio::test]
async fn passwords_count_where_they_are_asked_for() {
    let server = tokio::task::spawn_blocking(|| Postgres::start().unwrap())
        .await
        .unwrap();
    let (folder, database) = (Folder::new(), server.database().unwrap());
    let first = made(folder.path(), &[&database.url()]);
    let rules = database.run("show hba_file").unwrap();
    database
        .run(&format!(
            "copy (values ('local all postgres trust'), ('local all all scram-sha-256')) to '{rules}';
             select pg_reload_conf()"
        ))
        .unwrap();
    let app = |made: &Value| made["app_url"].as_str().unwrap().to_owned();
    // Until the server has read its rules.
    let wrong = database.url_as(&format!("{}_app", database.name()));
    let read = async { while PgConnection::connect(&wrong).await.is_ok() {} };
    soon("the server reads its rules", read).await;
    PgConnection::connect(&app(&first)).await.unwrap();
    assert_eq!(
        made(folder.path(), &[&database.url()])["changes"],
        json!([])
    );

    let rotated = made(folder.path(), &[&database.url(), "--rotate"]);
    PgConnection::connect(&app(&first)).await.unwrap_err();
    PgConnection::connect(&app(&rotated)).await.unwrap();
    // The file was saved, and the server does not know the passwords yet.
    for role in ["app", "mover", "auditor"] {
        let name = database.name();
        let forget = format!("alter role {name}_{role} password 'another'");
        database.run(&forget).unwrap();
    }
    let finished = made(folder.path(), &[&database.url()])["changes"].to_string();
    assert_eq!(finished.matches("password of").count(), 3, "{finished}");
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    platform.make_shop("acme").await;
}

#[test]
fn a_dry_run_prints_the_statements_and_connects_to_nobody() {
    let folder = Folder::new();
    let url = "postgres://postgres@db.invalid/shops";
    let sql = done(cell(folder.path(), &["init", url, "--dry-run"]));
    for part in [
        "create table product",
        "CREATE ROLE \"shops_app\"",
        "COMMIT;",
    ] {
        assert!(sql.contains(part), "{part}");
    }
    let json = done(cell(folder.path(), &["init", url, "--dry-run", "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["sql"].as_str().unwrap().trim(), sql.trim());
}

#[tokio::test]
async fn a_shop_goes_from_a_file_to_postgres_and_back() {
    let (folder, url) = Folder::with_postgres(2, "eu").await;
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo", "--cells", "1"],
    });
    let operator = platform.operator();
    // The first shop goes into the first cell: both are empty.
    let acme = shop_that_sells(&platform).await;
    let before = rows(&platform, "acme").await;
    let there = if acme["cell"] == "cell-1" { 2 } else { 1 };
    let mut archive = archive_of(&platform, "acme").await;
    for (slug, number) in [("over", there), ("back", 3 - there)] {
        let made = import(&operator, &format!("slug={slug}&cell={number}"), &archive).await;
        let made = made.expect_status(201);
        assert_eq!(made["cell"], format!("cell-{number}"));
        let found = rows(&platform, slug).await;
        check_equal(&without_payments(found), &without_payments(before.clone()));
        archive = archive_of(&platform, slug).await;
    }
    // Both kinds of cells were used.
    assert!(count(&url, "shop_order").await > 0);
}

#[tokio::test]
async fn nothing_is_left_of_a_purged_shop_and_its_neighbour_stays() {
    let (folder, url) = Folder::with_postgres(1, "local").await;
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    shop_that_sells(&platform).await;
    platform.make_shop("other").await;
    platform
        .import("other", "Handle,Title,Variant Price\nbowl,Bowl,1\n")
        .await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let mut of_each = async |tenant: i64| {
        let mut all = 0;
        for table in storefront::shop::schema::manifest().tenant_tables() {
            let name = table.name();
            let sql = format!("select count(*) from {name} where tenant_id = $1");
            let rows: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
                .bind(tenant)
                .fetch_one(&mut admin)
                .await
                .unwrap();
            all += rows;
        }
        all
    };
    let [acme, other] = [of_each(1).await, of_each(2).await];
    assert!(acme > 10 && other > 2, "{acme} {other}");
    let operator = platform.operator();
    super::offboarding::offboard(&operator, "acme")
        .await
        .expect_status(202);
    super::purge::purge(&operator, "acme", "acme")
        .await
        .expect_status(200);
    assert_eq!([of_each(1).await, of_each(2).await], [0, other]);
}

#[tokio::test]
async fn a_server_that_goes_away_is_503_and_comes_back_by_itself() {
    let mut server = tokio::task::spawn_blocking(|| Postgres::start().unwrap())
        .await
        .unwrap();
    let url = server.database().unwrap().url();
    let folder = Folder::new();
    made(folder.path(), &[&url, "--name", "cell-2"]);
    let arguments = &["--no-demo", "--cells", "1"];
    let platform = Platform::start(Start { folder, arguments });
    let operator = platform.operator();
    let [mut here, mut there] = [None, None];
    for slug in ["anna", "bert"] {
        let shop = platform.make_shop(slug).await;
        platform
            .import(slug, "Handle,Title,Variant Price\nlamp,Lamp,1\n")
            .await;
        let of = if shop["cell"] == "cell-1" {
            &mut here
        } else {
            &mut there
        };
        *of = Some(platform.visitor(&format!("{slug}.localhost")));
    }
    let (here, there) = (
        here.expect("a shop in the file"),
        there.expect("a shop in Postgres"),
    );
    for end in [Postgres::stop, Postgres::crash] {
        end(&mut server).unwrap();
        let away = there.get("/api/products/lamp").await;
        assert_eq!(away.status, 503, "{}", away.body);
        assert!(away.header("retry-after").is_some());
        here.get("/api/products/lamp").await.expect_status(200);
        operator.get("/v1/tenants").await.expect_status(200);
        server.start_again().unwrap();
        there.get("/api/products/lamp").await.expect_status(200);
    }
    let (_, folder) = platform.stop("-TERM");
    server.stop().unwrap();
    let served = output(&mut serve(folder.path(), arguments));
    refused(&served, 5, "open cell-2");
}

#[tokio::test]
async fn a_platform_starts_servers_of_its_own_and_finds_their_rows_again() {
    let (folder, arguments) = (Folder::new(), &["--no-demo", "--postgres"]);
    let platform = Platform::start(Start { folder, arguments });
    platform.make_shop("anna").await;
    let (_, folder) = platform.stop("-KILL");
    // It is a server of its own, below the data folder.
    let known = std::fs::read_to_string(folder.path().join("cells/cell-1.toml")).unwrap();
    assert!(known.contains("postgres%2Fcell-1"));
    let platform = Platform::start(Start { folder, arguments });
    let home = platform.visitor("anna.localhost").get("/").await;
    assert_eq!(home.status, 200);
    let (ended, folder) = platform.stop("-TERM");
    assert!(ended.success());
    let left = folder.path().join("postgres/cell-1/data/postmaster.pid");
    assert!(!left.exists(), "the server still runs");
    // Its shops are looked for nowhere else.
    let served = serve_alone(folder.path(), &["--cells", "1"]);
    refused(&served, 1, "cell-1 is elsewhere");
    let served = serve_alone(folder.path(), &["--cells", "1", "--cell", "cell-1"]);
    refused(&served, 2, "cell-1 is asked for twice");
}

#[tokio::test]
async fn each_cell_has_a_server_of_its_own_and_it_is_its_platforms() {
    let (folder, arguments) = (Folder::new(), &["--no-demo", "--postgres", "--cells", "2"]);
    let platform = Platform::start(Start { folder, arguments });
    let mut cells = BTreeSet::new();
    for slug in ["anna", "bert"] {
        cells.insert(platform.make_shop(slug).await["cell"].to_string());
        platform
            .import(slug, "Handle,Title,Variant Price\nlamp,Lamp,1\n")
            .await;
    }
    assert_eq!(cells.len(), 2, "{cells:?}");
    let (ended, folder) = platform.stop("-TERM");
    assert!(ended.success());
    let platform = Platform::start(Start { folder, arguments });
    for slug in ["anna", "bert"] {
        let visitor = platform.visitor(&format!("{slug}.localhost"));
        let shown = visitor.get("/api/products").await.expect_status(200);
        assert_eq!(shown["products"][0]["handle"], "lamp", "{slug}");
    }
    for known in CellFiles::of(&platform.data()).all().unwrap() {
        let admin = known.app.as_role("postgres", "").options();
        let mut admin = PgConnection::connect_with(&admin).await.unwrap();
        // Each has one of the two. As if the program had been an older one, it also lacks what is the newest.
        let products: i64 = sqlx::query_scalar("select count(*) from product")
            .fetch_one(&mut admin)
            .await
            .unwrap();
        assert_eq!(products, 1, "{}", known.cell);
        let older = "delete from tenancy_schema_journal
            where version = (select max(version) from tenancy_schema_journal)";
        assert_eq!(admin.execute(older).await.unwrap().rows_affected(), 1);
    }
    let (_, folder) = platform.stop("-TERM");
    // Another platform's servers are started to be asked whose they are, and nothing is done in them.
    let other = Folder::new();
    let servers = |folder: &Folder| folder.path().join("postgres");
    std::fs::rename(servers(&folder), servers(&other)).unwrap();
    let served = serve_alone(other.path(), arguments);
    refused(&served, 4, "belongs to another platform");
    for cell in ["cell-1", "cell-2"] {
        // One that was still starting when the other was refused ends a moment after the process.
        let left = servers(&other).join(cell).join("data/postmaster.pid");
        let ended = eventually(async || (!left.exists()).then_some(()));
        ended
            .await
            .unwrap_or_else(|| panic!("the server of {cell} still runs"));
    }
}

#[test]
fn a_server_that_says_nothing_makes_no_cell() {
    let (folder, database) = (Folder::new(), database());
    let proxy = Proxy::start(database.address().clone()).unwrap();
    let url = proxy.database(&database).url();
    proxy.hang(Direction::ToClient);
    let init = cell(folder.path(), &["init", &url]);
    refused(&init, 5, "ask postgres in");
}

/// Also in the middle of what may take long.
#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for() {
    let (folder, database) = (Folder::new(), database());
    let proxy = Proxy::start(database.address().clone()).unwrap();
    let url = proxy.database(&database).url();
    // As if another one was bringing the tables to a version.
    let mut admin = PgConnection::connect(&database.url()).await.unwrap();
    let busy = "select pg_advisory_lock(x'74656e61'::int, x'6e637921'::int)";
    admin.execute(sqlx::raw_sql(busy)).await.unwrap();
    let init = std::thread::scope(|scope| {
        let init = scope.spawn(|| cell(folder.path(), &["init", &url]));
        let waits = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
            where d.datname = current_database() and locktype = 'advisory' and not granted";
        while !init.is_finished() && database.run(waits).unwrap() == "0" {}
        proxy.hang(Direction::ToClient);
        init.join().unwrap()
    });
    refused(&init, 5, "ask postgres in");
    admin.close().await.unwrap();
    proxy.heal();
    made(folder.path(), &[&url]);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_not_served() {
    let (folder, database) = (Folder::new(), database());
    made(folder.path(), &[&database.url()]);
    let proxy = Proxy::start(database.address().clone()).unwrap();
    proxy.hang(Direction::ToClient);
    let files = CellFiles::of(folder.path());
    let mut known = files.all().unwrap().remove(0);
    let mover = proxy.database(&database).url_as(known.mover.role());
    // The application's way in works.
    let file = files.path(known.cell);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(known.mover.revealed(), &mover)).unwrap();
    let serving = serve(folder.path(), &["--no-demo"]);
    let served = tokio::task::spawn_blocking(move || output(&mut { serving }));
    known.mover = mover.parse().unwrap();
    let opened = soon("the cell is opened", storefront::postgres::open(&known)).await;
    let refusal = opened.unwrap_err();
    assert!(is_away(&refusal), "{refusal:?}");
    refused(&served.await.unwrap(), 5, "open cell-1");
}
