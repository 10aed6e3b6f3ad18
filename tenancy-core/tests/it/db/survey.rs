//! Which tenants have work to do.

use std::num::NonZeroU32;

use sqlx::Connection as _;
use tenancy_core::{
    db::{CellDb, DbError},
    protocol::FenceEvent,
    types::{Lifecycle, TenantId, UnixMicros},
};

use super::{Sqlite, epoch, options, postgres, reader, stock, tenant};

async fn on_both(check: impl AsyncFn(&CellDb)) {
    let sqlite = Sqlite::new(8, options(1)).await;
    check(&sqlite.cell).await;
    check(&postgres(8, options(1)).await.0).await;
}

const STOCKED: &str = "select tenant_id from product where price_minor = $1 -- cheap";

async fn stocked(cell: &CellDb, price: i64, limit: u32) -> Vec<TenantId> {
    cell.tenants_with(STOCKED, &[price], NonZeroU32::new(limit).unwrap())
        .await
        .unwrap()
}

async fn change(cell: &CellDb, id: u32, event: FenceEvent) {
    let now = cell.fence(tenant(id)).await.unwrap();
    cell.change_fence(tenant(id), now, event).await.unwrap();
}

fn to(lifecycle: Lifecycle) -> FenceEvent {
    FenceEvent::Lifecycle {
        lifecycle,
        epoch: epoch(2),
    }
}

#[tokio::test]
async fn only_tenants_that_are_served_for_writing_are_found() {
    on_both(async |cell| {
        for id in 2..=8 {
            stock(cell, id, "Mug").await;
        }
        // Control: everybody but tenant 1, who has none, is found while all are served.
        let all: Vec<_> = (2..=8).map(tenant).collect();
        assert_eq!(stocked(cell, 900, 100).await, all);
        assert_eq!(stocked(cell, 900, 3).await, all[..3]);
        assert_eq!(stocked(cell, 901, 100).await, []);

        change(cell, 3, to(Lifecycle::Suspended)).await;
        change(cell, 4, to(Lifecycle::ReadOnly)).await;
        // In the year 2100; and long ago, by a mover that has died, in a shop whose only writer asks here.
        let (later, until) = (
            UnixMicros::new(4_102_444_800_000_000),
            UnixMicros::new(1_000),
        );
        change(cell, 5, FenceEvent::Set { until: later }).await;
        change(cell, 6, to(Lifecycle::Purging)).await;
        change(cell, 7, to(Lifecycle::Gone)).await;
        change(cell, 8, FenceEvent::Set { until }).await;
        let served = [tenant(2), tenant(8)];
        assert_eq!(stocked(cell, 900, 100).await, served);
        assert_eq!(stocked(cell, 900, 1).await, served[..1]);
    })
    .await;
}

#[tokio::test]
async fn rows_of_a_tenant_that_the_cell_does_not_know_are_passed_over() {
    let insert = "insert into product values (99, 1, 'mug', 'Mug', 900, 0.5)";
    let sqlite = Sqlite::new(2, options(1)).await;
    stock(&sqlite.cell, 1, "Mug").await;
    let mut plain = sqlite.plain().await;
    sqlx::raw_sql(insert).execute(&mut plain).await.unwrap();
    assert_eq!(stocked(&sqlite.cell, 900, 100).await, [tenant(1)]);

    let (cell, url) = postgres(2, options(1)).await;
    stock(&cell, 1, "Mug").await;
    let mut plain = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(insert).execute(&mut plain).await.unwrap();
    assert_eq!(stocked(&cell, 900, 100).await, [tenant(1)]);
}

#[tokio::test]
async fn it_reads_and_only_that_and_leaves_the_cell_as_it_was() {
    on_both(async |cell| {
        stock(cell, 1, "Mug").await;
        let ask = async |sql, values: &[i64]| {
            cell.tenants_with(sql, values, NonZeroU32::MIN)
                .await
                .unwrap_err()
        };
        let counted = ask(STOCKED, &[]).await;
        assert!(matches!(counted, DbError::Parameters { .. }), "{counted:?}");
        for sql in [
            "select tenant_id from tenancy_fence",
            "select tenant_id from main.product",
            "select 1; select 2",
            "commit",
        ] {
            let refused = ask(sql, &[]).await;
            assert!(matches!(refused, DbError::Refused { .. }), "{refused:?}");
        }
        for sql in [
            "delete from product returning tenant_id",
            "with gone as (delete from product returning tenant_id) select tenant_id from gone",
            "select tenant_id, id from product",
        ] {
            let refused = ask(sql, &[]).await;
            assert!(matches!(refused, DbError::Statement { .. }), "{refused:?}");
        }
        assert_eq!(stocked(cell, 900, 9).await, [tenant(1)]);
        let ctx = reader(1);
        let seen: Vec<(i64,)> = cell
            .scope(&ctx, async |tx| {
                tx.sql("select tenant_id from product where tenant_id = 1")
                    .all()
                    .await
            })
            .await
            .unwrap_or_else(|error: DbError| panic!("{error:?}"));
        assert_eq!(seen, [(1,)]);
    })
    .await;
}

crate::db::also_plain! {
    only_tenants_that_are_served_for_writing_are_found,
    rows_of_a_tenant_that_the_cell_does_not_know_are_passed_over,
    it_reads_and_only_that_and_leaves_the_cell_as_it_was,
}
