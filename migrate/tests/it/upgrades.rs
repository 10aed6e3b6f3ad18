//! The shells, over both databases: one body of checks, run by each.

use std::{cell::Cell, iter};

use futures_util::future::join_all;
use sqlx::{
    ConnectOptions, Connection, Executor, PgConnection, SqliteConnection,
    postgres::PgConnectOptions, sqlite::SqliteConnectOptions,
};
use tenancy_migrate::{
    Schema, SchemaError, Sql, Upgrade, Version, upgrade_postgres, upgrade_sqlite,
};
use tenancy_testkit::Postgres;
use tenancy_types::{Kind, ManualClock, Problem, Retry};

use crate::interrupt::{Drop, interrupt};

/// A database to upgrade.
enum Target {
    Sqlite(
        SqliteConnectOptions,
        #[expect(dead_code, reason = "removes the file")] tempfile::TempDir,
    ),
    Postgres(PgConnectOptions),
}

impl Target {
    fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cell.db");
        Self::Sqlite(
            SqliteConnectOptions::new()
                .filename(file)
                .create_if_missing(true),
            folder,
        )
    }

    fn postgres() -> Self {
        let database = Postgres::shared().database().unwrap();
        Self::Postgres(database.url().parse().unwrap())
    }

    async fn upgrade(&self, schema: &Schema) -> Result<Upgrade, SchemaError> {
        let clock = ManualClock::default();
        match self {
            Self::Sqlite(options, _) => upgrade_sqlite(schema, options, &clock).await,
            Self::Postgres(options) => upgrade_postgres(schema, options, &clock).await,
        }
    }

    async fn run(&self, sql: &'static str) {
        match self {
            Self::Sqlite(options, _) => {
                let mut connection = options.connect().await.unwrap();
                connection.execute(sqlx::raw_sql(sql)).await.unwrap();
                connection.close().await.unwrap();
            }
            Self::Postgres(options) => {
                let mut connection = options.connect().await.unwrap();
                connection.execute(sqlx::raw_sql(sql)).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }

    /// The one number that a query answers.
    async fn number(&self, sql: &'static str) -> i64 {
        match self {
            Self::Sqlite(options, _) => {
                let mut connection: SqliteConnection = options.connect().await.unwrap();
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
            Self::Postgres(options) => {
                let mut connection: PgConnection = options.connect().await.unwrap();
                sqlx::query_scalar(sql)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap()
            }
        }
    }
}

/// Three versions, of which each fails when it is applied twice or before the one before it.
fn shops() -> Schema {
    let search = Sql::PerDatabase {
        sqlite: "create virtual table words using fts5 (word); insert into steps values (2)".into(),
        postgres: "create table words (word tsvector); insert into steps values (2)".into(),
    };
    Schema::new([
        Version::new(
            1,
            "steps",
            "create table steps (n bigint); insert into steps values (1)",
        ),
        Version::new(2, "search", search),
        Version::new(
            3,
            "rename",
            "alter table steps rename to done; insert into done values (3)",
        ),
    ])
    .unwrap()
}

fn first(versions: usize) -> Schema {
    Schema::new(shops().versions()[..versions].iter().cloned()).unwrap()
}

async fn applies_what_is_missing(target: Target) {
    let upgrade = |from, to| Upgrade { from, to };
    assert_eq!(target.upgrade(&first(2)).await.unwrap(), upgrade(0, 2));
    assert_eq!(target.number("select count(*) from steps").await, 2);
    assert_eq!(target.upgrade(&shops()).await.unwrap(), upgrade(2, 3));
    assert_eq!(target.upgrade(&shops()).await.unwrap(), upgrade(3, 3));
    assert_eq!(target.number("select count(*) from done").await, 3);
    let whole = "select count(*) from tenancy_schema_journal
        where state = 'done' and length(checksum) = 64 and finished_at >= started_at and started_at > 0";
    assert_eq!(target.number(whole).await, 3);
}

async fn a_failing_version_leaves_nothing(target: Target) {
    let broken = Version::new(
        3,
        "broken",
        "create table half (n bigint); insert into nowhere values (1)",
    );
    let schema = shops();
    let versions = schema.versions()[..2].iter().cloned().chain([broken]);
    let error = target
        .upgrade(&Schema::new(versions).unwrap())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "database error in version 3");
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.client_text().contains("nowhere"));
    // The versions before it stay; after it is put right, the rest follows.
    assert_eq!(
        target
            .number("select count(*) from tenancy_schema_journal")
            .await,
        2
    );
    assert_eq!(
        target.upgrade(&shops()).await.unwrap(),
        Upgrade { from: 2, to: 3 }
    );
    // The half of it that would have worked is gone too.
    target.run("create table half (n bigint)").await;
}

async fn drift_is_refused(target: Target) {
    target.upgrade(&shops()).await.unwrap();
    let newer = target.upgrade(&first(2)).await.unwrap_err();
    assert!(
        matches!(newer, SchemaError::Newer { found: 3, known: 2 }),
        "{newer:?}"
    );
    target
        .run("update tenancy_schema_journal set state = 'intent' where version = 3")
        .await;
    let begun = target.upgrade(&shops()).await.unwrap_err();
    assert!(
        matches!(begun, SchemaError::Interrupted { version: 3 }),
        "{begun:?}"
    );
    target
        .run("delete from tenancy_schema_journal where version = 2")
        .await;
    let gap = target.upgrade(&shops()).await.unwrap_err();
    assert!(
        matches!(
            gap,
            SchemaError::Gap {
                expected: 2,
                found: 3
            }
        ),
        "{gap:?}"
    );
    target
        .run("update tenancy_schema_journal set version = -1 where version = 1")
        .await;
    let bad = target.upgrade(&shops()).await.unwrap_err();
    assert!(
        matches!(bad, SchemaError::BadRow { version: -1, .. }),
        "{bad:?}"
    );
}

