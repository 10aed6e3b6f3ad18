//! What the worker searches for is found by an index, however many rows the tables have.

use sqlx::Row as _;
use storefront::shop::{
    cart::TENANTS_WITH_OLD_CARTS,
    checkout::{TENANTS_WITH_DUE_ORDERS, TENANTS_WITH_OLD_KEYS, TENANTS_WITH_PENDING_REFUNDS},
};

use crate::shop_world::World;

#[tokio::test]
async fn no_search_walks_a_table() {
    let world = World::sqlite().await;
    let mut connection = world.behind_its_back().await;
    let oldest = "select min(expires_at) from shop_order
        where tenant_id = $1 and state = 'pending' and expires_at <= $2";
    for (search, parameters, index) in [
        (TENANTS_WITH_DUE_ORDERS, 3, "shop_order_pending"),
        (TENANTS_WITH_PENDING_REFUNDS, 3, "order_refund_next_try"),
        (TENANTS_WITH_OLD_KEYS, 2, "checkout_key_by_age"),
        (TENANTS_WITH_OLD_CARTS, 2, "cart_by_age"),
        (oldest, 2, "shop_order_overdue"),
    ] {
        let explain = sqlx::AssertSqlSafe(format!("explain query plan {search}"));
        let plan = (0..parameters).fold(sqlx::query(explain), |plan, value: i64| plan.bind(value));
        let plan = plan.fetch_all(&mut connection).await.unwrap();
        let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        let used = plan.iter().any(|step| step.contains(index));
        let walks = plan.iter().any(|step| step.starts_with("SCAN"));
        assert!(used && !walks, "{search}: {plan:?}");
    }
}
