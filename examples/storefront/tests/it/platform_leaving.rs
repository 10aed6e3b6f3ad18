//! Shops that leave, and what is left of them for the next start.

use std::{fs, io::Read as _, num::NonZeroU16, pin::pin, time::Duration};

use futures_util::FutureExt as _;
use sqlx::{Connection as _, sqlite::SqliteConnectOptions};
use storefront::{
    config::Config,
    ops::OpsError,
    platform::{Arrived, OpenError, Platform, ShopRequest, ShopStart, Worker},
};
use tenancy_core::db::CellTx;
use tenancy_migrate::{Entry, Journal as _, SqliteJournal};
use tenancy_types::{
    CellId, Clock as _, Kind, Lifecycle, Plan, PlanSet, Problem as _, SystemClock, TenantId,
    UnixMicros, WorkBudget,
};

use crate::{
    e2e::{
        import_archive::damaged,
        platform::{Folder, Kind as Place, each_kind},
    },
    platform_worker::{Mood, World, after, config, request},
};

each_kind!(
    a_shop_that_leaves_has_a_new_time_when_the_old_one_is_lost,
    no_plan_says_how_long_the_platforms_own_work_may_take,
    a_purge_waits_until_nobody_reads_what_it_has_deleted,
    a_purge_that_fails_is_not_tried_in_every_round,
    a_shop_whose_archive_is_lost_can_be_purged,
    a_shop_of_rows_that_cannot_be_loaded_is_undone,
);

async fn opened(config: Config) -> Platform {
    Platform::open(config).await.unwrap()
}

async fn purged(platform: &Platform, id: TenantId) {
    platform.offboard(id).await.unwrap();
    platform.purge(id).await.unwrap();
}

/// The archive of a shop, as a text.
async fn archive_of(platform: &Platform, id: TenantId) -> String {
    let tenant = platform.tenant(id).await.unwrap();
    let mut exported = platform.site().export(&tenant).await.unwrap();
    let mut text = String::new();
    exported.file.read_to_string(&mut text).unwrap();
    text
}

async fn arrived(platform: &Platform, archive: &str) -> Arrived {
    let mut arrival = platform.archives().arrival().await.unwrap();
    arrival.write(archive.as_bytes()).await.unwrap();
    arrival.finish().await.unwrap()
}

/// Nothing is left of a purged shop, so its cell and its plan are needed no more.
#[tokio::test]
async fn a_purged_shop_keeps_neither_its_cell_nor_its_plan() {
    let folder = Folder::new();
    let three = || Config {
        cells: "3".parse().unwrap(),
        ..config(&folder)
    };
    let dear = || ShopRequest {
        plan: "professional".parse().unwrap(),
        cell: CellId::new(3),
        ..request("dear")
    };
    let cheap = || {
        let plans = PlanSet::standard();
        let plans: Vec<Plan> = plans.iter().map(|(_, plan)| plan.clone()).collect();
        let left = plans.into_iter().filter(|plan| plan.name != dear().plan);
        PlanSet::new(left).unwrap()
    };
    let platform = opened(three()).await;
    let made = platform.provision("key", &dear()).await.unwrap();
    assert_eq!(made.placement.cell.get(), 3);
    drop(platform);
    // Negative control: as long as the shop is there.
    let missing = Platform::open(config(&folder)).await.unwrap_err();
    assert!(
        matches!(missing, OpenError::CellMissing { cell } if cell.get() == 3),
        "{missing:?}"
    );
    let less = Config {
        plans: cheap(),
        ..three()
    };
    let missing = Platform::open(less).await.unwrap_err();
    assert!(matches!(missing, OpenError::PlanMissing), "{missing:?}");

    let platform = opened(three()).await;
    purged(&platform, made.id).await;
    drop(platform);
    let platform = opened(Config {
        plans: cheap(),
        ..config(&folder)
    });
    let platform = platform.await;
    let receipt = platform.receipt(made.id).await.unwrap();
    assert_eq!(receipt.tenant, made.id);
    platform.provision("next", &request("next")).await.unwrap();
}

