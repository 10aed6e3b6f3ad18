//! Requests of tenants, most of which go wrong.

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use fastrand::Rng;
use tenancy_core::{
    TenantContext,
    db::{DbError, IsolationLevel, TenantTx},
};
use tokio::time::sleep;

use super::{
    Sabotage, TENANTS, Weather, errors,
    given_up::given_up,
    ledger::{LINES, Seen},
    naive::{self, Whim},
    world::World,
};

const INSERT: &str = "insert into entry values ($1, $2, $3, $4)";

/// Without a condition: what it changes is what the tenant can reach.
const TALLY: &str = "update tally set batches = batches + 1";

/// Without a condition: what it finds is what the tenant can reach. `$1` and `$2` only count.
pub(super) const LOOK: &str = "select count(*) as rows, count(distinct batch) as batches,
    count(*) filter (where tenant_id <> $1 or body <> $2)
        + (select count(*) from tally where tenant_id <> $1) as foreign,
    (select coalesce(sum(batches), 0)::bigint from tally) as tally
    from entry";

/// How a request that writes ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Commit,
    Rollback,
    /// The transaction is dropped, open.
    Forget,
    /// A statement fails in the middle.
    Mistake,
    /// The handler panics in the middle.
    Panic,
}

/// What one transaction writes.
#[derive(Clone, Copy, Debug)]
struct Writing {
    tenant: u32,
    batch: i64,
    level: IsolationLevel,
    fate: Fate,
    /// After which line it goes wrong.
    middle: i64,
}

pub(super) struct Client {
    world: Arc<World>,
    random: Rng,
    /// Whose requests it makes. Without one, half of them are of the tenant that has trouble just now.
    home: Option<u32>,
}

impl Client {
    pub(super) fn new(world: Arc<World>, random: Rng, home: Option<u32>) -> Self {
        Self {
            world,
            random,
            home,
        }
    }

    pub(super) async fn visit_on(mut self) {
        while self.world.is_stormy() {
            let tenant = match self.home {
                Some(home) => home,
                None if self.random.bool() => self.world.troubled(),
                None => self.random.u32(1..=TENANTS),
            };
            // How often the request is polled before it is dropped.
            let polls = match self.world.storm.weather {
                Weather::Stormy if self.random.u8(..4) == 0 => self.random.u32(1..25),
                _ => u32::MAX,
            };
            let sabotage = self.world.storm.sabotage;
            match sabotage.filter(|sabotage| *sabotage != Sabotage::NoRowSecurity) {
                Some(sabotage) => {
                    let whim = Whim {
                        looks: self.random.bool(),
                        panics: self.fate() == Fate::Panic,
                        polls,
                    };
                    naive::visit(&self.world, sabotage, tenant, whim).await;
                }
                None if self.random.bool() => self.read(tenant, polls).await,
                None => self.write(tenant, polls).await,
            }
        }
    }

    async fn read(&mut self, tenant: u32, polls: u32) {
        let level = self.level();
        let world = &*self.world;
        let known = world.books.of(tenant).acknowledged.len();
        match given_up(look(world, tenant, level), polls).await {
            Some(Ok(seen)) => {
                world.books.count(name(level));
                check(world, (tenant, level, known), seen);
            }
            Some(Err(error)) => failed(world, tenant, &error).await,
            None => world.books.count("read dropped"),
        }
    }

    async fn write(&mut self, tenant: u32, polls: u32) {
        let (world, batch) = (Arc::clone(&self.world), self.world.batch());
        let writing = Writing {
            tenant,
            batch,
            level: self.level(),
            fate: self.fate(),
            middle: self.random.i64(..LINES),
        };
        if writing.fate == Fate::Commit {
            world.books.of(tenant).unknown.insert(batch);
        }
        let writer = Arc::clone(&world);
        let handler = tokio::spawn(async move { given_up(write(&writer, writing), polls).await });
        match handler.await {
            Ok(Some(Ok(()))) => {
                if writing.fate == Fate::Commit {
                    acknowledged(&world, writing);
                }
                world.books.count(writing.fate.done());
            }
            Ok(Some(Err(error))) => {
                if !matches!(error, DbError::CommitUnknown { .. }) {
                    world.books.of(tenant).unknown.remove(&batch);
                }
                failed(&world, tenant, &error).await;
            }
            Ok(None) => world.books.count("write dropped"),
            Err(panicked) => {
                assert!(panicked.is_panic(), "nobody aborts a handler");
                world.books.count(Fate::Panic.done());
            }
        }
    }

    fn level(&mut self) -> IsolationLevel {
        match self.random.u8(..4) {
            0 => IsolationLevel::RepeatableRead,
            1 => IsolationLevel::Serializable,
            _ => IsolationLevel::ReadCommitted,
        }
    }

    fn fate(&mut self) -> Fate {
        match (self.world.storm.weather, self.random.u8(..10)) {
            (Weather::Stormy, 0) => Fate::Rollback,
            (Weather::Stormy, 1) => Fate::Forget,
            (Weather::Stormy, 2) => Fate::Mistake,
            (Weather::Stormy, 3) => Fate::Panic,
            _ => Fate::Commit,
        }
    }
}

impl Fate {
    fn done(self) -> &'static str {
        match self {
            Self::Commit => "written",
            Self::Rollback => "rolled back",
            Self::Forget => "forgotten",
            Self::Mistake => "mistaken",
            Self::Panic => "panicked",
        }
    }
}

