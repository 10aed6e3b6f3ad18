//! Purges and refills of tenants with rows in real cells.

use std::{
    error::Error,
    num::NonZeroU32,
    sync::{Arc, Mutex},
};

use tenancy_core::{db::CellDb, protocol::FenceEvent};
use tenancy_migrate::{
    Archive, Fitness, Home, MemoryJournal, PurgeRequest, Purged, Purger, Purging, TableCounts,
    count_rows, delete_rows,
};
use tenancy_types::{Epoch, Lifecycle, ManualClock, Placement, Problem as _, TenantId};

use crate::{
    archives::{VERSION, exported, file_of},
    cells::{Context, context, fill, manifest, on_both, tenant},
    interrupt::{Drop, interrupt},
};

type BoxError = Box<dyn Error + Send + Sync>;

/// A cell, and one tenant's row of a directory.
struct Platform<'a> {
    cell: &'a CellDb,
    placement: Arc<Mutex<Placement>>,
}

impl Platform<'_> {
    /// Compare and set.
    fn change(&self, from: Epoch, to: Lifecycle) -> Placement {
        let mut placement = self.placement.lock().unwrap();
        if placement.epoch == from {
            *placement = Placement::new(placement.cell, to, from.next().unwrap());
        }
        *placement
    }

    fn enter(&self, home: Home) -> Context {
        context(home.tenant, home.placement.lifecycle, home.placement.epoch)
    }
}

impl Purger for Platform<'_> {
    async fn check(&self, tenant: TenantId, archive: &str) -> Result<Fitness, BoxError> {
        let placement = *self.placement.lock().unwrap();
        let ctx = context(tenant, placement.lifecycle, placement.epoch).to_read_only();
        let checked = async {
            let archive = Archive::open(archive).await?;
            archive.check(self.cell, &ctx, &manifest(), VERSION).await
        };
        match checked.await {
            Ok(()) => Ok(Fitness::Fits),
            Err(error) if error.is_verdict() => Ok(Fitness::Unfit(error.code().as_str().into())),
            Err(error) => Err(error.into()),
        }
    }

    async fn begin(&self, _: TenantId, epoch: Epoch) -> Result<Option<Placement>, BoxError> {
        let before = Epoch::new(epoch.incarnation(), epoch.seq() - 1);
        Ok(Some(self.change(before, Lifecycle::Purging)))
    }

    async fn decide(&self, home: Home, to: Lifecycle) -> Result<Placement, BoxError> {
        Ok(self.change(home.placement.epoch, to))
    }

    async fn fence(&self, home: Home) -> Result<(), BoxError> {
        let Placement {
            lifecycle, epoch, ..
        } = home.placement;
        let found = self.cell.fence(home.tenant).await?;
        if found.is_some_and(|fence| fence.epoch < epoch) {
            let event = FenceEvent::Lifecycle { lifecycle, epoch };
            self.cell.change_fence(home.tenant, found, event).await?;
        }
        Ok(())
    }

    async fn settle(&self, _: Home) -> Result<(), BoxError> {
        Ok(())
    }

    async fn count(&self, home: Home) -> Result<TableCounts, BoxError> {
        let ctx = self.enter(home).to_read_only();
        Ok(count_rows(self.cell, &ctx, &manifest()).await?)
    }

    async fn empty(&self, home: Home) -> Result<(), BoxError> {
        let batch = NonZeroU32::new(20).unwrap();
        delete_rows(self.cell, &self.enter(home), &manifest(), batch).await?;
        Ok(())
    }

    async fn forget(&self, _: Home) -> Result<(), BoxError> {
        Ok(())
    }

    async fn fill(&self, home: Home, archive: &str) -> Result<(), BoxError> {
        let archive = Archive::open(archive).await?;
        let manifest = manifest();
        Ok(archive
            .load(self.cell, &self.enter(home), &manifest, VERSION)
            .await?)
    }
}

/// The tenant as whoever asks for a purge found it. The tests' cells and acts look at the epoch alone.
fn asked(shop: &Context, lifecycle: Lifecycle) -> Home {
    let Placement { cell, epoch, .. } = shop.placement();
    Home {
        tenant: shop.tenant(),
        placement: Placement::new(cell, lifecycle, epoch),
    }
}

async fn rows(cell: &CellDb, ctx: &Context) -> String {
    let ctx = ctx.to_read_only();
    let counts = count_rows(cell, &ctx, &manifest()).await.unwrap();
    counts.to_string()
}

/// Drops a purge after so many polls and repeats it to its end. Whether the first one was done by then.
async fn purged_after(polls: u32, cell: &CellDb, shop: &Context) -> bool {
    let placement = Arc::new(Mutex::new(shop.placement()));
    let acts = Platform { cell, placement };
    let runner = Purging::new(acts, MemoryJournal::default(), ManualClock::default());
    let request = PurgeRequest::purge(asked(shop, Lifecycle::Offboarding)).unwrap();
    let first = interrupt(runner.run(&request), polls, Drop::Answered).await;
    let purged = runner.run(&request).await.unwrap();
    let Purged::Forgotten(receipt) = purged else {
        panic!("{purged:?}");
    };
    assert_eq!(receipt.rows.to_string(), "product=25 shop=1 variant=50");
    let fence = cell.fence(shop.tenant()).await.unwrap().unwrap();
    assert_eq!(
        (fence.lifecycle, fence.epoch),
        (Lifecycle::Gone, receipt.epoch)
    );
    first.is_some()
}