/// Without the control database nobody knows until when a shop may be kept; it is kept for one more time of grace.
async fn a_shop_that_leaves_has_a_new_time_when_the_old_one_is_lost(kind: Place) {
    let folder = Folder::of(kind).await;
    let grace = Duration::from_hours(24);
    let config = || Config {
        grace,
        ..config(&folder)
    };
    let platform = opened(config()).await;
    let [leaving, staying] = ["leaving", "staying"].map(request);
    let leaving = platform.provision("a", &leaving).await.unwrap().id;
    let staying = platform.provision("b", &staying).await.unwrap().id;
    let (_, promised) = platform.offboard(leaving).await.unwrap();
    drop(platform);
    let time = async |platform: &Platform| {
        let tenant = platform.tenant(leaving).await.unwrap();
        platform.purge_after(&tenant).await.unwrap()
    };
    let platform = opened(config()).await;
    assert_eq!(time(&platform).await, Some(promised), "it is kept");
    drop(platform);
    for name in ["control.db", "control.db-wal", "control.db-shm"] {
        let _ = fs::remove_file(folder.path().join(name));
    }
    let before = SystemClock.unix().get();
    let platform = opened(config()).await;
    let anew = time(&platform).await.unwrap().get();
    let grace = i64::try_from(grace.as_micros()).unwrap();
    assert!((before + grace..=SystemClock.unix().get() + grace).contains(&anew));
    let worker = Worker::new(platform.clone());
    let lifecycle = async |id| {
        let tenant = platform.tenant(id).await.unwrap();
        tenant.placement.lifecycle
    };
    worker.round(after(Duration::from_hours(23))).await;
    assert_eq!(lifecycle(leaving).await, Lifecycle::Offboarding);
    worker.round(after(Duration::from_hours(25))).await;
    assert_eq!(lifecycle(leaving).await, Lifecycle::Gone);
    assert_eq!(lifecycle(staying).await, Lifecycle::Active);
}

/// The platform's own work is not hurried by what requests of a plan may take.
async fn no_plan_says_how_long_the_platforms_own_work_may_take(kind: Place) {
    let folder = Folder::of(kind).await;
    let mut plans: Vec<Plan> = PlanSet::standard()
        .iter()
        .map(|(_, plan)| plan.clone())
        .collect();
    for plan in &mut plans {
        plan.work = WorkBudget::new(NonZeroU16::MIN, Duration::ZERO);
    }
    let platform = opened(Config {
        plans: PlanSet::new(plans).unwrap(),
        ..config(&folder)
    });
    let platform = platform.await;
    let shop = platform.provision("key", &request("acme")).await.unwrap();
    // Negative control: for requests it holds.
    const LONG: &str =
        "with recursive n (i) as (select 1 union all select i + 1 from n where i < 100000000)
        select count(*) from n";
    let context = platform.site().enter(shop.id, "test").unwrap().read_only();
    let cell = platform.site().cell(shop.placement.cell).unwrap();
    let read = async |tx: &mut CellTx<_>| Ok(tx.sql(LONG).one::<(i64,)>().await?);
    let hurried = cell.scope(&context, read).await.unwrap_err();
    assert_eq!(hurried.code().as_str(), "statement_timeout");
    purged(&platform, shop.id).await;
}

/// What a purge deletes from the control database is in its log as long as somebody reads an older state of it.
async fn a_purge_waits_until_nobody_reads_what_it_has_deleted(kind: Place) {
    let folder = Folder::of(kind).await;
    let platform = opened(config(&folder)).await;
    let shop = platform.provision("key", &request("acme")).await.unwrap();
    platform.offboard(shop.id).await.unwrap();
    let options = SqliteConnectOptions::new().filename(folder.path().join("control.db"));
    let mut tool = sqlx::SqliteConnection::connect_with(&options)
        .await
        .unwrap();
    let mut reading = tool.begin().await.unwrap();
    let read = "select count(*) from offboarding";
    let seen: i64 = sqlx::query_scalar(read)
        .fetch_one(&mut *reading)
        .await
        .unwrap();
    assert_eq!(seen, 1);
    let unfinished = platform.purge(shop.id).await.unwrap_err();
    assert_eq!(unfinished.code().as_str(), "purge_unfinished");
    let gone = platform.tenant(shop.id).await.unwrap();
    assert!(platform.receipt(shop.id).await.is_err(), "{gone:?}");
    reading.rollback().await.unwrap();
    platform.purge(shop.id).await.unwrap();
}

/// A purge that was written down before the process died begins when the worker goes on with it, and may meet an export.
#[tokio::test]
async fn a_purge_that_is_gone_on_with_waits_for_exports_of_its_shop() {
    let folder = Folder::new();
    let config = Config {
        grace: Duration::from_hours(24),
        ..config(&folder)
    };
    let platform = opened(config).await;
    let shop = platform.provision("key", &request("acme")).await.unwrap();
    platform.offboard(shop.id).await.unwrap();
    let shop = platform.tenant(shop.id).await.unwrap();
    let lifecycle = async || {
        let found = platform.tenant(shop.id).await.unwrap();
        found.placement.lifecycle
    };
    let options = SqliteConnectOptions::new().filename(folder.path().join("purges.db"));
    let journal = SqliteJournal::open(&options, &SystemClock).await.unwrap();
    let epoch = shop.placement.epoch.next().unwrap();
    let key = format!("purge-{}-{epoch}", shop.id).parse().unwrap();
    let started = Entry {
        at: SystemClock.unix(),
        text: format!("started 1 purge {} {epoch}", shop.id),
    };
    journal.append(&key, 0, started).await.unwrap();

    let mut exporting = pin!(platform.site().export(&shop));
    let ended = exporting.as_mut().now_or_never();
    assert!(ended.is_none(), "it has begun");
    let worker = Worker::new(platform.clone());
    let mut round = pin!(worker.round(SystemClock.unix()));
    // Nothing is to happen, however long: it is the export that ends it.
    let early = tokio::time::timeout(Duration::from_millis(500), &mut round).await;
    assert!(early.is_err(), "the round did not wait");
    assert_eq!(lifecycle().await, Lifecycle::Offboarding);
    let (exported, ()) = tokio::join!(exporting, round);
    assert!(exported.unwrap().bytes > 0);
    assert_eq!(lifecycle().await, Lifecycle::Gone);
    assert_eq!(journal.unfinished().await.unwrap(), []);
}

