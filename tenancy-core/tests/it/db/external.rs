//! Tenants of tables that know them by a UUID.

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest, ReadWrite, Table, TenantContext,
    db::ExternalKeyError,
    testing::{TestCell, assert_invisible},
    types::Problem as _,
};
use tenancy_testkit::{Database, Postgres};

use super::{MODE, tenant};

const ONE: u128 = 0x0f8f_ad5b_d9cb_469f_a165_7086_7728_950e;
const TWO: u128 = ONE + 1;
const COUNT: &str = "select count(*) from letter";

async fn letters() -> (Database, TestCell) {
    let database = Postgres::shared().database().unwrap();
    database
        .run(
            "create table letter (tenant_id uuid not null, id bigint not null, primary key (tenant_id, id));
             insert into letter values ('0f8fad5b-d9cb-469f-a165-70867728950e', 7)",
        )
        .unwrap();
    let admin: PgConnectOptions = database.url().parse().unwrap();
    let manifest = Manifest::new([Table::tenant_uuid("letter", ["id"])]).unwrap();
    let cell = TestCell::open(&admin, &manifest, MODE.get()).await.unwrap();
    (database, cell)
}

async fn count(cell: &TestCell, tenant: &TenantContext<ReadWrite>) -> i64 {
    let mut tx = cell.begin(tenant);
    let (count,) = tx.sql(COUNT).one().await.unwrap();
    count
}

#[tokio::test]
async fn a_tenant_sees_the_rows_under_its_key() {
    let (_database, cell) = letters().await;
    let one = cell.tenant(tenant(1)).await.unwrap();
    let two = cell.tenant(tenant(2)).await.unwrap();
    assert_eq!(count(&cell, &one).await, 0);
    cell.set_external_key(tenant(1), ONE).await.unwrap();
    cell.set_external_key(tenant(2), TWO).await.unwrap();
    assert_eq!(count(&cell, &one).await, 1);
    assert_invisible(&*cell, &one, &two, "select * from letter").await;
}

#[tokio::test]
async fn a_key_is_set_once_and_for_one() {
    let (_database, cell) = letters().await;
    let unknown = cell.set_external_key(tenant(1), ONE).await.unwrap_err();
    assert!(matches!(unknown, ExternalKeyError::NoFence { .. }));
    for id in [1, 2] {
        cell.tenant(tenant(id)).await.unwrap();
    }
    cell.set_external_key(tenant(1), ONE).await.unwrap();
    cell.set_external_key(tenant(1), ONE).await.unwrap();
    let fixed = cell.set_external_key(tenant(1), TWO).await.unwrap_err();
    assert_eq!(fixed.code().as_str(), "external_key_fixed");
    let taken = cell.set_external_key(tenant(2), ONE).await.unwrap_err();
    assert_eq!(taken.code().as_str(), "external_key_taken");
    cell.set_external_key(tenant(2), TWO).await.unwrap();
}

/// It is set as a fence is changed: bounded by the server, which does not go on when nobody waits any more.
#[tokio::test]
async fn a_key_that_somebody_holds_is_not_waited_for_for_ever() {
    let (database, cell) = letters().await;
    cell.tenant(tenant(1)).await.unwrap();
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    let hold = "begin; select from tenancy.fence for update";
    sqlx::raw_sql(hold).execute(&mut plain).await.unwrap();
    let held = cell.set_external_key(tenant(1), ONE).await.unwrap_err();
    assert_eq!(held.code().as_str(), "database_busy", "{held:?}");
    sqlx::raw_sql("rollback").execute(&mut plain).await.unwrap();
    cell.set_external_key(tenant(1), ONE).await.unwrap();
}

crate::db::also_plain! {
    a_tenant_sees_the_rows_under_its_key,
    a_key_is_set_once_and_for_one,
}
