//! A cell belongs to one platform, to one moment of it, and to one process: everything else is refused before a shop is
//! touched, and another platform's before anything is.

use std::{fs, path::PathBuf, process::Command};

use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection, SqliteConnection};

use super::{
    cells::{database, made, refused, serve_alone},
    platform::{Folder, Kind, Platform, Start, each_kind, output, serve, soon},
};

const FILE: &str = "Handle,Title,Variant Price\nlamp,Lamp,1\n";
const ARGUMENTS: &[&str] = &["--no-demo"];

fn start(folder: Folder) -> Platform {
    Platform::start(Start {
        folder,
        arguments: ARGUMENTS,
    })
}

/// A copy of a data folder that nobody serves.
fn copy(folder: &Folder) -> Folder {
    let copy = Folder::new();
    let copied = Command::new("cp")
        .arg("-a")
        .arg(folder.path().join("."))
        .arg(copy.path())
        .status()
        .unwrap();
    assert!(copied.success());
    copy
}

/// Takes the cells that are files from one folder into another. Those in Postgres are where they are.
///
/// What the other folder had goes first: the log of a database, if it has one left, would be read as that of the copy.
fn take_cells(from: &Folder, to: &Folder) {
    for path in cell_files(to) {
        fs::remove_file(path).unwrap();
    }
    for path in cell_files(from) {
        fs::copy(&path, to.path().join(path.file_name().unwrap())).unwrap();
    }
}

fn cell_files(folder: &Folder) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_cell = |path: &PathBuf| {
        let name = path.file_name().unwrap();
        name.to_str().unwrap().starts_with("cell-")
    };
    paths.filter(is_cell).collect()
}

/// The shop is there, and has its product.
async fn sells(platform: &Platform, slug: &str) {
    let visitor = platform.visitor(&format!("{slug}.localhost"));
    let shown = visitor.get("/api/products").await.expect_status(200);
    assert_eq!(shown["products"][0]["handle"], "lamp", "{slug}");
}

async fn with_shop(platform: &Platform, slug: &str) {
    platform.make_shop(slug).await;
    platform.import(slug, FILE).await;
}

#[track_caller]
fn refuses(folder: &Folder, expect: &str) {
    let served = output(&mut serve(folder.path(), ARGUMENTS));
    refused(&served, 4, expect);
}

each_kind!(
    a_folder_that_is_older_than_its_cells_is_refused,
    cells_that_are_older_than_their_folder_are_refused,
);

async fn a_folder_that_is_older_than_its_cells_is_refused(kind: Kind) {
    let platform = start(Folder::of(kind).await);
    with_shop(&platform, "first").await;
    let (_, folder) = platform.stop("-TERM");
    let backup = copy(&folder);
    // Negative control: a copy of the same moment is served.
    take_cells(&folder, &backup);
    let (_, backup) = start(backup).stop("-TERM");

    // A lifecycle that the copy does not know of.
    let platform = start(folder);
    let operator = platform.operator();
    let changed = operator.patch("/v1/tenants/first", json!({"lifecycle": "suspended"}));
    changed.await.expect_status(200);
    let (_, folder) = platform.stop("-TERM");
    take_cells(&folder, &backup);
    refuses(
        &backup,
        "has tenant 1 at epoch 0.3, and the directory at 0.2",
    );

    // A shop that it does not know of, whose number it would give again.
    let platform = start(folder);
    let operator = platform.operator();
    let changed = operator.patch("/v1/tenants/first", json!({"lifecycle": "active"}));
    changed.await.expect_status(200);
    let (_, folder) = platform.stop("-TERM");
    let backup = copy(&folder);
    let platform = start(folder);
    with_shop(&platform, "second").await;
    let (_, folder) = platform.stop("-TERM");
    take_cells(&folder, &backup);
    refuses(&backup, "has rows of tenant 2, who does not live there");

    // Nothing was changed by the refusals.
    let platform = start(folder);
    for slug in ["first", "second"] {
        sells(&platform, slug).await;
    }
}

