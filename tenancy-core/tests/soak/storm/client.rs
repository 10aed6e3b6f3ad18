//! Requests of random tenants, most of which go wrong.

use std::{panic::resume_unwind, sync::Arc, time::Duration};

use fastrand::Rng;
use tenancy_core::db::DbError;
use tokio::time::sleep;

use super::{Sabotage, TENANTS, books::LINES, given_up::given_up, world::World};

const INSERT: &str = "insert into entry values ($1, $2, $3, $4)";

/// Without a condition: what it finds is what the tenant can reach. `$1` and `$2` only count.
const LOOK: &str = "select count(*), count(distinct batch),
    count(*) filter (where tenant_id <> $1 or body <> $2) from entry";

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

pub(super) struct Client {
    world: Arc<World>,
    random: Rng,
}

impl Client {
    pub(super) fn new(world: Arc<World>, random: Rng) -> Self {
        Self { world, random }
    }

    pub(super) async fn visit_on(mut self) {
        while self.world.is_stormy() {
            let tenant = self.random.u32(1..=TENANTS);
            let polls = match self.random.u8(..4) {
                0 => self.random.u32(..25),
                _ => u32::MAX,
            };
            if self.random.bool() {
                self.read(tenant, polls).await;
            } else {
                self.write(tenant, polls).await;
            }
        }
    }

    async fn read(&self, tenant: u32, polls: u32) {
        let world = &*self.world;
        let known = world.books.of(tenant).acknowledged.len();
        let found = match world.storm.sabotage {
            Some(Sabotage::TenantInSession) => {
                given_up(look_in_session(world, tenant), polls).await
            }
            _ => given_up(look(world, tenant), polls).await,
        };
        match found {
            Some(Ok(seen)) => check(world, tenant, known, seen),
            Some(Err(error)) => failed(world, &error).await,
            None => world.books.count("dropped"),
        }
    }

    async fn write(&mut self, tenant: u32, polls: u32) {
        let fate = match self.random.u8(..10) {
            0 => Fate::Rollback,
            1 => Fate::Forget,
            2 => Fate::Mistake,
            3 => Fate::Panic,
            _ => Fate::Commit,
        };
        let (world, batch) = (Arc::clone(&self.world), self.world.batch());
        if fate == Fate::Commit {
            world.books.of(tenant).unknown.insert(batch);
        }
        let writer = Arc::clone(&world);
        let handler =
            tokio::spawn(async move { given_up(write(&writer, tenant, batch, fate), polls).await });
        match handler.await {
            Ok(Some(Ok(()))) if fate == Fate::Commit => {
                let mut known = world.books.of(tenant);
                known.unknown.remove(&batch);
                known.acknowledged.insert(batch);
                drop(known);
                world.books.count("written");
            }
            Ok(Some(Ok(()))) => world.books.count("rolled back"),
            Ok(Some(Err(error))) => {
                if !matches!(error, DbError::CommitUnknown { .. }) {
                    world.books.of(tenant).unknown.remove(&batch);
                }
                failed(&world, &error).await;
            }
            Ok(None) => world.books.count("dropped"),
            Err(panicked) => {
                assert!(panicked.is_panic(), "nobody aborts a handler");
                world.books.count("panicked");
            }
        }
    }
}

/// Reads and writes when there is no trouble any more: both must succeed.
pub(super) async fn visit_in_peace(world: &World, tenant: u32) {
    let batch = world.batch();
    world.books.of(tenant).unknown.insert(batch);
    if let Err(error) = write(world, tenant, batch, Fate::Commit).await {
        world
            .books
            .wrong(format!("tenant {tenant} cannot write in peace: {error:?}"));
        return;
    }
    world.books.of(tenant).acknowledged.insert(batch);
    let known = world.books.of(tenant).acknowledged.len();
    match look(world, tenant).await {
        Ok(seen) => check(world, tenant, known, seen),
        Err(error) => world
            .books
            .wrong(format!("tenant {tenant} cannot read in peace: {error:?}")),
    }
}

type Seen = (i64, i64, i64);

async fn look(world: &World, tenant: u32) -> Result<Seen, DbError> {
    let admitted = world.admit(tenant);
    let mut tx = world.cell.begin(&admitted.read_only());
    let seen = sqlx::query_as(LOOK)
        .persistent(world.keeps_statements())
        .bind(i64::from(tenant))
        .bind(body(tenant))
        .fetch_one(&mut tx)
        .await
        .map_err(DbError::from_sqlx)?;
    tx.commit().await?;
    Ok(seen)
}

/// As an application does that does not know how a pooler works.
async fn look_in_session(world: &World, tenant: u32) -> Result<Seen, DbError> {
    use sqlx::{AssertSqlSafe, Row as _};
    let ask = async {
        let mut session = world.session().await?;
        let set = format!("select set_config('app.tenant_id', '{tenant}', false)");
        sqlx::raw_sql(AssertSqlSafe(set))
            .execute(&mut session)
            .await?;
        let body = format!("'{}'", body(tenant));
        let look = LOOK.replace("$1", &tenant.to_string()).replace("$2", &body);
        let row = sqlx::raw_sql(AssertSqlSafe(look))
            .fetch_one(&mut session)
            .await?;
        Ok((row.get(0), row.get(1), row.get(2)))
    };
    ask.await.map_err(DbError::from_sqlx)
}

fn check(world: &World, tenant: u32, known: usize, (rows, batches, foreign): Seen) {
    world.books.count("read");
    let seen = format!(
        "tenant {tenant} saw {batches} batches in {rows} rows, {foreign} foreign, and knew {known}"
    );
    if foreign > 0 {
        world.books.saw_foreign(seen);
    } else if world.storm.sabotage.is_none()
        && (rows != LINES * batches || batches < i64::try_from(known).unwrap())
    {
        world.books.wrong(seen);
    }
}

async fn write(world: &World, tenant: u32, batch: i64, fate: Fate) -> Result<(), DbError> {
    let admitted = world.admit(tenant);
    let ctx = admitted
        .read_write()
        .expect("an active tenant can be written to");
    let mut tx = world.cell.begin(&ctx);
    for line in 0..LINES {
        sqlx::query(INSERT)
            .persistent(world.keeps_statements())
            .bind(i64::from(tenant))
            .bind(batch)
            .bind(line)
            .bind(body(tenant))
            .execute(&mut tx)
            .await
            .map_err(DbError::from_sqlx)?;
        match fate {
            // Unwinds as a panic does, without a line in the log for each.
            Fate::Panic if line == 1 => resume_unwind(Box::new("a handler's own mistake")),
            Fate::Mistake if line == 1 => {
                let mistake = sqlx::query("select 1 / 0")
                    .persistent(world.keeps_statements())
                    .execute(&mut tx)
                    .await;
                mistake.map_err(DbError::from_sqlx)?;
            }
            _ => {}
        }
    }
    match fate {
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
async fn failed(world: &World, error: &DbError) {
    world.books.count(name(error));
    if matches!(error, DbError::Unreachable { .. }) {
        sleep(Duration::from_millis(20)).await;
    }
}

/// The name of an error's variant, and what the database said in those that have many causes.
fn name(error: &DbError) -> String {
    let text = format!("{error:?}");
    let end = text.find(|c: char| !c.is_alphanumeric());
    let name = &text[..end.unwrap_or(text.len())];
    match error {
        DbError::Statement { source, .. } => format!("{name}: {source}"),
        _ => name.to_owned(),
    }
}
