//! What happens to the cell meanwhile.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use sqlx::Row as _;
use tenancy_core::{
    db::DbError,
    protocol::{Fence, FenceEvent, FenceState},
    types::{Lifecycle, TenantId, UnixMicros},
};
use tenancy_testkit::Direction;
use tokio::time::{sleep, timeout};

use super::{
    TENANTS, Weather,
    client::write_in_vain,
    deck::{Deck, Fault},
    world::World,
};

/// The application's connections.
const CONNECTIONS: &str = "select pid from pg_stat_activity
    where datname = current_database() and usename like '%\\_app' order by pid";

/// How long all tenants may take until they are served again.
const HEALING: Duration = Duration::from_secs(60);

/// Makes trouble for as long as the storm lasts. The pauses are no waiting for something: the moments are what is random.
pub(super) async fn make(world: &Arc<World>, mut random: Rng) {
    let mut deck = Deck::new(world.storm.line, random.fork());
    while world.is_stormy() {
        sleep(Duration::from_millis(random.u64(10..150))).await;
        if world.storm.weather == Weather::Calm {
            continue;
        }
        let tenant = random.u32(1..=TENANTS);
        world.trouble(tenant);
        match deck.deal() {
            Fault::Cut => {
                world.proxy.cut();
                world.books.count("cut");
            }
            Fault::Hang => hang(world, &mut random).await,
            Fault::Terminate => terminate(world, &mut random).await,
            Fault::Lifecycle => done(
                world,
                "lifecycle",
                change_lifecycle(world, tenant, &mut random).await,
            ),
            Fault::Fence => done(
                world,
                "fence",
                fence_for_a_moment(world, tenant, &mut random).await,
            ),
            Fault::Crash => world.crash().await,
        }
    }
    world.proxy.heal();
}

/// A change that fails is asked about again at the next one, and at the end.
fn done(world: &World, what: &'static str, changed: Result<(), DbError>) {
    match changed {
        Ok(()) => world.books.count(what),
        Err(error) => world.books.failed(what, &error),
    }
}

async fn hang(world: &World, random: &mut Rng) {
    let direction = random.choice([Direction::ToClient, Direction::ToServer, Direction::Both]);
    world.proxy.hang(direction.expect("three directions"));
    sleep(Duration::from_millis(random.u64(10..400))).await;
    world.proxy.heal();
    world.books.count("hang");
}

/// Ends a part of the application's connections, or all.
async fn terminate(world: &World, random: &mut Rng) {
    let of_ten = random.choice([2, 10]).expect("two shares");
    for row in world.ask(CONNECTIONS).await {
        if random.u8(..10) < of_ten {
            let pid: i32 = row.get(0);
            let end = format!("select pg_terminate_backend({pid})");
            if world.ask(&end).await[0].get(0) {
                world.books.count("terminated connection");
            }
        }
    }
}

async fn change_lifecycle(world: &World, tenant: u32, random: &mut Rng) -> Result<(), DbError> {
    let now = released(world, tenant).await?;
    let lifecycle = random.choice([Lifecycle::Active, Lifecycle::ReadOnly, Lifecycle::Suspended]);
    let event = FenceEvent::Lifecycle {
        lifecycle: lifecycle.expect("three lifecycles"),
        epoch: now.epoch.next().expect("epochs enough"),
    };
    let changed = change(world, tenant, now, event).await?;
    if changed.lifecycle != Lifecycle::Active {
        write_in_vain(world, tenant).await;
    }
    Ok(())
}

async fn fence_for_a_moment(world: &World, tenant: u32, random: &mut Rng) -> Result<(), DbError> {
    let now = released(world, tenant).await?;
    let until = UnixMicros::new(4_102_444_800_000_000);
    let fenced = change(world, tenant, now, FenceEvent::Set { until }).await?;
    write_in_vain(world, tenant).await;
    sleep(Duration::from_millis(random.u64(10..100))).await;
    change(world, tenant, fenced, FenceEvent::Release).await?;
    Ok(())
}

/// All tenants are served again.
pub(super) async fn heal(world: &World) {
    let healed = timeout(HEALING, async {
        for tenant in 1..=TENANTS {
            while let Err(error) = activate(world, tenant).await {
                world.books.failed("healing", &error);
                sleep(Duration::from_millis(20)).await;
            }
        }
    });
    if healed.await.is_err() {
        world.books.wrong("the tenants do not heal".into());
    }
}

async fn activate(world: &World, tenant: u32) -> Result<(), DbError> {
    let now = released(world, tenant).await?;
    if now.lifecycle != Lifecycle::Active {
        let event = FenceEvent::Lifecycle {
            lifecycle: Lifecycle::Active,
            epoch: now.epoch.next().expect("epochs enough"),
        };
        change(world, tenant, now, event).await?;
    }
    Ok(())
}

/// The fence, without what an earlier change may have left there.
async fn released(world: &World, tenant: u32) -> Result<Fence, DbError> {
    let found = world.cell.fence(id(tenant)).await?;
    let now = found.expect("every tenant has a fence");
    world.books.of(tenant).epoch = now.epoch;
    match now.state {
        FenceState::Active => Ok(now),
        _ => change(world, tenant, now, FenceEvent::Release).await,
    }
}

/// Changes the fence, of whose epoch the clients hear.
async fn change(
    world: &World,
    tenant: u32,
    now: Fence,
    event: FenceEvent,
) -> Result<Fence, DbError> {
    let changed = world.cell.change_fence(id(tenant), Some(now), event);
    let fence = changed.await?;
    world.books.of(tenant).epoch = fence.epoch;
    Ok(fence)
}

fn id(tenant: u32) -> TenantId {
    TenantId::new(tenant).expect("tenants start at 1")
}
