//! What isolates on SQLite, and that without each guard the same statement gets through.

use std::{num::NonZeroU16, time::Duration};

use sqlx::{Connection as _, Sqlite, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use tenancy_types::{Epoch, Lifecycle, WorkBudget};

use super::{pool::SqliteLease, *};
use crate::{
    Table,
    db::database::{IsolationLevel, Mode, NotEntered, Opening, private::Driver as _},
};

const SCHEMA: &str = "
create table product (tenant_id bigint, id bigint, title text, code text unique, primary key (tenant_id, id));
create table journal (id bigint primary key);
create table currency (code text primary key);
insert into product values (1, 1, 'mug of 1', 'a'), (2, 1, 'mug of 2', 'b'), (2, 2, 'jug of 2', 'c');
insert into journal values (1);
insert into currency values ('EUR');
";

async fn cell() -> (TempDir, SqliteCell) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cell.db");
    let options = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let mut plain = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&mut plain).await.unwrap();
    plain.close().await.unwrap();
    let manifest = Manifest::new([
        Table::tenant("product", ["id"]),
        Table::control_plane("journal"),
        Table::shared_read("currency"),
    ])
    .unwrap();
    let options = CellOptions::new(NonZeroU16::MIN);
    let cell = SqliteCell::open(path, &manifest, options).await.unwrap();
    for id in 1..=2 {
        let event = FenceEvent::Create {
            lifecycle: Lifecycle::Active,
            epoch: Epoch::FIRST,
        };
        let tenant = TenantId::new(id).unwrap();
        cell.change_fence(tenant, None, event).await.unwrap();
    }
    (folder, cell)
}

fn opening(tenant: u32, access: Mode) -> Opening {
    Opening {
        tenant: TenantId::new(tenant).unwrap(),
        epoch: Epoch::FIRST,
        budget: WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(5)),
        access,
        level: IsolationLevel::Serializable,
        #[cfg(feature = "postgres")]
        cell: tenancy_types::CellId::new(1).unwrap(),
        #[cfg(feature = "postgres")]
        seen: None,
    }
}

async fn open(cell: &SqliteCell, tenant: u32, access: Mode) -> SqliteLease {
    try_open(cell, tenant, access).await.unwrap()
}

async fn try_open(cell: &SqliteCell, tenant: u32, access: Mode) -> Result<SqliteLease, NotEntered> {
    let opening = opening(tenant, access);
    let lease = Sqlite::lease(cell.clone(), opening).await.unwrap();
    Sqlite::enter(cell.clone(), lease, opening).await
}

async fn execute(lease: &mut SqliteLease, sql: &'static str) -> Result<u64, sqlx::Error> {
    Sqlite::run(lease, sql.into(), Default::default()).await
}

async fn texts(lease: &mut SqliteLease, sql: &'static str) -> Vec<String> {
    let rows: Vec<(String,)> = Sqlite::all(lease, sql.into(), Default::default())
        .await
        .unwrap();
    rows.into_iter().map(|(text,)| text).collect()
}

const TITLES: &str = "select title from product order by tenant_id, id";

#[tokio::test]
async fn a_reader_sees_its_own_rows_because_of_the_view() {
    let (_folder, cell) = cell().await;
    for (tenant, expect) in [(1, vec!["mug of 1"]), (2, vec!["mug of 2", "jug of 2"])] {
        let mut lease = open(&cell, tenant, Mode::Read).await;
        assert_eq!(texts(&mut lease, TITLES).await, expect);
        Sqlite::rollback(lease).await;
    }
    let mut lease = open(&cell, 1, Mode::Read).await;
    execute(&mut lease, "drop view temp.product").await.unwrap();
    assert_eq!(
        texts(&mut lease, TITLES).await.len(),
        3,
        "control: without the view"
    );
}

#[tokio::test]
async fn the_platforms_tables_are_hidden_and_shared_ones_are_read() {
    let (_folder, cell) = cell().await;
    for (sql, view) in [
        ("select count(*) from journal", "drop view temp.journal"),
        (
            "select count(*) from tenancy_fence",
            "drop view temp.tenancy_fence",
        ),
    ] {
        let mut lease = open(&cell, 1, Mode::Read).await;
        let hidden = Sqlite::all::<(i64,)>(&mut lease, sql.into(), Default::default()).await;
        let Err(sqlx::Error::Database(refusal)) = hidden else {
            panic!("{sql}: not refused");
        };
        assert!(Sqlite::is_foreign_row(&*refusal), "{refusal}");
        execute(&mut lease, view).await.unwrap();
        let seen = Sqlite::all::<(i64,)>(&mut lease, sql.into(), Default::default()).await;
        assert_eq!(seen.unwrap().len(), 1, "control: without the view");
    }
    let mut lease = open(&cell, 1, Mode::Read).await;
    assert_eq!(
        texts(&mut lease, "select code from currency").await,
        ["EUR"]
    );
}