async fn cells_that_are_older_than_their_folder_are_refused(kind: Kind) {
    let (folder, url) = match kind {
        Kind::Sqlite => (Folder::new(), None),
        Kind::Postgres => {
            let (folder, url) = Folder::with_postgres(1, "local").await;
            (folder, Some(url))
        }
    };
    let (_, folder) = start(folder).stop("-TERM");
    let before = copy(&folder);
    let platform = start(folder);
    with_shop(&platform, "first").await;
    let (_, folder) = platform.stop("-TERM");
    match url {
        None => take_cells(&before, &folder),
        // What a database is like that was restored from a copy from before the shop.
        Some(url) => {
            let mut admin = PgConnection::connect(&url).await.unwrap();
            admin.execute("delete from tenancy.fence").await.unwrap();
        }
    }
    refuses(&folder, "has nothing of tenant 1, who lives there");
}

#[tokio::test]
async fn a_cell_of_another_platform_is_refused() {
    let (folder, url) = Folder::with_postgres(1, "local").await;
    let platform = start(folder);
    with_shop(&platform, "first").await;
    let (_, folder) = platform.stop("-TERM");
    let file = folder.path().join("cells/cell-1.toml");
    let other = Folder::new();
    let arguments = ["--no-demo", "--cell-file", file.to_str().unwrap()];
    let served = serve_alone(other.path(), &arguments);
    refused(&served, 4, "belongs to another platform");

    // A cell that does not say whose it is gives itself away by its fences, and stays nobody's.
    let mut admin = PgConnection::connect(&url).await.unwrap();
    admin.execute("delete from cell_owner").await.unwrap();
    let served = serve_alone(other.path(), &arguments);
    refused(&served, 4, "cell-1 has rows of tenant 1");
    let owners: i64 = sqlx::query_scalar("select count(*) from cell_owner")
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(owners, 0);
    sells(&start(folder), "first").await;
}

/// Also one that is older than the program, whose tables are left as they are.
#[tokio::test]
async fn a_cell_file_of_another_platform_is_refused() {
    const NEWEST: &str = "delete from tenancy_schema_journal
        where version = (select max(version) from tenancy_schema_journal)";
    let (_, folder) = Platform::empty().stop("-TERM");
    let (_, other) = Platform::empty().stop("-TERM");
    take_cells(&other, &folder);
    refuses(&folder, "belongs to another platform");
    let cell = format!("sqlite://{}", folder.path().join("cell-1.db").display());
    let mut cell = SqliteConnection::connect(&cell).await.unwrap();
    let changed = cell.execute(NEWEST).await.unwrap();
    assert_eq!(changed.rows_affected(), 1);
    let versions = "select max(version) from tenancy_schema_journal";
    let before: i64 = sqlx::query_scalar(versions)
        .fetch_one(&mut cell)
        .await
        .unwrap();
    refuses(&folder, "belongs to another platform");
    let after: i64 = sqlx::query_scalar(versions)
        .fetch_one(&mut cell)
        .await
        .unwrap();
    assert_eq!(after, before);
}

/// The cell's lock, as `postgres::hold` takes it.
const LOCK: &str = "pg_advisory_lock(x'74656e61'::int, x'63656c6c'::int)";

/// The server's process of the connection that has the cell's lock.
async fn holder(admin: &mut PgConnection) -> Option<i32> {
    const HOLDER: &str = "select pid from pg_locks where locktype = 'advisory' and granted
        and classid = x'74656e61'::int::oid and objid = x'63656c6c'::int::oid and objsubid = 2
        and database = (select oid from pg_database where datname = current_database())";
    let found = sqlx::query_scalar(HOLDER).fetch_optional(admin).await;
    found.unwrap()
}

async fn end(admin: &mut PgConnection, process: i32) {
    let ended: bool = sqlx::query_scalar("select pg_terminate_backend($1)")
        .bind(process)
        .fetch_one(admin)
        .await
        .unwrap();
    assert!(ended);
}

