//! Controls: what the end of a storm looks for is found when it is there.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tenancy_core::isolation::IsolationMode;

use super::{
    Line, client,
    end::{PATIENCE, differences, remains},
    world::World,
};

/// A cell after a storm that did nothing.
async fn world(line: Line) -> World {
    let world = World::new(crate::short(IsolationMode::Plain, line)).await;
    for tenant in 1..=9 {
        client::visit_in_peace(&world, tenant).await;
    }
    world
}

/// What is still there after a moment, in which nothing comes to rest.
async fn found(world: &World) -> Vec<String> {
    remains(world, Duration::from_millis(500)).await
}

/// A connection of the application's that was left after these statements.
async fn left(world: &World, statements: &'static str) -> PgConnection {
    let mut session = PgConnection::connect_with(&world.app).await.unwrap();
    sqlx::raw_sql(statements)
        .execute(&mut session)
        .await
        .unwrap();
    session
}

#[tokio::test]
async fn the_end_sees_rows_that_are_not_as_they_were_told() {
    let world = world(Line::Direct).await;
    assert_eq!(differences(&world).await, [""; 0]);
    for (damage, expect) in [
        (
            "delete from entry where tenant_id = 1 and batch = 0",
            "tenant 1: lost {0}",
        ),
        (
            "delete from entry where tenant_id = 2 and batch = 0 and line = 1",
            "tenant 2: not whole {0}",
        ),
        (
            "update entry set body = 'of 1' where tenant_id = 3 and line = 1 and batch = 0",
            "tenant 3: not whole {0}",
        ),
        (
            "insert into entry select 4, 777, line, 'of 4' from generate_series(1, 3) line",
            "tenant 4: there, though refused {777}",
        ),
        (
            "update tally set batches = batches - 1 where tenant_id = 5",
            "tenant 5: the tally is 1 for 2 batches",
        ),
    ] {
        world.ask(damage).await;
        let found = differences(&world).await;
        assert!(
            found.iter().any(|what| what == expect),
            "{damage}: {found:?}"
        );
    }
}

#[tokio::test]
async fn the_end_sees_what_connections_were_left_with() {
    let world = world(Line::Direct).await;
    assert_eq!(remains(&world, PATIENCE).await, [""; 0]);
    for (statements, expect) in [
        ("begin; select 1", "a connection stays busy"),
        ("select pg_advisory_lock(1)", "a connection stays busy"),
        ("select 1", "were not asked"),
    ] {
        let session = left(&world, statements).await;
        let found = found(&world).await;
        assert!(
            found.iter().any(|what| what.contains(expect)),
            "{statements}: {found:?}"
        );
        session.close().await.unwrap();
    }
    let all = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = current_database() and usename like '%\\_app'";
    world.ask(all).await;
    let found = remains(&world, PATIENCE).await;
    assert_eq!(found, ["there is no connection to look at"]);
}

#[tokio::test]
async fn the_end_sees_a_tenant_that_a_poolers_connection_knows() {
    let world = world(Line::Pooled).await;
    assert_eq!(remains(&world, PATIENCE).await, [""; 0]);
    let careless = left(&world, "select set_config('app.tenant_id', '7', false)").await;
    drop(careless);
    let found = found(&world).await;
    assert!(
        found.iter().any(|what| what == "a session knows tenant 7"),
        "{found:?}"
    );
}