/// A purge that cannot be finished is tried again after a while, and longer ones each time; others have the turn.
async fn a_purge_that_fails_is_not_tried_in_every_round(kind: Place) {
    let world = World::new(kind).await;
    let (stuck, lamp) = world.shop("stuck").await;
    world.buy(stuck, lamp).await.unwrap_err();
    world.platform.offboard(stuck).await.unwrap();
    world.platform.purge(stuck).await.unwrap_err();
    let now = SystemClock.unix().get();
    let mut asked = Vec::new();
    for millis in [0, 999, 1_000, 2_999, 3_000] {
        let before = world.provider.asked();
        let moment = UnixMicros::new(now + millis * 1_000);
        world.worker.round(moment).await;
        asked.push(world.provider.asked() > before);
    }
    assert_eq!(asked, [true, false, true, false, true]);
    // Who asks for it does not wait.
    world.provider.be(Mood::Well);
    world.platform.purge(stuck).await.unwrap();
}

/// A shop that is to be filled again, whose archive is lost when its rows are deleted: it would wait for ever.
async fn a_shop_whose_archive_is_lost_can_be_purged(kind: Place) {
    let world = World::new(kind).await;
    let (shop, lamp) = world.shop("acme").await;
    world.buy(shop, lamp).await.unwrap_err();
    world.change(shop, Lifecycle::Suspended).await;
    let archive = archive_of(&world.platform, shop).await;
    let being_made = world.platform.purge(shop).await.unwrap_err();
    assert_eq!(being_made.code().as_str(), "transition_rejected");
    let refilled = arrived(&world.platform, &archive).await;
    let unfinished = world.platform.refill(shop, refilled).await.unwrap_err();
    assert_eq!(unfinished.code().as_str(), "purge_unfinished");
    for file in fs::read_dir(world.folder.path().join("archives")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    world.provider.be(Mood::Well);
    for wait in 0..3 {
        let hours = after(Duration::from_hours(wait));
        world.worker.round(hours).await;
        assert_eq!(world.lifecycle(shop).await, Lifecycle::Provisioning);
    }
    let receipt = world.platform.purge(shop).await.unwrap();
    assert_eq!(world.lifecycle(shop).await, Lifecycle::Gone);
    assert!(receipt.rows.total() > 0);
    assert_eq!(world.platform.purge(shop).await.unwrap(), receipt);
    assert_eq!(world.platform.receipt(shop).await.unwrap(), receipt);
    // Its name is free.
    world.shop("acme").await;
}

/// Should an archive get past the rehearsal, the making of its shop ends, and the name is free again.
async fn a_shop_of_rows_that_cannot_be_loaded_is_undone(kind: Place) {
    let folder = Folder::of(kind).await;
    let platform = opened(config(&folder)).await;
    let original = platform.provision("key", &request("acme")).await.unwrap();
    let whole = archive_of(&platform, original.id).await;
    let nameless = damaged(&whole, "shop", |rows| {
        *rows = rows.replacen("\"Acme\"", "null", 1);
    });
    let moneyless = damaged(&whole, "shop", |rows| {
        *rows = rows.replacen("\"EUR\"", "\"?\"", 1);
    });
    for (number, (archive, reason)) in [
        (&nameless, "tables/shop.jsonl, line 1"),
        (&moneyless, "shop.currency"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_ne!(archive, &whole);
        let name = storefront::platform::ArchiveName::random();
        let west = ShopRequest {
            start: ShopStart::Archive(name),
            ..request("west")
        };
        let file = arrived(&platform, archive).await;
        let opened = file.open().await.unwrap();
        let rehearsed = platform.archives().rehearse(&opened).await;
        let error = rehearsed.unwrap_err();
        assert!(error.is_verdict());
        assert!(error.client_text().contains(reason), "{error}");
        let key = format!("west-{number}");
        let made = platform.provision_from(file, &key, &west).await;
        let refused = made.unwrap_err();
        assert!(matches!(refused, OpsError::Part(_)), "{refused:?}");
        assert_eq!(refused.kind(), Kind::Invalid);
        assert!(refused.client_text().contains(reason), "{refused}");
    }
    let name = storefront::platform::ArchiveName::random();
    let west = ShopRequest {
        start: ShopStart::Archive(name),
        ..request("west")
    };
    let file = arrived(&platform, &whole).await;
    let made = platform.provision_from(file, "west", &west).await.unwrap();
    assert_eq!(made.placement.lifecycle, Lifecycle::Active);
}
