//! The application's own test of its isolation.

use sqlx::PgPool;
use tenancy_core::{
    Manifest,
    isolation::IsolationMode,
    testing::{Rows, TestCell, assert_invisible, assert_rejected},
    types::TenantId,
};

pub(crate) async fn tasks_are_their_customers_own(pool: PgPool, manifest: Manifest) {
    let cell = TestCell::from_pool(&pool, &manifest, IsolationMode::Sealed)
        .await
        .unwrap();
    let [one, two] = [1, 2].map(|id| TenantId::new(id).unwrap());
    let one = cell.tenant(one).await.unwrap();
    let two = cell.tenant(two).await.unwrap();

    let roof = Rows::table("task").key("title", "Roof");
    assert_invisible(&*cell, &one, &two, roof).await;
    let roof = "SELECT title FROM open_task WHERE title = 'Roof'";
    assert_invisible(&*cell, &one, &two, roof).await;
    let forged = "INSERT INTO label (tenant_id, name) VALUES ($1, 'forged')";
    assert_rejected(&*cell, &two, one.tenant(), forged).await;
}
