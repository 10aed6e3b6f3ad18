//! Every event on every fence: a cell of either database does what the protocol's table lists, once, and
//! nothing else.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use sqlx::AssertSqlSafe;
use tenancy_core::{
    db::{CellDb, CellTx, DbError, Drain, IsolationLevel, Stragglers},
    protocol::{Fence, FenceEvent, FenceState, fence},
    types::{Lifecycle, UnixMicros},
};

use super::{Sqlite, epoch, options, postgres, tenant, until_so, writer, writers::connect};

/// In the year 2100.
const UNTIL: UnixMicros = UnixMicros::new(4_102_444_800_000_000);

/// No fence, and one of each state at epoch 7; and one of a tenant that is gone for good.
fn fences() -> Vec<Option<Fence>> {
    use FenceState::{Active, Fenced, Gone, Incoming, Ready, Refused, Sealed};
    let fence = |state, lifecycle| Fence {
        state,
        lifecycle,
        epoch: epoch(7),
    };
    let fenced = Fenced { until: UNTIL };
    let states = [Incoming, Ready, Active, fenced, Sealed, Gone, Refused];
    let mut fences = vec![None, Some(fence(Gone, Lifecycle::Gone))];
    fences.extend(states.map(|state| Some(fence(state, Lifecycle::Suspended))));
    fences
}

/// Each event at an older epoch, the same, and newer ones.
fn events() -> Vec<FenceEvent> {
    let early = UnixMicros::new(UNTIL.get() - 1);
    let mut events = vec![
        FenceEvent::Set { until: UNTIL },
        FenceEvent::Release,
        FenceEvent::Expire { now: early },
        FenceEvent::Expire { now: UNTIL },
        FenceEvent::Seal,
        FenceEvent::Freeze,
        FenceEvent::Complete,
    ];
    for epoch in [6, 7, 8, 9].map(epoch) {
        events.extend([
            FenceEvent::Abort { epoch },
            FenceEvent::Retire { epoch },
            FenceEvent::Activate { epoch },
        ]);
        for lifecycle in [Lifecycle::ReadOnly, Lifecycle::Gone] {
            events.extend([
                FenceEvent::Create { lifecycle, epoch },
                FenceEvent::Lifecycle { lifecycle, epoch },
                FenceEvent::Receive { lifecycle, epoch },
                FenceEvent::Refuse { lifecycle, epoch },
            ]);
        }
    }
    events
}

/// One tenant for each fence and event.
fn cases() -> Vec<(u32, Option<Fence>, FenceEvent)> {
    let pairs = fences()
        .into_iter()
        .flat_map(|fence| events().into_iter().map(move |event| (fence, event)));
    (1..)
        .zip(pairs)
        .map(|(id, (fence, event))| (id, fence, event))
        .collect()
}

/// The rows of the cases' fences, as both databases keep them.
fn rows(table: &str) -> AssertSqlSafe<String> {
    let rows: Vec<String> = cases()
        .into_iter()
        .filter_map(|(id, fence, _)| {
            let Fence {
                state,
                lifecycle,
                epoch,
            } = fence?;
            let (state, deadline) = match state {
                FenceState::Incoming => ("incoming", 0),
                FenceState::Ready => ("ready", 0),
                FenceState::Active => ("active", 0),
                FenceState::Fenced { until } => ("fenced", until.get()),
                FenceState::Sealed => ("sealed", 0),
                FenceState::Gone => ("gone", 0),
                FenceState::Refused => ("refused", 0),
            };
            let epoch = epoch.as_i64();
            Some(format!(
                "({id}, '{state}', '{lifecycle}', {epoch}, {deadline})"
            ))
        })
        .collect();
    AssertSqlSafe(format!(
        "insert into {table} (tenant_id, state, lifecycle, epoch, deadline) values {}",
        rows.join(", ")
    ))
}

async fn suite(cell: &CellDb) {
    let stranger = Fence {
        state: FenceState::Active,
        lifecycle: Lifecycle::Active,
        epoch: epoch(99),
    };
    let mut changed = BTreeSet::new();
    for (id, before, event) in cases() {
        let (id, what) = (tenant(id), format!("{event:?} on {before:?}"));
        let Ok(after) = fence::next(before, event) else {
            let refused = cell.change_fence(id, before, event).await;
            assert!(
                matches!(refused, Err(DbError::Rejected(_))),
                "{what}: {refused:?}"
            );
            assert_eq!(cell.fence(id).await.unwrap(), before, "{what}");
            continue;
        };
        // Somebody who took the fence for another changes nothing.
        let mistaken = cell
            .change_fence(id, Some(stranger), FenceEvent::Freeze)
            .await;
        assert!(
            matches!(mistaken, Err(DbError::FenceChanged { found, .. }) if found == before),
            "{what}: {mistaken:?}"
        );
        for _ in 0..2 {
            assert_eq!(
                cell.change_fence(id, before, event).await.unwrap(),
                after,
                "{what}"
            );
            assert_eq!(cell.fence(id).await.unwrap(), Some(after), "{what}");
        }
        let name = format!("{event:?}");
        changed.insert(name.split([' ', '{']).next().unwrap_or_default().to_owned());
    }
    let all = [
        "Abort",
        "Activate",
        "Complete",
        "Create",
        "Expire",
        "Freeze",
        "Lifecycle",
        "Receive",
        "Refuse",
        "Release",
        "Retire",
        "Seal",
        "Set",
    ];
    assert_eq!(changed.into_iter().collect::<Vec<_>>(), all);
}