async fn a_version_that_ends_its_transaction_is_found_out(target: Target) {
    for text in [
        "create table a (n bigint); commit",
        "create table b (n bigint); commit; begin",
        "create table c (n bigint); rollback; begin",
    ] {
        let schema = Schema::new([Version::new(1, "commits", text)]).unwrap();
        let error = target.upgrade(&schema).await.unwrap_err();
        assert!(
            matches!(error, SchemaError::LeftTransaction { version: 1, .. }),
            "{text}: {error:?}"
        );
        assert_eq!(
            target.upgrade(&first(0)).await.unwrap(),
            Upgrade { from: 0, to: 0 }
        );
    }
}

async fn many_runners_apply_each_version_once(target: Target) {
    let table = Version::new(1, "steps", "create table steps (n bigint)");
    let step = |number| {
        Version::new(
            number,
            "step",
            "insert into steps select count(*) from steps",
        )
    };
    let schema = Schema::new(iter::once(table).chain((2..=20).map(step))).unwrap();
    let upgrades = join_all((0..8).map(|_| target.upgrade(&schema))).await;
    for upgrade in upgrades {
        assert_eq!(upgrade.unwrap().to, 20);
    }
    assert_eq!(
        target
            .number("select count(*) + count(distinct n) from steps")
            .await,
        38
    );
}

/// Drops the runner at every point at which it waits, and lets another one finish. An answer that has arrived
/// by the time it is asked for is no wait, so it walks through the points again until it has met enough.
async fn a_crash_anywhere_is_resumed(drop: Drop, targets: impl AsyncFn() -> Target) {
    let mut crashes = 0;
    for _ in 0..16 {
        let mut point = 0;
        while crashes_at(point, drop, &targets().await).await {
            point += 1;
        }
        crashes += point;
        // Fewer would mean that the crash points do not reach into the versions.
        if crashes > 15 {
            return;
        }
    }
    panic!("{crashes} points");
}

/// Whether there is such a point; what was dropped there is resumed.
async fn crashes_at(point: u32, drop: Drop, target: &Target) -> bool {
    let done = interrupt(target.upgrade(&shops()), point, drop).await;
    if done.is_some() {
        return false;
    }
    // It may die again, a little further on or nearer, before somebody gets to the end.
    interrupt(target.upgrade(&shops()), point / 2, drop).await;
    let upgrade = target.upgrade(&shops()).await.unwrap();
    assert_eq!(upgrade.to, 3, "at poll {point}");
    let both = "select (select count(*) from done) * 10 + count(*) from tenancy_schema_journal";
    assert_eq!(target.number(both).await, 33);
    true
}

macro_rules! on_both {
    ($($check:ident),*) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $check() {
                super::$check(super::Target::sqlite()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test]
            async fn $check() {
                super::$check(super::Target::postgres()).await;
            })*
        }
    };
}

on_both!(
    applies_what_is_missing,
    a_failing_version_leaves_nothing,
    drift_is_refused,
    a_version_that_ends_its_transaction_is_found_out,
    many_runners_apply_each_version_once
);

#[tokio::test]
async fn sqlite_crash_before_an_answer_is_resumed() {
    a_crash_anywhere_is_resumed(Drop::Asked, async || Target::sqlite()).await;
}

#[tokio::test]
async fn sqlite_crash_after_an_answer_is_resumed() {
    a_crash_anywhere_is_resumed(Drop::Answered, async || Target::sqlite()).await;
}

#[tokio::test]
async fn postgres_crash_before_an_answer_is_resumed() {
    on_postgres_schemas(Drop::Asked).await;
}

#[tokio::test]
async fn postgres_crash_after_an_answer_is_resumed() {
    on_postgres_schemas(Drop::Answered).await;
}

/// A schema is made in a millisecond, a database in a hundred.
async fn on_postgres_schemas(drop: Drop) {
    let database = Postgres::shared().database().unwrap();
    let options: PgConnectOptions = database.url().parse().unwrap();
    let made = Cell::new(0);
    let schema = async || {
        let name = format!("crash_{}", made.replace(made.get() + 1));
        let mut connection = options.connect().await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("create schema {name}"));
        connection.execute(create).await.unwrap();
        Target::Postgres(options.clone().options([("search_path", name)]))
    };
    a_crash_anywhere_is_resumed(drop, schema).await;
}

#[tokio::test]
async fn a_cell_that_cannot_be_reached_is_unavailable() {
    let nowhere = SqliteConnectOptions::new().filename("/nowhere/cell.db");
    let error = upgrade_sqlite(&shops(), &nowhere, &ManualClock::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.client_text().contains("nowhere"));
}

#[tokio::test]
async fn a_statement_that_waits_too_long_for_a_lock_gives_up() {
    let Target::Postgres(options) = Target::postgres() else {
        unreachable!("made above");
    };
    let clock = ManualClock::default();
    upgrade_postgres(&first(2), &options, &clock).await.unwrap();
    let mut holder = options.connect().await.unwrap();
    holder
        .execute("begin; lock table steps in access share mode")
        .await
        .unwrap();
    let error = upgrade_postgres(&shops(), &options, &clock)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "waited too long for a lock in version 3");
    assert!(matches!(error.retry(), Retry::After(_)));
    holder.execute("rollback").await.unwrap();
    let upgrade = upgrade_postgres(&shops(), &options, &clock).await.unwrap();
    assert_eq!(upgrade, Upgrade { from: 2, to: 3 });
}