/// Otherwise both would give the next number to a shop, in one database.
#[tokio::test]
async fn a_copy_of_a_folder_is_not_served_beside_it() {
    let (folder, url) = Folder::with_postgres(1, "local").await;
    let (_, folder) = start(folder).stop("-TERM");
    let second = copy(&folder);
    let platform = start(folder);
    let served = output(&mut serve(second.path(), ARGUMENTS));
    refused(&served, 4, "the cell is served by another process");
    with_shop(&platform, "first").await;
    sells(&platform, "first").await;

    // What is killed leaves nothing behind, and a copy of one moment is served in its turn.
    let (_, folder) = platform.stop("-KILL");
    let second = copy(&folder);
    let platform = start(folder);
    sells(&platform, "first").await;
    platform.stop("-KILL");
    let platform = start(second);
    sells(&platform, "first").await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    assert!(holder(&mut admin).await.is_some());
}

#[tokio::test]
async fn a_cell_whose_lock_is_lost_is_served_only_if_it_is_free() {
    let (folder, url) = Folder::with_postgres(1, "local").await;
    let platform = start(folder);
    with_shop(&platform, "first").await;
    let mut admin = PgConnection::connect(&url).await.unwrap();
    let first = holder(&mut admin).await.expect("it is served");
    end(&mut admin, first).await;
    let again = async {
        loop {
            match holder(&mut admin).await {
                Some(process) if process != first => return process,
                _ => tokio::task::yield_now().await,
            }
        }
    };
    let second = soon("the lock is taken again", again).await;
    sells(&platform, "first").await;

    // Somebody waits, and has the lock in the moment in which it is free.
    let mut other = PgConnection::connect(&url).await.unwrap();
    let process: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut other)
        .await
        .unwrap();
    let taking = tokio::spawn(async move {
        let take = sqlx::AssertSqlSafe(format!("select {LOCK}"));
        other.execute(sqlx::raw_sql(take)).await.unwrap();
        other
    });
    let waits = "select exists (select from pg_locks where pid = $1 and not granted)";
    let waiting = async {
        loop {
            let waits = sqlx::query_scalar(waits)
                .bind(process)
                .fetch_one(&mut admin);
            if waits.await.unwrap() {
                break;
            }
        }
    };
    soon("another process waits for the lock", waiting).await;
    end(&mut admin, second).await;
    let (status, folder) = tokio::task::spawn_blocking(|| platform.ended())
        .await
        .unwrap();
    assert_eq!(status.code(), Some(4), "{status}");
    assert_eq!(holder(&mut admin).await, Some(process));
    drop(taking.await.unwrap());
    sells(&start(folder), "first").await;
}

#[tokio::test]
async fn a_server_of_ones_own_does_not_take_the_place_of_a_cell_elsewhere() {
    let (folder, database) = (Folder::new(), database());
    made(folder.path(), &[&database.url()]);
    let file = folder.path().join("cells/cell-1.toml");
    let before = fs::read_to_string(&file).unwrap();
    let served = serve_alone(folder.path(), &["--no-demo", "--postgres"]);
    refused(&served, 1, "cell-1 is elsewhere");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert!(!folder.path().join("postgres").exists());
}

#[tokio::test]
async fn a_cell_in_which_shops_live_is_not_made_anew() {
    let (folder, _) = Folder::with_postgres(1, "local").await;
    let platform = start(folder);
    with_shop(&platform, "first").await;
    let (_, folder) = platform.stop("-TERM");
    // As if the file had been named with --cell-file from elsewhere.
    fs::remove_dir_all(folder.path().join("cells")).unwrap();
    for arguments in [&["--cells", "1"][..], &["--postgres"]] {
        let served = serve_alone(folder.path(), arguments);
        refused(&served, 1, "shops live in cell-1, and there is no");
    }
    for made in ["cell-1.db", "postgres"] {
        assert!(!folder.path().join(made).exists(), "{made}");
    }
}
