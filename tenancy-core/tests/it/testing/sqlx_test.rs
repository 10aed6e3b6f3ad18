//! `#[sqlx::test]` asks the variable `DATABASE_URL` for its server, so its tests run in a process of their
//! own that has one of ours.

use std::{env, process::Command};

use sqlx::PgPool;
use tenancy_core::{
    Manifest, Table,
    isolation::IsolationMode,
    testing::{Rows, TestCell, assert_bound, assert_invisible, assert_rejected},
};
use tenancy_testkit::Postgres;

use crate::db::{SCHEMA, manifest, tenant};

/// Runs the ignored tests of this module, and returns what they reported.
#[test]
fn tests_of_sqlx_run_as_the_application() {
    let database = Postgres::shared().database().unwrap();
    let inner = concat!(module_path!(), "::inner");
    let (_crate_name, filter) = inner.split_once("::").expect("a module of this crate");
    let ran = Command::new(env::current_exe().unwrap())
        .args(["--ignored", "--test-threads=1", filter])
        .env("DATABASE_URL", database.url())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("test result: ok. 4 passed"), "{said}");
}

mod inner {
    use super::*;

    async fn shops(pool: &PgPool, mode: IsolationMode) {
        sqlx::raw_sql(SCHEMA).execute(pool).await.unwrap();
        let cell = TestCell::from_pool(pool, &manifest(), mode).await.unwrap();
        let one = cell.tenant(tenant(1)).await.unwrap();
        let two = cell.tenant(tenant(2)).await.unwrap();
        let mut tx = cell.begin(&one);
        sqlx::query("insert into mark values (1)")
            .execute(&mut tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_invisible(&cell, &one, &two, Rows::table("mark").key("tenant_id", 1)).await;
        assert_rejected(&cell, &two, one.tenant(), "insert into mark values ($1)").await;
    }

    #[sqlx::test]
    #[ignore = "needs the server that `tests_of_sqlx_run_as_the_application` gives it"]
    async fn plain(pool: PgPool) {
        shops(&pool, IsolationMode::Plain).await;
    }

    #[sqlx::test]
    #[ignore = "needs the server that `tests_of_sqlx_run_as_the_application` gives it"]
    async fn sealed(pool: PgPool) {
        shops(&pool, IsolationMode::Sealed).await;
    }

    /// Tables come from migrations, whose own table no tenant reaches, and rows from a fixture.
    #[sqlx::test(migrations = "tests/it/testing/migrations", fixtures("letters"))]
    #[ignore = "needs the server that `tests_of_sqlx_run_as_the_application` gives it"]
    async fn migrated(pool: PgPool) {
        let letters = Manifest::new([Table::tenant("letter", ["id"])]).unwrap();
        let cell = TestCell::from_pool(&pool, &letters, IsolationMode::Sealed)
            .await
            .unwrap();
        let one = cell.tenant(tenant(1)).await.unwrap();
        let two = cell.tenant(tenant(2)).await.unwrap();
        assert_invisible(&cell, &one, &two, Rows::table("letter").key("id", 7)).await;
        assert_invisible(&cell, &two, &one, Rows::table("letter")).await;
        let mut tx = cell.begin(&one.to_read_only());
        let refused = sqlx::query("select version from _sqlx_migrations").fetch_all(&mut tx);
        let refused = refused.await.unwrap_err().to_string();
        assert!(refused.contains("permission denied"), "{refused}");
    }

    #[sqlx::test]
    #[ignore = "needs the server that `tests_of_sqlx_run_as_the_application` gives it"]
    #[should_panic(expected = "row security does not bind this connection")]
    async fn its_own_pool_is_a_superusers(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        assert_bound(&mut connection).await;
    }
}
