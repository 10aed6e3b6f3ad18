//! What happens to the cell meanwhile.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use tenancy_core::{
    db::DbError,
    protocol::{Fence, FenceEvent, FenceState},
    types::{Lifecycle, TenantId, UnixMicros},
};
use tenancy_testkit::Direction;
use tokio::time::{sleep, timeout};

use super::{Line, TENANTS, world::World};

/// Ends a part of the application's connections, or all.
const TERMINATE: &str = "select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and usename like '%\\_app' and random() < ";

/// Makes trouble for as long as the storm lasts. The pauses are no waiting for something: the moments are what is random.
pub(super) async fn make(world: &Arc<World>, mut random: Rng) {
    let mut crashes = 0;
    while world.is_stormy() {
        sleep(Duration::from_millis(random.u64(10..150))).await;
        let tenant = random.u32(1..=TENANTS);
        match random.u8(..20) {
            0..3 => world.proxy.cut(),
            3..5 => hang(world, &mut random).await,
            5..8 => terminate(world, &mut random).await,
            8..14 => ignore(change_lifecycle(world, tenant, &mut random).await),
            14..19 => ignore(fence_for_a_moment(world, tenant, &mut random).await),
            // After a crash PgBouncer lets nobody in for 15 seconds.
            _ if world.storm.line == Line::Direct && crashes < 3 => {
                crashes += 1;
                world.crash().await;
            }
            _ => {}
        }
    }
    world.proxy.heal();
}

/// What became of it is asked again at the next change, and at the end.
fn ignore(_: Result<(), DbError>) {}

async fn hang(world: &World, random: &mut Rng) {
    let direction = random.choice([Direction::ToClient, Direction::ToServer, Direction::Both]);
    world.proxy.hang(direction.expect("three directions"));
    sleep(Duration::from_millis(random.u64(10..400))).await;
    world.proxy.heal();
}

async fn terminate(world: &World, random: &mut Rng) {
    let share = random.choice(["0.2", "2"]).expect("two shares");
    world.ask(&format!("{TERMINATE}{share}")).await;
}

async fn change_lifecycle(world: &World, tenant: u32, random: &mut Rng) -> Result<(), DbError> {
    let now = fence(world, tenant).await?;
    let lifecycle = random.choice([Lifecycle::Active, Lifecycle::ReadOnly, Lifecycle::Suspended]);
    let event = FenceEvent::Lifecycle {
        lifecycle: lifecycle.expect("three lifecycles"),
        epoch: now.epoch.next().expect("epochs enough"),
    };
    change(world, tenant, now, event).await?;
    world.books.count("lifecycle");
    Ok(())
}

async fn fence_for_a_moment(world: &World, tenant: u32, random: &mut Rng) -> Result<(), DbError> {
    let now = fence(world, tenant).await?;
    let until = UnixMicros::new(4_102_444_800_000_000);
    let fenced = change(world, tenant, now, FenceEvent::Set { until }).await?;
    sleep(Duration::from_millis(random.u64(..50))).await;
    change(world, tenant, fenced, FenceEvent::Release).await?;
    world.books.count("fence");
    Ok(())
}

/// All tenants are served again.
pub(super) async fn heal(world: &World) {
    for tenant in 1..=TENANTS {
        let healed = timeout(Duration::from_secs(20), async {
            while let Err(error) = activate(world, tenant).await {
                world.books.count(format!("healing: {error}"));
            }
        });
        if healed.await.is_err() {
            world.books.wrong(format!("tenant {tenant} does not heal"));
        }
    }
}

async fn activate(world: &World, tenant: u32) -> Result<(), DbError> {
    let mut now = fence(world, tenant).await?;
    if !matches!(now.state, FenceState::Active) {
        now = change(world, tenant, now, FenceEvent::Release).await?;
    }
    if now.lifecycle != Lifecycle::Active {
        let event = FenceEvent::Lifecycle {
            lifecycle: Lifecycle::Active,
            epoch: now.epoch.next().expect("epochs enough"),
        };
        change(world, tenant, now, event).await?;
    }
    Ok(())
}

/// The fence, of whose epoch the clients hear.
async fn fence(world: &World, tenant: u32) -> Result<Fence, DbError> {
    let found = world.cell.fence(id(tenant)).await?;
    let fence = found.expect("every tenant has a fence");
    world.books.of(tenant).epoch = fence.epoch;
    Ok(fence)
}

async fn change(
    world: &World,
    tenant: u32,
    now: Fence,
    event: FenceEvent,
) -> Result<Fence, DbError> {
    let fence = world
        .cell
        .change_fence(id(tenant), Some(now), event)
        .await?;
    world.books.of(tenant).epoch = fence.epoch;
    Ok(fence)
}

fn id(tenant: u32) -> TenantId {
    TenantId::new(tenant).expect("tenants start at 1")
}