#[tokio::test]
async fn sqlite_does_what_the_table_lists() {
    let sqlite = Sqlite::new(0, options(2)).await;
    let mut plain = sqlite.plain().await;
    sqlx::raw_sql(rows("tenancy_fence"))
        .execute(&mut plain)
        .await
        .unwrap();
    suite(&sqlite.cell).await;
}

#[tokio::test]
async fn postgres_does_what_the_table_lists() {
    let (cell, url) = postgres(0, options(2)).await;
    let mut plain = connect(&url).await;
    sqlx::raw_sql(rows("tenancy.fence"))
        .execute(&mut plain)
        .await
        .unwrap();
    suite(&cell).await;
}

/// What writers of tenant 1 have done, and when they are to stop.
#[derive(Default)]
struct Writers {
    level: Option<IsolationLevel>,
    stop: AtomicBool,
    acknowledged: AtomicI64,
    next: AtomicI64,
}

async fn insert(cell: &CellDb, level: Option<IsolationLevel>, product: i64) -> Result<(), DbError> {
    let ctx = writer(1);
    let mut tx = match (cell, level) {
        (CellDb::Postgres(cell), Some(level)) => CellTx::Postgres(cell.begin_at(&ctx, level)),
        _ => cell.begin(&ctx),
    };
    tx.sql("insert into product values (1, $1, $2, 'Mug', null, 0.5)")
        .bind(product)
        .bind(format!("product {product}"))
        .run()
        .await?;
    tx.commit().await
}

async fn write(cell: CellDb, writers: Arc<Writers>) {
    while !writers.stop.load(Ordering::SeqCst) {
        let product = writers.next.fetch_add(1, Ordering::SeqCst);
        match insert(&cell, writers.level, product).await {
            Ok(_) => {
                writers.acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            // Under one snapshot, what has changed meanwhile is a conflict.
            Err(DbError::Fenced { .. } | DbError::Conflict { .. }) => {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// The rows of tenant 1, by whoever may ask.
async fn count(cell: &CellDb) -> i64 {
    let reader = super::reader(1);
    let (count,) = cell
        .scope(&reader, async |tx| {
            tx.sql("select count(*) from product where tenant_id = 1")
                .one()
                .await
        })
        .await
        .unwrap();
    count
}

async fn storm(cell: CellDb, level: Option<IsolationLevel>) {
    let writers = Arc::new(Writers {
        level,
        ..Writers::default()
    });
    let busy: Vec<_> = (0..3)
        .map(|_| tokio::spawn(write(cell.clone(), Arc::clone(&writers))))
        .collect();
    let drain = Drain {
        until: UNTIL,
        wait: Duration::from_secs(10),
        stragglers: Stragglers::Unfence,
    };
    for _ in 0..5 {
        // Somebody writes before each drain, or nothing is drained.
        let before = writers.acknowledged.load(Ordering::SeqCst);
        let somebody_wrote = async || {
            assert!(busy.iter().all(|writer| !writer.is_finished()));
            writers.acknowledged.load(Ordering::SeqCst) != before
        };
        until_so("somebody wrote", somebody_wrote).await;
        let active = cell.fence(tenant(1)).await.unwrap().unwrap();
        let fenced = cell.drain(tenant(1), active, drain).await.unwrap();
        let drained = count(&cell).await;
        for _ in 0..3 {
            assert_eq!(count(&cell).await, drained);
        }
        let release = cell.change_fence(tenant(1), Some(fenced), FenceEvent::Release);
        assert_eq!(release.await.unwrap(), active);
    }
    writers.stop.store(true, Ordering::SeqCst);
    for writer in busy {
        writer.await.unwrap();
    }
    assert_eq!(
        count(&cell).await,
        writers.acknowledged.load(Ordering::SeqCst)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_nothing_is_written_between_a_drain_and_its_release() {
    let sqlite = Sqlite::new(1, options(2)).await;
    storm(sqlite.cell.clone(), None).await;
}

/// On Postgres, at each isolation level.
async fn storm_at(level: IsolationLevel) {
    storm(postgres(1, options(4)).await.0, Some(level)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_between_a_drain_and_its_release() {
    storm_at(IsolationLevel::ReadCommitted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_behind_a_drain_under_one_snapshot() {
    storm_at(IsolationLevel::RepeatableRead).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_serializable_is_written_behind_a_drain() {
    storm_at(IsolationLevel::Serializable).await;
}

/// Control: a fence that is set and not drained has a writer behind it.
#[tokio::test]
async fn a_fence_that_is_only_set_is_written_behind() {
    let (cell, url) = postgres(1, options(2)).await;
    let mut plain = connect(&url).await;
    let ctx = writer(1);
    let mut open = cell.begin(&ctx);
    let insert = open.sql("insert into product values (1, 1, 'late', 'Mug', null, 0.5)");
    insert.run().await.unwrap();
    let set = format!(
        "update tenancy.fence set state = 'fenced', deadline = {} where tenant_id = 1",
        UNTIL.get()
    );
    sqlx::raw_sql(AssertSqlSafe(set))
        .execute(&mut plain)
        .await
        .unwrap();
    assert_eq!(count(&cell).await, 0);
    open.commit().await.unwrap();
    assert_eq!(count(&cell).await, 1);
}

crate::db::also_plain! {
    a_fence_that_is_only_set_is_written_behind,
    nothing_is_written_behind_a_drain_under_one_snapshot,
    nothing_is_written_between_a_drain_and_its_release,
    nothing_serializable_is_written_behind_a_drain,
    postgres_does_what_the_table_lists,
}
