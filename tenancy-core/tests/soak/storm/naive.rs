//! Clients that go past the cell, as an application does that trusts its pooler, or its library, too much.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    time::Duration,
};

use futures_util::FutureExt as _;
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

/// What one of them does, where its sabotage leaves a choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whim {
    /// It looks as its tenant, and not outside of any transaction, where there is no tenant.
    pub(super) looks: bool,
    pub(super) panics: bool,
    /// How often it is polled before it is dropped.
    pub(super) polls: u32,
}

pub(super) async fn visit(world: &World, sabotage: Sabotage, tenant: u32, whim: Whim) {
    let polls = whim.polls;
    let (tenant, found) = match sabotage {
        Sabotage::TenantInSession => (tenant, given_up(in_session(world, tenant), polls).await),
        Sabotage::LibraryTransactions if whim.looks => {
            (tenant, given_up(in_transaction(world, tenant), polls).await)
        }
        // It is never dropped, so that it leaks by panics alone.
        Sabotage::HandMadeTransactions if whim.looks => {
            let looked = AssertUnwindSafe(by_hand(world, tenant, whim)).catch_unwind();
            let Ok(found) = looked.await else {
                return world.books.count("panicked");
            };
            (tenant, Some(found))
        }
        _ => (NOBODY, Some(outside(world).await)),
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

/// In a transaction that the handler begins and ends itself. When it panics in between, its connection goes back to
/// the pool inside of it.
async fn by_hand(world: &World, tenant: u32, whim: Whim) -> Result<Seen, sqlx::Error> {
    let mut connection = world.pool.acquire().await?;
    let begin = format!("begin; select set_config('app.tenant_id', '{tenant}', true)");
    let begin = sqlx::raw_sql(AssertSqlSafe(begin));
    begin.execute(&mut *connection).await?;
    let look = sqlx::query_as(LOOK)
        .bind(i64::from(tenant))
        .bind(body(tenant));
    let seen = look.fetch_one(&mut *connection).await?;
    if whim.panics {
        // Unwinds as a panic does, without a line in the log for each.
        resume_unwind(Box::new("a handler's own mistake"));
    }
    sqlx::raw_sql("commit").execute(&mut *connection).await?;
    Ok(seen)
}

/// On any connection of the same pool. There is no tenant, so there is nothing to see.
async fn outside(world: &World) -> Result<Seen, sqlx::Error> {
    let look = sqlx::query_as(LOOK)
        .bind(i64::from(NOBODY))
        .bind(body(NOBODY));
    look.fetch_one(&world.pool).await
}
