//! The fence in the cell's own database: changed by the protocol's table, asked by every transaction.

use tenancy_core::{
    db::{CellDb, DbError},
    protocol::{Fence, FenceEvent, FenceState},
    types::{Kind, Lifecycle, Problem as _, UnixMicros},
};

use super::{Sqlite, admitted, budget, create, epoch, options, postgres, tenant};

async fn on_both(check: impl AsyncFn(&CellDb)) {
    let sqlite = Sqlite::new(0, options(1)).await;
    check(&sqlite.cell).await;
    check(&postgres(0, options(1)).await.0).await;
}

const ACTIVE: Fence = Fence {
    state: FenceState::Active,
    lifecycle: Lifecycle::Active,
    epoch: tenancy_core::types::Epoch::FIRST,
};

/// In the year 2100, and in 1970.
const UNTIL: UnixMicros = UnixMicros::new(4_102_444_800_000_000);
const LONG_AGO: UnixMicros = UnixMicros::new(1_000);

#[tokio::test]
async fn a_change_is_kept_and_doing_it_twice_does_it_once() {
    on_both(async |cell| {
        let one = tenant(1);
        assert_eq!(cell.fence(one).await.unwrap(), None);
        create(cell, 1).await;
        create(cell, 1).await;
        let mut now = cell.fence(one).await.unwrap();
        assert_eq!(now, Some(ACTIVE));
        for (event, state, seq) in [
            (
                FenceEvent::Set { until: UNTIL },
                FenceState::Fenced { until: UNTIL },
                1,
            ),
            (FenceEvent::Release, FenceState::Active, 1),
            (
                FenceEvent::Set { until: UNTIL },
                FenceState::Fenced { until: UNTIL },
                1,
            ),
            (FenceEvent::Seal, FenceState::Sealed, 1),
            (FenceEvent::Abort { epoch: epoch(3) }, FenceState::Active, 3),
        ] {
            for _ in 0..2 {
                let after = cell.change_fence(one, now, event).await.unwrap();
                assert_eq!((after.state, after.epoch), (state, epoch(seq)));
                assert_eq!(cell.fence(one).await.unwrap(), Some(after));
            }
            now = cell.fence(one).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_change_from_another_fence_than_expected_changes_nothing() {
    on_both(async |cell| {
        create(cell, 1).await;
        let stale = Fence {
            epoch: epoch(7),
            ..ACTIVE
        };
        for (expected, event) in [
            (Some(stale), FenceEvent::Set { until: UNTIL }),
            (
                None,
                FenceEvent::Create {
                    lifecycle: Lifecycle::Active,
                    epoch: epoch(7),
                },
            ),
        ] {
            let error = cell
                .change_fence(tenant(1), expected, event)
                .await
                .unwrap_err();
            assert!(
                matches!(
                    error,
                    DbError::FenceChanged {
                        found: Some(ACTIVE),
                        ..
                    }
                ),
                "{error:?}"
            );
            assert_eq!(error.kind(), Kind::Conflict);
        }
        let unlisted = cell
            .change_fence(tenant(1), Some(ACTIVE), FenceEvent::Seal)
            .await;
        assert!(
            matches!(unlisted, Err(DbError::Rejected(_))),
            "{unlisted:?}"
        );
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
        let missing = cell
            .change_fence(tenant(2), Some(ACTIVE), FenceEvent::Set { until: UNTIL })
            .await;
        assert!(
            matches!(missing, Err(DbError::FenceChanged { found: None, .. })),
            "{missing:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn fences_are_listed_in_pages() {
    on_both(async |cell| {
        for id in [3, 1, 2] {
            create(cell, id).await;
        }
        let ids = |page: Vec<(_, Fence)>| page.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
        let first = ids(cell.fences(None, 2).await.unwrap());
        assert_eq!(first, [tenant(1), tenant(2)]);
        let second = ids(cell.fences(first.last().copied(), 2).await.unwrap());
        assert_eq!(second, [tenant(3)]);
    })
    .await;
}

/// What a transaction of tenant 1 that was admitted at `seq` is told: reading, writing.
async fn answers(cell: &CellDb, seq: u32) -> (String, String) {
    let admitted = admitted(1, seq, budget(4));
    let name = |answer: Result<Vec<(i64,)>, DbError>| match answer {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("{} {}", error.kind().http_status(), error.code()),
    };
    let count = "select count(*) from product where tenant_id = 1";
    let reader = admitted.read_only();
    let read = cell
        .scope(&reader, async |tx| tx.sql(count).all().await)
        .await;
    let writer = admitted.read_write().unwrap();
    let write = cell
        .scope(&writer, async |tx| tx.sql(count).all().await)
        .await;
    (name(read), name(write))
}

#[tokio::test]
async fn every_transaction_asks_the_fence() {
    const MOVING: &str = "503 tenant_moving";
    const STALE: &str = "503 stale_epoch";
    const ELSEWHERE: &str = "421 tenant_not_here";
    on_both(async |cell| {
        let check = async |seq, read: &str, write: &str| {
            assert_eq!(
                answers(cell, seq).await,
                (read.into(), write.into()),
                "at {seq}"
            );
        };
        let change = async |event| {
            let now = cell.fence(tenant(1)).await.unwrap();
            cell.change_fence(tenant(1), now, event).await.unwrap();
        };
        check(1, ELSEWHERE, ELSEWHERE).await;
        create(cell, 1).await;
        check(1, "ok", "ok").await;
        check(2, STALE, STALE).await;
        change(FenceEvent::Lifecycle {
            lifecycle: Lifecycle::Suspended,
            epoch: epoch(2),
        })
        .await;
        check(1, STALE, STALE).await;
        check(2, "ok", "403 tenant_suspended").await;
        change(FenceEvent::Lifecycle {
            lifecycle: Lifecycle::Active,
            epoch: epoch(3),
        })
        .await;
        check(1, STALE, STALE).await;
        check(3, "ok", "ok").await;
        change(FenceEvent::Set { until: UNTIL }).await;
        check(3, "ok", MOVING).await;
        change(FenceEvent::Seal).await;
        check(3, "ok", MOVING).await;
        check(4, STALE, STALE).await;
        change(FenceEvent::Retire { epoch: epoch(4) }).await;
        check(3, ELSEWHERE, ELSEWHERE).await;
    })
    .await;
}

/// Nobody is left to lift it, and many come at once.
#[tokio::test]
async fn a_fence_lifts_itself_at_its_deadline() {
    on_both(async |cell| {
        create(cell, 1).await;
        let change = async |event| {
            let now = cell.fence(tenant(1)).await.unwrap();
            cell.change_fence(tenant(1), now, event).await.unwrap()
        };
        let fenced = change(FenceEvent::Set { until: LONG_AGO }).await;
        // A reader has nothing to lift.
        let (read, _) = tokio::join!(answers(cell, 2), answers(cell, 2));
        assert_eq!(read.0, "503 stale_epoch");
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(fenced));
        let (a, b, c) = tokio::join!(answers(cell, 1), answers(cell, 1), answers(cell, 1));
        for (_, write) in [a, b, c] {
            assert_eq!(write, "ok");
        }
        assert_eq!(cell.fence(tenant(1)).await.unwrap(), Some(ACTIVE));
        // Whoever had set it finds that out before the tenant is given away.
        let seal = cell
            .change_fence(tenant(1), Some(fenced), FenceEvent::Seal)
            .await;
        assert!(
            matches!(
                seal,
                Err(DbError::FenceChanged {
                    found: Some(ACTIVE),
                    ..
                })
            ),
            "{seal:?}"
        );
        // Neither one whose time has not come nor one that is sealed lifts itself.
        change(FenceEvent::Set { until: UNTIL }).await;
        assert_eq!(answers(cell, 1).await.1, "503 tenant_moving");
        change(FenceEvent::Release).await;
        change(FenceEvent::Set { until: LONG_AGO }).await;
        change(FenceEvent::Seal).await;
        assert_eq!(answers(cell, 1).await.1, "503 tenant_moving");
    })
    .await;
}

/// Past bug: the first mover's seal was taken for made, and what was written between the two fences for copied.
#[tokio::test]
async fn a_seal_of_another_fence_is_not_the_own() {
    on_both(async |cell| {
        create(cell, 1).await;
        let change = async |event| {
            let now = cell.fence(tenant(1)).await.unwrap();
            cell.change_fence(tenant(1), now, event).await.unwrap()
        };
        let first = change(FenceEvent::Set { until: UNTIL }).await;
        change(FenceEvent::Release).await;
        assert_eq!(answers(cell, 1).await.1, "ok", "it is written to");
        let until = UnixMicros::new(UNTIL.get() + 1);
        let second = change(FenceEvent::Set { until }).await;
        let sealed = change(FenceEvent::Seal).await;
        let seal = async |fence| {
            let sealing = cell.change_fence(tenant(1), Some(fence), FenceEvent::Seal);
            sealing.await
        };
        let late = seal(first).await;
        assert!(
            matches!(late, Err(DbError::FenceChanged { found, .. }) if found == Some(sealed)),
            "{late:?}"
        );
        // Control: whoever sealed it may do it again, and it is left as any.
        assert_eq!(seal(second).await.unwrap(), sealed);
        change(FenceEvent::Abort { epoch: epoch(3) }).await;
        assert_eq!(answers(cell, 3).await.1, "ok");
    })
    .await;
}

#[tokio::test]
async fn on_sqlite_a_fence_waits_for_the_writer_and_stops_the_next() {
    let sqlite = Sqlite::new(1, options(1)).await;
    let cell = &sqlite.cell;
    let ctx = super::writer(1);
    let mut tx = cell.begin(&ctx);
    let insert = "insert into product values (1, $1, $2, 'Mug', null, 0.5)";
    tx.sql(insert).bind(1_i64).bind("one").run().await.unwrap();
    let event = FenceEvent::Lifecycle {
        lifecycle: Lifecycle::Suspended,
        epoch: epoch(2),
    };
    let fenced = cell.change_fence(tenant(1), Some(ACTIVE), event);
    let write = async {
        tx.sql(insert).bind(2_i64).bind("two").run().await.unwrap();
        tx.commit().await.unwrap();
    };
    // The fence is asked for first, and is written after the transaction that was under way.
    let (fenced, ()) = tokio::join!(fenced, write);
    fenced.unwrap();
    let late = cell
        .scope(&ctx, async |tx| {
            tx.sql(insert).bind(3_i64).bind("three").run().await
        })
        .await;
    assert!(matches!(late, Err(DbError::StaleEpoch { .. })), "{late:?}");
    let mut plain = sqlite.plain().await;
    let count: i64 = sqlx::query_scalar("select count(*) from product")
        .fetch_one(&mut plain)
        .await
        .unwrap();
    assert_eq!(count, 2);
}

crate::db::also_plain! {
    a_change_is_kept_and_doing_it_twice_does_it_once,
    a_change_from_another_fence_than_expected_changes_nothing,
    fences_are_listed_in_pages,
    every_transaction_asks_the_fence,
    a_fence_lifts_itself_at_its_deadline,
    a_seal_of_another_fence_is_not_the_own,
}
