//! A fence whose deadline has passed is lifted by its tenant's next writer, on a connection of the platform's own.
//! A writer who begins so, and then does not look any more, keeps that connection for a while, and not for ever.

use std::time::Duration;

use tenancy_core::{
    db::{CellDb, CellOptions, DbError},
    protocol::{FenceEvent, FenceState},
    types::{Kind, Problem as _, UnixMicros},
};

use super::{Sqlite, given_up::given_up, options, postgres, tenant, writer};

/// More than a cell has connections for changes of fences.
const FORGOTTEN: u32 = 5;

/// Whoever looks away is ended after 150 ms. On a slow machine that may come before anything else.
fn short(connections: u16) -> CellOptions {
    options(connections)
        .max_write_age(Duration::from_millis(50))
        .wait(Duration::from_millis(50))
}

async fn write(cell: CellDb, id: u32) -> Result<(), DbError> {
    let mut tx = cell.begin(&writer(id));
    tx.sql("insert into mark values ($1) on conflict do nothing")
        .bind(i64::from(id))
        .run()
        .await?;
    tx.rollback().await;
    Ok(())
}

/// The tenant has a fence that was to be lifted long ago.
async fn lapse(cell: &CellDb, id: u32) -> Result<(), DbError> {
    let now = cell.fence(tenant(id)).await?.unwrap();
    if now.state == FenceState::Active {
        let until = UnixMicros::new(1_000);
        let set = FenceEvent::Set { until };
        cell.change_fence(tenant(id), Some(now), set).await?;
    }
    Ok(())
}

/// Others are busy for as long as those who were forgotten may keep what they have.
async fn in_the_end(mut work: impl AsyncFnMut() -> Result<(), DbError>) {
    let trying = async {
        while let Err(error) = work().await {
            assert_eq!(error.kind(), Kind::Unavailable, "{error:?}");
        }
    };
    tokio::time::timeout(Duration::from_secs(60), trying)
        .await
        .expect("those who were forgotten keep their connections");
}

/// Writers of the tenants but the last are polled so often and kept. Whether all of them were done by then.
async fn forgotten_after(polls: u32, cell: &CellDb, others: u32) -> bool {
    for id in 1..=others + 1 {
        in_the_end(async || lapse(cell, id).await).await;
    }
    let mut kept = Vec::new();
    for id in 1..=others {
        let mut work = Box::pin(write(cell.clone(), id));
        if !matches!(given_up(&mut work, polls).await, Some(Ok(()))) {
            kept.push(work);
        }
    }
    in_the_end(async || write(cell.clone(), others + 1).await).await;
    kept.is_empty()
}

/// At each await of a writer.
async fn check(cell: &CellDb, others: u32) {
    for polls in 1..=40 {
        if forgotten_after(polls, cell, others).await {
            // On a busy machine many answers are there at once; the first poll only asks.
            assert!(polls > 1, "it lifts a fence in {polls} polls");
            return;
        }
    }
}

#[tokio::test]
async fn who_looks_away_while_a_fence_is_lifted_keeps_no_connection_on_sqlite() {
    let sqlite = Sqlite::new(2, short(2)).await;
    check(&sqlite.cell, 1).await;
}

#[tokio::test]
async fn who_looks_away_while_a_fence_is_lifted_keeps_no_connection() {
    let (cell, _url) = postgres(FORGOTTEN + 1, short(8)).await;
    check(&cell, FORGOTTEN).await;
}

crate::db::also_plain! {
    who_looks_away_while_a_fence_is_lifted_keeps_no_connection,
}
