//! What is there when all trouble is over.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use sqlx::{Connection as _, PgConnection, Row as _};
use tokio::time::timeout;

use super::{
    Line,
    ledger::{Found, LINES, compare},
    world::{CONNECTIONS, POOLED, World},
};

const BATCHES: &str = "select tenant_id, batch, count(*), bool_and(body = 'of ' || tenant_id)
    from entry group by tenant_id, batch";

/// The application's connections, and of each whether it does or holds something.
const SESSIONS: &str = "select a.pid,
    a.state <> 'idle' or exists (select from pg_locks l where l.pid = a.pid)
    from pg_stat_activity a, pg_sleep(0.01)
    where a.datname = current_database() and a.usename like '%\\_app'";

/// What a connection knows of a tenant.
const KNOWS: &str = "select pg_backend_pid(), coalesce(current_setting('app.tenant_id', true), '')";

/// How long connections have to come to rest, or to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// How what is there differs from what was acknowledged.
pub(super) async fn differences(world: &World) -> Vec<String> {
    let mut all: BTreeMap<i64, Found> = BTreeMap::new();
    for row in world.ask(BATCHES).await {
        let (tenant, batch): (i64, i64) = (row.get(0), row.get(1));
        let found = all.entry(tenant).or_default();
        found.batches.insert(batch);
        let is_whole = row.get::<i64, _>(2) == LINES && row.get::<bool, _>(3);
        if !is_whole {
            found.broken.insert(batch);
        }
    }
    for row in world.ask("select tenant_id, batches from tally").await {
        all.entry(row.get(0)).or_default().tally = row.get(1);
    }
    let compare = |(tenant, found): (i64, Found)| {
        let tenant = u32::try_from(tenant).expect("no other tenants are written for");
        compare(tenant, &world.books.of(tenant), &found)
    };
    all.into_iter().flat_map(compare).collect()
}

/// What connections of the application's still do, hold or know of a tenant.
pub(super) async fn remains(world: &World, patience: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    match timeout(patience, at_rest(world)).await {
        Ok(0) => wrong.push("there is no connection to look at".into()),
        Ok(_) => {}
        Err(_) => wrong.push("a connection stays busy".into()),
    }
    let asked = async {
        match world.storm.line {
            Line::Direct => through_the_cell(world).await,
            Line::Pooled => past_the_cell(world).await,
        }
    };
    match timeout(patience, asked).await {
        Ok(found) => wrong.extend(found),
        Err(_) => wrong.push("the connections do not answer".into()),
    }
    wrong
}

/// Waits until no connection is in a transaction or holds a lock, and says how many there are.
async fn at_rest(world: &World) -> usize {
    loop {
        // A connection that is being closed is still listed for a moment.
        let sessions = world.ask(SESSIONS).await;
        if !sessions.iter().any(|row| row.get(1)) {
            return sessions.len();
        }
    }
}

/// As many tenants as the cell has connections look at once, so that each connection is looked at.
async fn through_the_cell(world: &World) -> Vec<String> {
    let (mut wrong, mut held, mut asked) = (Vec::new(), Vec::new(), BTreeSet::new());
    for tenant in 1..=u32::from(CONNECTIONS) {
        let mut tx = world.cell.begin(&world.admit(tenant).read_only());
        let answer: Result<(i32, String), _> = sqlx::query_as(KNOWS).fetch_one(&mut tx).await;
        match answer {
            Ok((pid, setting)) => {
                asked.insert(pid);
                // A sealed setting has more than the number.
                if setting.split('.').next() != Some(&tenant.to_string()) {
                    wrong.push(format!("tenant {tenant} is taken for {setting}"));
                }
            }
            Err(error) => wrong.push(format!("tenant {tenant}: {error:?}")),
        }
        held.push(tx);
    }
    wrong.extend(unasked(world, &asked).await);
    for tx in held {
        tx.rollback().await;
    }
    wrong
}

/// Another client of the pooler asks each of the pooler's connections whose it is: nobody's. Each of its
/// transactions keeps one of them from the others.
async fn past_the_cell(world: &World) -> Vec<String> {
    let (mut wrong, mut held, mut asked) = (Vec::new(), Vec::new(), BTreeSet::new());
    for _ in 0..POOLED.get() {
        match ask(world).await {
            Ok((session, pid, setting)) => {
                asked.insert(pid);
                if !setting.is_empty() {
                    wrong.push(format!("a session knows tenant {setting}"));
                }
                held.push(session);
            }
            Err(error) => wrong.push(format!("a session does not answer: {error}")),
        }
    }
    wrong.extend(unasked(world, &asked).await);
    wrong
}

async fn ask(world: &World) -> Result<(PgConnection, i32, String), sqlx::Error> {
    let mut session = PgConnection::connect_with(&world.app).await?;
    sqlx::raw_sql("begin").execute(&mut session).await?;
    let row = sqlx::raw_sql(KNOWS).fetch_one(&mut session).await?;
    Ok((session, row.get(0), row.get(1)))
}

/// The application's connections that were not asked.
async fn unasked(world: &World, asked: &BTreeSet<i32>) -> Option<String> {
    let sessions = world.ask(SESSIONS).await;
    let pids = sessions.iter().map(|row| row.get(0));
    let left: Vec<i32> = pids.filter(|pid| !asked.contains(pid)).collect();
    (!left.is_empty()).then(|| format!("connections {left:?} were not asked"))
}