fn name(level: IsolationLevel) -> &'static str {
    match level {
        IsolationLevel::ReadCommitted => "read committed",
        IsolationLevel::RepeatableRead => "read repeatably",
        IsolationLevel::Serializable => "read serializably",
    }
}

fn acknowledged(world: &World, writing: Writing) {
    let mut known = world.books.of(writing.tenant);
    known.unknown.remove(&writing.batch);
    known.acknowledged.insert(writing.batch);
}

/// Writes for a tenant that cannot be written to just now: it must be refused.
pub(super) async fn write_in_vain(world: &World, tenant: u32) {
    let writing = Writing {
        tenant,
        batch: world.batch(),
        level: IsolationLevel::ReadCommitted,
        fate: Fate::Commit,
        middle: 0,
    };
    match write(world, writing).await {
        Ok(()) => {
            let said = format!("tenant {tenant} was written to though it is fenced or not active");
            world.books.wrong(said);
        }
        Err(error) => world.books.failed(&format!("tenant {tenant}"), &error),
    }
}

/// Reads and writes when there is no trouble any more: both must succeed.
pub(super) async fn visit_in_peace(world: &World, tenant: u32) {
    let writing = Writing {
        tenant,
        batch: world.batch(),
        level: IsolationLevel::ReadCommitted,
        fate: Fate::Commit,
        middle: 0,
    };
    world.books.of(tenant).unknown.insert(writing.batch);
    let refused = |what: &str, error: DbError| {
        let said = format!("tenant {tenant} cannot {what} in peace: {error:?}");
        world.books.wrong(said);
    };
    if let Err(error) = write(world, writing).await {
        return refused("write", error);
    }
    acknowledged(world, writing);
    let known = world.books.of(tenant).acknowledged.len();
    let level = IsolationLevel::RepeatableRead;
    match look(world, tenant, level).await {
        Ok(seen) => check(world, (tenant, level, known), seen),
        Err(error) => refused("read", error),
    }
}

/// Looks twice in one transaction.
async fn look(world: &World, tenant: u32, level: IsolationLevel) -> Result<[Seen; 2], DbError> {
    let ctx = world.admit(tenant).read_only();
    let mut tx = world.cell.begin_at(&ctx, level);
    let first = look_in(&mut tx, tenant).await?;
    let second = look_in(&mut tx, tenant).await?;
    tx.commit().await?;
    Ok([first, second])
}

async fn look_in<A: tenancy_core::Access>(
    tx: &mut TenantTx<sqlx::Postgres, A>,
    tenant: u32,
) -> Result<Seen, DbError> {
    let look = sqlx::query_as(LOOK)
        .bind(i64::from(tenant))
        .bind(body(tenant));
    look.fetch_one(tx).await.map_err(DbError::from_sqlx)
}

fn check(world: &World, (tenant, level, known): (u32, IsolationLevel, usize), seen: [Seen; 2]) {
    for seen in seen {
        world.books.found(seen.judge(tenant, known));
    }
    if level != IsolationLevel::ReadCommitted && seen[0] != seen[1] {
        let said = format!("tenant {tenant} saw two states at {level:?}: {seen:?}");
        world.books.wrong(said);
    }
}

async fn write(world: &World, writing: Writing) -> Result<(), DbError> {
    let Writing { tenant, batch, .. } = writing;
    let known = world.books.of(tenant).acknowledged.len();
    let ctx: TenantContext<_> = world
        .admit(tenant)
        .read_write()
        .expect("an active tenant can be written to");
    let mut tx = world.cell.begin_at(&ctx, writing.level);
    for line in 0..LINES {
        let insert = sqlx::query(INSERT)
            .bind(i64::from(tenant))
            .bind(batch)
            .bind(line)
            .bind(body(tenant));
        insert.execute(&mut tx).await.map_err(DbError::from_sqlx)?;
        match writing.fate {
            // Unwinds as a panic does, without a line in the log for each.
            Fate::Panic if line == writing.middle => {
                resume_unwind(Box::new("a handler's own mistake"))
            }
            Fate::Mistake if line == writing.middle => {
                let mistake = sqlx::query("select 1 / 0").execute(&mut tx).await;
                return match mistake.map_err(DbError::from_sqlx) {
                    Err(error) if errors::is_the_mistake(&error) => Ok(()),
                    answer => answer.map(drop),
                };
            }
            _ => {}
        }
    }
    let changed = sqlx::query(TALLY).execute(&mut tx).await;
    let changed = changed.map_err(DbError::from_sqlx)?.rows_affected();
    if changed != 1 {
        let said = format!("tenant {tenant} has one tally, and changed {changed}");
        world.books.wrong(said);
    }
    let seen = look_in(&mut tx, tenant).await?;
    // What was there, and the batch that is being written.
    world.books.found(seen.judge(tenant, known + 1));
    match writing.fate {
        Fate::Commit => tx.commit().await,
        Fate::Rollback => {
            tx.rollback().await;
            Ok(())
        }
        Fate::Forget | Fate::Mistake | Fate::Panic => Ok(()),
    }
}

pub(super) fn body(tenant: u32) -> String {
    format!("of {tenant}")
}

/// Who finds nobody home comes back a moment later.
async fn failed(world: &World, tenant: u32, error: &DbError) {
    world.books.failed(&format!("tenant {tenant}"), error);
    if matches!(error, DbError::Unreachable { .. }) {
        sleep(Duration::from_millis(20)).await;
    }
}