/// Control of the assertions for applications: without the triggers each of them fails.
#[cfg(feature = "test-util")]
#[tokio::test]
async fn the_assertions_see_writes_without_the_triggers() {
    use std::panic::AssertUnwindSafe;

    use futures_util::FutureExt as _;

    use crate::testing::{Rows, assert_invisible, assert_rejected};

    let (_folder, cell) = cell().await;
    let [one, two] = [1, 2].map(|id| TenantContext::for_test(TenantId::new(id).unwrap()));
    let jug = || Rows::table("product").key("code", "c");
    let insert = "insert into product values ($1, 9, 'new', 'x')";
    assert_invisible(&cell, &two, &one, jug()).await;
    assert_rejected(&cell, &one, two.tenant(), insert).await;

    let mut writer = open(&cell, 1, Mode::Write).await;
    for verb in ["insert", "update", "delete"] {
        let drop = format!("drop trigger temp.tenancy_product_{verb}");
        execute(&mut writer, drop.leak()).await.unwrap();
    }
    Sqlite::commit(writer, opening(1, Mode::Write))
        .await
        .unwrap();
    let said = async |assertion: &mut (dyn Future<Output = ()> + Send + Unpin)| {
        let panicked = AssertUnwindSafe(assertion).catch_unwind().await;
        *panicked.unwrap_err().downcast::<String>().unwrap()
    };
    let leaked = said(&mut Box::pin(assert_invisible(&cell, &two, &one, jug()))).await;
    assert!(
        !leaked.contains("can read"),
        "views are still there: {leaked}"
    );
    assert!(leaked.contains("LEAK: tenant 1 can update 1"), "{leaked}");
    assert!(leaked.contains("LEAK: tenant 1 can delete 1"), "{leaked}");
    let rejected = assert_rejected(&cell, &one, two.tenant(), insert);
    let leaked = said(&mut Box::pin(rejected)).await;
    assert!(leaked.contains("LEAK"), "{leaked}");
}

/// Refused with the trigger, changes something without.
async fn check_refused(sql: &'static str, without: &'static str) {
    let (_folder, cell) = cell().await;
    let mut lease = open(&cell, 1, Mode::Write).await;
    let Err(sqlx::Error::Database(refusal)) = execute(&mut lease, sql).await else {
        panic!("{sql}: not refused");
    };
    assert!(Sqlite::is_foreign_row(&*refusal), "{sql}: {refusal}");
    Sqlite::rollback(lease).await;
    let mut lease = open(&cell, 1, Mode::Write).await;
    execute(&mut lease, without).await.unwrap();
    let changed = execute(&mut lease, sql).await;
    assert!(changed.unwrap() > 0, "control: {sql} after {without}");
}

#[tokio::test]
async fn a_writer_changes_its_own_rows_because_of_the_triggers() {
    const INSERT: &str = "drop trigger temp.tenancy_product_insert";
    const UPDATE: &str = "drop trigger temp.tenancy_product_update";
    const DELETE: &str = "drop trigger temp.tenancy_product_delete";
    for (sql, without) in [
        ("insert into product values (2, 9, 'from 1', 'x')", INSERT),
        (
            "insert into product values (1, 9, 'own', 'x'), (2, 9, 'from 1', 'y')",
            INSERT,
        ),
        (
            "insert into product select 2, 9, title, 'x' from currency, product limit 1",
            INSERT,
        ),
        (
            "update product set title = 'taken' where tenant_id = 2",
            UPDATE,
        ),
        ("update product set title = 'taken'", UPDATE),
        (
            "update product set tenant_id = 2, id = 9 where tenant_id = 1",
            UPDATE,
        ),
        (
            "update product set tenant_id = 1, id = id + 10 where tenant_id = 2",
            UPDATE,
        ),
        ("delete from product where tenant_id = 2", DELETE),
        ("delete from product", DELETE),
        (
            "insert into product values (1, 9, 'x', 'b') on conflict (code) do update set title = 'taken'",
            UPDATE,
        ),
        // Replacing removes the row of 2 that has the code.
        (
            "insert or replace into product values (1, 9, 'x', 'b')",
            DELETE,
        ),
        (
            "insert or replace into product values (1, 9, 'x', 'b')",
            "pragma recursive_triggers = off",
        ),
        (
            "insert into journal values (2)",
            "drop trigger temp.tenancy_journal_insert",
        ),
        (
            "update currency set code = 'JPY'",
            "drop trigger temp.tenancy_currency_update",
        ),
        (
            "delete from currency",
            "drop trigger temp.tenancy_currency_delete",
        ),
        (
            "update tenancy_fence set epoch = 9 where tenant_id = 2",
            "drop trigger temp.tenancy_tenancy_fence_update",
        ),
    ] {
        check_refused(sql, without).await;
    }
}

#[tokio::test]
async fn own_rows_are_written_with_upsert_and_returning() {
    let (_folder, cell) = cell().await;
    let mut lease = open(&cell, 1, Mode::Write).await;
    let upsert = "insert into product values (1, 1, 'new', 'a')
        on conflict (tenant_id, id) do update set title = excluded.title returning title";
    assert_eq!(texts(&mut lease, upsert).await, ["new"]);
    assert_eq!(
        execute(&mut lease, "delete from product where tenant_id = 1")
            .await
            .unwrap(),
        1
    );
    Sqlite::commit(lease, opening(1, Mode::Write))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connection_forgets_its_tenant() {
    let (_folder, cell) = cell().await;
    let current = "select count(*) from temp.tenancy_current where tenant_id is null";
    for mode in [Mode::Read, Mode::Write] {
        for end in ["commit", "rollback", "drop"] {
            let lease = open(&cell, 1, mode).await;
            match end {
                "commit" => Sqlite::commit(lease, opening(1, mode)).await.unwrap(),
                "rollback" => Sqlite::rollback(lease).await,
                _ => drop(lease),
            }
            let pool = match mode {
                Mode::Read => &cell.0.readers,
                Mode::Write => &cell.0.writer,
            };
            let mut lease = pool.lease(None, 1).await.unwrap();
            let none: Vec<(i64,)> = Sqlite::all(&mut lease, current.into(), Default::default())
                .await
                .unwrap();
            assert_eq!(none, [(1,)], "{mode:?}, {end}");
        }
        // Control: a connection that is given back inside its transaction is noticed by the next borrower.
        open(&cell, 1, mode).await.keep();
        assert!(try_open(&cell, 2, mode).await.is_err(), "{mode:?}");
    }
}
