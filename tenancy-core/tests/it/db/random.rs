//! 64 tenants at once, some of them cancelled: each sees its own rows, and every acknowledged one.

use std::{collections::HashMap, sync::Arc, time::Duration};

use proptest::prelude::*;
use sqlx::SqliteConnection;
use tenancy_core::db::DbError;
use tokio::task::JoinSet;

use super::{Sqlite, given_up::given_up, options, reader, writer};

const TENANTS: u32 = 64;

/// A tenant writes a row and then reads what it can see; cancelled after so many polls.
#[derive(Clone, Copy, Debug)]
struct Step {
    tenant: u32,
    polls: u32,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let polls = prop_oneof![Just(u32::MAX), 0..12_u32];
    let step = (1..=TENANTS, polls).prop_map(|(tenant, polls)| Step { tenant, polls });
    proptest::collection::vec(step, 64..160)
}

async fn run(steps: Vec<Step>) {
    // Nobody is turned away for waiting: how long a disk takes to sync 160 writes is not what is tested.
    let patient = options(3).wait(Duration::from_secs(60));
    let sqlite = Arc::new(Sqlite::new(TENANTS, patient).await);
    let mut tasks = JoinSet::new();
    for (id, step) in (1_i64..).zip(steps) {
        let sqlite = Arc::clone(&sqlite);
        tasks.spawn(async move {
            let written = given_up(write(&sqlite, step.tenant, id), step.polls).await;
            let seen = given_up(tenants_seen(&sqlite, step.tenant), step.polls).await;
            if let Some(seen) = seen {
                assert!(
                    seen.iter().all(|(t,)| *t == i64::from(step.tenant)),
                    "{step:?}: {seen:?}"
                );
            }
            (step.tenant, id, written.is_some())
        });
    }
    let mut acknowledged: HashMap<u32, Vec<i64>> = HashMap::new();
    while let Some(done) = tasks.join_next().await {
        let (tenant, id, written) = done.unwrap();
        if written {
            acknowledged.entry(tenant).or_default().push(id);
        }
    }
    // Control: past the door all tenants' rows are seen.
    let mut plain = sqlite.plain().await;
    let all = products(&mut plain).await;
    for (tenant, ids) in acknowledged {
        for id in ids {
            assert!(
                all.contains(&(tenant.into(), id)),
                "tenant {tenant} lost {id}"
            );
        }
        let of_tenant = |all: &[(i64, i64)]| {
            let own = all.iter().filter(|(t, _)| *t == i64::from(tenant));
            own.count()
        };
        let own = of_tenant(&all);
        let seen = tenants_seen(&sqlite, tenant).await.len();
        // A commit that was given up may still be done by the database's own thread.
        let own_now = of_tenant(&products(&mut plain).await);
        assert!((own..=own_now).contains(&seen), "{own} {seen} {own_now}");
        assert!(
            own < all.len() || all.len() < 2,
            "control: others have rows, too"
        );
    }
}

async fn products(plain: &mut SqliteConnection) -> Vec<(i64, i64)> {
    let all = sqlx::query_as("select tenant_id, id from product");
    all.fetch_all(plain).await.unwrap()
}

async fn write(sqlite: &Sqlite, tenant: u32, id: i64) {
    let handle = format!("p{id}");
    sqlite
        .cell
        .scope(&writer(tenant), async |tx| {
            tx.sql("insert into product values ($1, $2, $3, 'Mug', null, 0.5)")
                .bind(i64::from(tenant))
                .bind(id)
                .bind(handle)
                .run()
                .await
        })
        .await
        .unwrap_or_else(|error: DbError| panic!("{error:?}"));
}

async fn tenants_seen(sqlite: &Sqlite, tenant: u32) -> Vec<(i64,)> {
    sqlite
        .cell
        .scope(&reader(tenant), async |tx| {
            tx.sql("select tenant_id from product").all().await
        })
        .await
        .unwrap_or_else(|error: DbError| panic!("{error:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn tenants_do_not_meet(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(3)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}