/// A dropped purge is a crash, at points all along the way: the next one goes on, the receipt is right, and
/// the neighbour keeps its rows.
#[tokio::test]
async fn a_tenant_leaves_its_cell() {
    on_both(async |cell| {
        let neighbour = tenant(cell, 1, Lifecycle::Active).await;
        fill(cell, &neighbour, 3).await;
        let mut ids = 2..;
        let mut dropped = 0;
        // An answer that has arrived by the time it is asked for is no wait, so a pass may meet few of them.
        for _ in 0..16 {
            for polls in (0..).step_by(13) {
                let shop = tenant(cell, ids.next().unwrap(), Lifecycle::Active).await;
                fill(cell, &shop, 25).await;
                if purged_after(polls, cell, &shop).await {
                    break;
                }
                dropped += 1;
            }
            if dropped > 2 {
                break;
            }
        }
        assert!(dropped > 2, "{dropped} were dropped");
        assert_eq!(rows(cell, &neighbour).await, "product=3 shop=1 variant=6");
    })
    .await;
}

#[tokio::test]
async fn a_tenant_is_filled_again_from_its_archive() {
    on_both(async |cell| {
        let folder = tempfile::tempdir().unwrap();
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        fill(cell, &shop, 25).await;
        let path = file_of(cell, &shop, &folder).await;
        let archived = exported(cell, &shop.to_read_only()).await.unwrap();
        // What is sold after the archive was made is not in it.
        let sold = vec![tenancy_core::db::Datum::Int(99), crate::cells::text("Hat")];
        let sold = [sold, vec![tenancy_core::db::Datum::Null; 2]].concat();
        crate::cells::insert(cell, &shop, "product", vec![sold]).await;
        let placement = Arc::new(Mutex::new(shop.placement()));
        let runner = Purging::new(
            Platform { cell, placement },
            MemoryJournal::default(),
            ManualClock::default(),
        );
        let from = path.to_str().unwrap();
        let request = PurgeRequest::refill(asked(&shop, Lifecycle::Suspended), from).unwrap();
        let Purged::Refilled(home) = runner.run(&request).await.unwrap() else {
            panic!("a refill fills");
        };
        let shop = context(shop.tenant(), Lifecycle::Active, home.placement.epoch);
        let filled = exported(cell, &shop.to_read_only()).await.unwrap();
        assert_eq!(filled.manifest.tables, archived.manifest.tables);
    })
    .await;
}

/// An archive that is missing, damaged or of another schema: the tenant stays as it was.
#[tokio::test]
async fn a_refill_from_a_bad_archive_deletes_nothing() {
    on_both(async |cell| {
        let folder = tempfile::tempdir().unwrap();
        let shop = tenant(cell, 1, Lifecycle::Active).await;
        fill(cell, &shop, 25).await;
        let whole = std::fs::read(file_of(cell, &shop, &folder).await).unwrap();
        let bad = |name: &str, content: Option<&[u8]>| {
            let path = folder.path().join(name);
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            path.to_str().unwrap().to_owned()
        };
        let mut damaged = whole.clone();
        damaged[4_000] ^= 1;
        let before = shop.placement();
        let placement = Arc::new(Mutex::new(before));
        let journal = MemoryJournal::default();
        let runner = Purging::new(
            Platform {
                cell,
                placement: Arc::clone(&placement),
            },
            journal.clone(),
            ManualClock::default(),
        );
        let home = asked(&shop, Lifecycle::Suspended);
        for (archive, expect) in [
            (bad("missing", None), "archive_missing"),
            (bad("damaged", Some(&damaged)), "archive_invalid"),
            (bad("cut", Some(&whole[..2_000])), "archive_invalid"),
        ] {
            let request = PurgeRequest::refill(home, &archive).unwrap();
            for _ in 0..2 {
                let refused = runner.run(&request).await.unwrap_err();
                assert_eq!(
                    refused.to_string(),
                    format!("the archive cannot be loaded: {expect}")
                );
                // A file that appears or is mended later does not change the answer.
                std::fs::write(&archive, &whole).unwrap();
            }
            assert_eq!(*placement.lock().unwrap(), before);
            assert_eq!(rows(cell, &shop).await, "product=25 shop=1 variant=50");
        }
        let request = PurgeRequest::refill(home, &bad("whole", Some(&whole))).unwrap();
        let refilled = runner.run(&request).await.unwrap();
        assert!(matches!(refilled, Purged::Refilled(_)), "{refilled:?}");
    })
    .await;
}
