//! Clients that go past the cell, as an application does that trusts its pooler, or its library, too much.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;

use super::{
    Sabotage,
    client::{LOOK, body},
    given_up::given_up,
    ledger::Seen,
    world::World,
};

/// Nobody's number.
const NOBODY: u32 = 0;

/// One of them `looks` as its tenant, and the other one outside of any transaction, where there is no tenant.
pub(super) async fn visit(
    world: &World,
    (sabotage, looks): (Sabotage, bool),
    tenant: u32,
    polls: u32,
) {
    let (tenant, found) = match sabotage {
        Sabotage::TenantInSession => (tenant, given_up(in_session(world, tenant), polls).await),
        Sabotage::LibraryTransactions if looks => {
            (tenant, given_up(in_transaction(world, tenant), polls).await)
        }
        _ => (NOBODY, given_up(outside(world), polls).await),
    };
    match found {
        Some(Ok(seen)) => {
            world.books.count("read");
            world.books.found(seen.judge(tenant, 0));
        }
        Some(Err(_)) => {
            world.books.count("failed");
            sleep(Duration::from_millis(20)).await;
        }
        None => world.books.count("read dropped"),
    }
}

/// Tells its session whose it is, and looks in another transaction.
async fn in_session(world: &World, tenant: u32) -> Result<Seen, sqlx::Error> {
    let mut session = PgConnection::connect_with(&world.app).await?;
    let set = format!("select set_config('app.tenant_id', '{tenant}', false)");
    sqlx::raw_sql(AssertSqlSafe(set))
        .execute(&mut session)
        .await?;
    let look = sqlx::query_as(LOOK).persistent(false);
    let look = look.bind(i64::from(tenant)).bind(body(tenant));
    look.fetch_one(&mut session).await
}

/// In a transaction of sqlx's own. When it is dropped while it begins, its connection goes back to the pool
/// inside of it.
async fn in_transaction(world: &World, tenant: u32) -> Result<Seen, sqlx::Error> {
    let begin = format!("begin; select set_config('app.tenant_id', '{tenant}', true)");
    let mut tx = world.pool.begin_with(AssertSqlSafe(begin)).await?;
    let look = sqlx::query_as(LOOK)
        .bind(i64::from(tenant))
        .bind(body(tenant));
    let seen = look.fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(seen)
}

/// On any connection of the same pool. There is no tenant, so there is nothing to see.
async fn outside(world: &World) -> Result<Seen, sqlx::Error> {
    let look = sqlx::query_as(LOOK)
        .bind(i64::from(NOBODY))
        .bind(body(NOBODY));
    look.fetch_one(&world.pool).await
}
