//! On Postgres: write transactions that are open when the fence changes.

use std::{num::NonZeroU32, time::Duration};

use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    db::{CellDb, CellOptions, DbError},
    protocol::{Fence, FenceEvent},
    types::{Epoch, Kind, Lifecycle, Problem as _},
};

use super::{epoch, isolated, options, postgres, tenant, until, writer};

const INSERT: &str = "insert into product values (1, $1, $2, 'Mug', null, 0.5)";

const SUSPEND: FenceEvent = FenceEvent::Lifecycle {
    lifecycle: Lifecycle::Suspended,
    epoch: Epoch::new(0, 2),
};

async fn suspend(cell: &CellDb) -> Result<Fence, DbError> {
    let now = cell.fence(tenant(1)).await?;
    cell.change_fence(tenant(1), now, SUSPEND).await
}

async fn insert(cell: &CellDb, id: i64, handle: &'static str) -> Result<u64, DbError> {
    cell.scope(&writer(1), async |tx| {
        tx.sql(INSERT).bind(id).bind(handle).run().await
    })
    .await
}

pub(super) async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

pub(super) async fn count(connection: &mut PgConnection) -> i64 {
    sqlx::query_scalar("select count(*) from product")
        .fetch_one(connection)
        .await
        .unwrap()
}

/// Returns when something waits for an advisory lock of this database.
pub(super) async fn somebody_waits(connection: &mut PgConnection) {
    let waits = "select exists (select 1 from pg_locks where locktype = 'advisory' and not granted
        and database = (select oid from pg_database where datname = current_database()))";
    until(connection, waits).await;
}

#[tokio::test]
async fn a_fence_waits_for_an_open_writer_and_lets_no_new_one_in() {
    let (cell, url) = postgres(2, options(4)).await;
    let mut plain = connect(&url).await;
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    open.sql(INSERT)
        .bind(1_i64)
        .bind("one")
        .run()
        .await
        .unwrap();

    let changing = tokio::spawn({
        let cell = cell.clone();
        async move { suspend(&cell).await }
    });
    somebody_waits(&mut plain).await;
    // Whoever comes now neither waits nor keeps the change waiting.
    let refused = insert(&cell, 2, "two").await.unwrap_err();
    assert!(
        matches!(refused, DbError::Fenced { until: None }),
        "{refused:?}"
    );
    assert!(!changing.is_finished());
    // Readers and other tenants go on.
    let reader = super::reader(1);
    cell.scope(&reader, async |tx| {
        tx.sql("select id from product where tenant_id = 1")
            .all::<(i64,)>()
            .await
    })
    .await
    .unwrap();
    super::stock(&cell, 2, "Mug").await;

    open.sql(INSERT)
        .bind(3_i64)
        .bind("three")
        .run()
        .await
        .unwrap();
    open.commit().await.unwrap();
    assert_eq!(changing.await.unwrap().unwrap().epoch, epoch(2));
    let late = insert(&cell, 4, "four").await.unwrap_err();
    assert!(matches!(late, DbError::StaleEpoch { .. }), "{late:?}");
    assert_eq!(count(&mut plain).await, 3);
}

/// Control: a writer that only reads the fence, and holds nothing, commits after the fence has changed.
#[tokio::test]
async fn without_the_lock_an_open_writer_would_survive_the_fence() {
    let (cell, url) = postgres(1, options(4)).await;
    let mut open = connect(&url).await;
    let epoch_of_1: i64 = {
        sqlx::raw_sql("begin isolation level read committed")
            .execute(&mut open)
            .await
            .unwrap();
        sqlx::query_scalar("select epoch from tenancy.fence where tenant_id = 1")
            .fetch_one(&mut open)
            .await
            .unwrap()
    };
    assert_eq!(epoch_of_1, epoch(1).as_i64());
    suspend(&cell).await.unwrap();
    sqlx::query(INSERT)
        .bind(1_i64)
        .bind("one")
        .execute(&mut open)
        .await
        .unwrap();
    sqlx::raw_sql("commit").execute(&mut open).await.unwrap();
    assert_eq!(count(&mut open).await, 1);
}

#[tokio::test]
async fn a_fence_does_not_wait_for_ever() {
    let (cell, url) = postgres(1, options(4)).await;
    // A process with less patience than the one that writes.
    let hasty: CellOptions = options(2).max_write_age(Duration::from_millis(1));
    let hasty = CellDb::Postgres(isolated(&url, hasty).await);
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    open.sql(INSERT)
        .bind(1_i64)
        .bind("one")
        .run()
        .await
        .unwrap();
    let busy = suspend(&hasty).await.unwrap_err();
    assert!(matches!(busy, DbError::Busy), "{busy:?}");
    assert_eq!(busy.kind(), Kind::Unavailable);
    // Nothing was changed, and nothing is left behind: writers come in, and the next change is made.
    insert(&cell, 2, "two").await.unwrap();
    open.commit().await.unwrap();
    suspend(&hasty).await.unwrap();
    assert_eq!(count(&mut connect(&url).await).await, 2);
}

/// Ends the cell's connections, and returns when they have ended.
const TERMINATE: &str = "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn a_lost_connection_is_unreachable_and_not_a_defect() {
    const SLOW: &str = "select tenant_id from product where pg_sleep(60) is not null";
    let (cell, url) = postgres(1, options(2)).await;
    let mut plain = connect(&url).await;
    super::stock(&cell, 1, "Mug").await;
    let lost = |error: DbError| {
        assert!(matches!(error, DbError::Unreachable { .. }), "{error:?}");
    };
    // Inside a transaction, and while a change of a fence waits for it.
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    open.sql(INSERT)
        .bind(2_i64)
        .bind("two")
        .run()
        .await
        .unwrap();
    let changing = tokio::spawn({
        let cell = cell.clone();
        async move { suspend(&cell).await }
    });
    somebody_waits(&mut plain).await;
    sqlx::raw_sql(TERMINATE).execute(&mut plain).await.unwrap();
    lost(changing.await.unwrap().unwrap_err());
    let insert = open.sql(INSERT).bind(3_i64).bind("three").run().await;
    lost(insert.unwrap_err());
    drop(open);

    // In the middle of the platform's question.
    let asking = tokio::spawn({
        let cell = cell.clone();
        async move { cell.tenants_with(SLOW, &[], NonZeroU32::MIN).await }
    });
    let sleeps = "select exists (select 1 from pg_stat_activity where wait_event = 'PgSleep'
        and datname = current_database())";
    until(&mut plain, sleeps).await;
    sqlx::raw_sql(TERMINATE).execute(&mut plain).await.unwrap();
    lost(asking.await.unwrap().unwrap_err());
    assert_eq!(count(&mut plain).await, 1);
}

crate::db::also_plain! {
    a_fence_waits_for_an_open_writer_and_lets_no_new_one_in,
    without_the_lock_an_open_writer_would_survive_the_fence,
    a_fence_does_not_wait_for_ever,
    a_lost_connection_is_unreachable_and_not_a_defect,
}
