//! Microseconds of one transaction of a tenant on Postgres, ours or the bare one.
//!
//! ```sh
//! cargo bench -p tenancy-core --features postgres,test-util --bench isolation -- --side ours --work update --mode sealed --connections 8
//! ```
//!
//! The last line is the answer: `{"value": 95.1}`. With `FIGURES_QUICK=1` in the environment it does a
//! twentieth of the transactions.
//!
//! The peer is what one would write without us: `BEGIN`, the statement with its tenant, `COMMIT` through sqlx,
//! on the same table in the same private server, as a role that row security does not bind. Both sides use
//! prepared statements, a Unix socket, and as many workers as connections. The table holds 300,000 rows of 100
//! tenants; `--tenants hot` sends all transactions to one of them. Two more sides say where the difference comes
//! from: `autocommit` is the peer's statement alone, and `policy` the peer under row security, which sets its tenant in
//! the message that begins: no guard, no fence, no check at the end.
//!
//! The value is the time of all transactions divided by their number (so with eight connections it is less
//! than what one takes), the median of seven passes after one that is not counted.

#[path = "common/command.rs"]
mod command;

use std::{
    num::NonZeroU16,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tenancy_core::{
    Admitted, Grant, Manifest, Principal, Resolved, Source, Table, admit,
    db::{CellOptions, DbError, PostgresCell},
    isolation::{IsolationMode, Roles, testing},
    protocol::FenceEvent,
    types::{CellId, Clock as _, Epoch, Lifecycle, Placement, SystemClock, TenantId, WorkBudget},
};
use tenancy_testkit::Postgres;

use self::command::{Failure, Words, answer, is_quick, median};

const TENANTS: u32 = 100;
const ROWS_OF_A_TENANT: u32 = 3_000;
const PASSES: usize = 7;

const SCHEMA: &str = "
create table item (
    tenant_id bigint not null,
    id bigint not null,
    amount bigint not null,
    title text not null,
    primary key (tenant_id, id)
) with (fillfactor = 50);
insert into item select t, i, i, 'item ' || i
    from generate_series(1, 100) t, generate_series(1, 3000) i;
";

const READ: &str = "select amount, title from item where tenant_id = $1 and id = $2";
const UPDATE: &str = "update item set amount = amount + 1 where tenant_id = $1 and id = $2";

fn main() -> ExitCode {
    answer(|words| measure(Setting::of(&words)?))
}

#[derive(Clone, Copy)]
enum Side {
    Ours,
    Peer,
    /// The peer without `BEGIN` and `COMMIT`.
    Autocommit,
    /// The peer as a role that row security binds, which says its tenant as it begins: without guard and fence.
    Policy,
}

#[derive(Clone, Copy)]
enum Work {
    /// A read in a read-only transaction.
    Read,
    /// A read in a transaction that may write, and so asks the fence under its lock.
    FencedRead,
    /// A change of one row.
    Update,
}

#[derive(Clone, Copy)]
struct Setting {
    side: Side,
    work: Work,
    mode: IsolationMode,
    connections: NonZeroU16,
    tenants: u32,
    transactions: usize,
}

impl Setting {
    fn of(words: &Words) -> Result<Self, Failure> {
        let mut setting = Self {
            side: Side::Ours,
            work: Work::Read,
            mode: IsolationMode::Plain,
            connections: NonZeroU16::MIN,
            tenants: TENANTS,
            transactions: if is_quick() { 100 } else { 2_000 },
        };
        words.each(|word, value| {
            match (word, value) {
                ("--side", "ours") => setting.side = Side::Ours,
                ("--side", "peer") => setting.side = Side::Peer,
                ("--side", "autocommit") => setting.side = Side::Autocommit,
                ("--side", "policy") => setting.side = Side::Policy,
                ("--work", "read") => setting.work = Work::Read,
                ("--work", "fenced-read") => setting.work = Work::FencedRead,
                ("--work", "update") => setting.work = Work::Update,
                ("--mode", "plain") => setting.mode = IsolationMode::Plain,
                ("--mode", "sealed") => setting.mode = IsolationMode::Sealed,
                ("--tenants", "all") => setting.tenants = TENANTS,
                ("--tenants", "hot") => setting.tenants = 1,
                ("--connections", number) => setting.connections = number.parse()?,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(setting)
    }

    /// The tenant and the row of a transaction, the same on both sides. Both factors are prime to what is
    /// taken of them, so that all rows come in turn.
    fn target(&self, number: usize) -> (u32, i64) {
        let number = u32::try_from(number % 1_000_000).expect("below a million");
        let row = (number * 1_009) % ROWS_OF_A_TENANT + 1;
        ((number * 37) % self.tenants + 1, row.into())
    }
}

fn measure(setting: Setting) -> Result<f64, Failure> {
    let server = Postgres::start()?;
    let database = server.database()?;
    let admin: PgConnectOptions = database.url().parse()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut connection = PgConnection::connect_with(&admin).await?;
        sqlx::raw_sql(SCHEMA).execute(&mut connection).await?;
        sqlx::raw_sql("vacuum analyze item")
            .execute(&mut connection)
            .await?;
        connection.close().await?;
        match setting.side {
            Side::Ours => passes(setting, Ours::open(setting, &admin).await?).await,
            Side::Peer | Side::Autocommit => {
                passes(setting, Peer::open(setting, admin).await?).await
            }
            Side::Policy => {
                Ours::open(setting, &admin).await?;
                let app = admin.username(&Roles::named(database.name())?.app());
                passes(setting, Peer::open(setting, app).await?).await
            }
        }
    })
}

/// Who runs a transaction.
trait Runner: Send + Sync + 'static {
    fn run(
        &self,
        setting: Setting,
        number: usize,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The median microseconds a transaction.
async fn passes(setting: Setting, runner: impl Runner) -> Result<f64, Failure> {
    let runner = Arc::new(runner);
    pass(setting, &runner).await?;
    let mut micros = Vec::with_capacity(PASSES);
    for _ in 0..PASSES {
        micros.push(pass(setting, &runner).await?);
    }
    Ok(median(&mut micros))
}

async fn pass(setting: Setting, runner: &Arc<impl Runner>) -> Result<f64, Failure> {
    let next = Arc::new(AtomicUsize::new(0));
    let begin = SystemClock.now();
    let workers = (0..setting.connections.get()).map(|_| {
        let (runner, next) = (Arc::clone(runner), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= setting.transactions {
                    return Ok::<_, Failure>(());
                }
                runner.run(setting, number).await?;
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await??;
    }
    let nanos = SystemClock.now().get() - begin.get();
    Ok(nanos as f64 / 1_000.0 / setting.transactions as f64)
}

struct Ours {
    cell: PostgresCell,
}

impl Ours {
    async fn open(setting: Setting, admin: &PgConnectOptions) -> Result<Self, Failure> {
        let manifest = Manifest::new([Table::tenant("item", ["id"])])?;
        let options = CellOptions::new(setting.connections);
        let cell = testing::cell(admin, &manifest, setting.mode, options).await?;
        for tenant in (1..=TENANTS).filter_map(TenantId::new) {
            let event = FenceEvent::Create {
                lifecycle: Lifecycle::Active,
                epoch: Epoch::FIRST,
            };
            cell.change_fence(tenant, None, event).await?;
        }
        Ok(Self { cell })
    }
}

impl Runner for Ours {
    async fn run(&self, setting: Setting, number: usize) -> Result<(), Failure> {
        let (tenant, row) = setting.target(number);
        let admitted = admitted(setting, tenant)?;
        if let Work::Read = setting.work {
            let mut tx = self.cell.begin(&admitted.read_only());
            read(tx.sql(READ).bind(i64::from(tenant)).bind(row).one().await)?;
            tx.commit().await?;
            return Ok(());
        }
        let mut tx = self.cell.begin(&admitted.read_write()?);
        if let Work::Update = setting.work {
            let changed = tx.sql(UPDATE).bind(i64::from(tenant)).bind(row);
            found(changed.run().await?)?;
        } else {
            read(tx.sql(READ).bind(i64::from(tenant)).bind(row).one().await)?;
        }
        Ok(tx.commit().await?)
    }
}

fn read(row: Result<(i64, String), DbError>) -> Result<(), Failure> {
    std::hint::black_box(row?);
    Ok(())
}

fn found(rows: u64) -> Result<(), Failure> {
    if rows == 1 {
        Ok(())
    } else {
        Err(format!("{rows} rows were changed").into())
    }
}

fn admitted(setting: Setting, tenant: u32) -> Result<Admitted, Failure> {
    let cell = CellId::new(1).ok_or("a cell has a number")?;
    let resolved = Resolved {
        tenant: TenantId::new(tenant).ok_or("a tenant has a number")?,
        placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
        source: Source::Internal,
    };
    let budget = WorkBudget::new(setting.connections, Duration::from_secs(5));
    Ok(admit(
        resolved,
        Principal::visitor(),
        Grant::ReadWrite,
        budget,
    )?)
}

struct Peer {
    pool: PgPool,
}

impl Peer {
    async fn open(setting: Setting, address: PgConnectOptions) -> Result<Self, Failure> {
        let pool = PgPoolOptions::new()
            .max_connections(setting.connections.get().into())
            .test_before_acquire(false)
            .connect_with(address)
            .await?;
        Ok(Self { pool })
    }
}

impl Runner for Peer {
    async fn run(&self, setting: Setting, number: usize) -> Result<(), Failure> {
        let (tenant, row) = setting.target(number);
        let mut tx = match setting.side {
            Side::Autocommit => {
                let mut connection = self.pool.acquire().await?;
                return work(setting.work, &mut connection, (tenant, row)).await;
            }
            Side::Policy => {
                let begin = format!("BEGIN; SET LOCAL app.tenant_id = '{tenant}'");
                self.pool.begin_with(AssertSqlSafe(begin)).await?
            }
            Side::Peer | Side::Ours => self.pool.begin().await?,
        };
        work(setting.work, &mut tx, (tenant, row)).await?;
        Ok(tx.commit().await?)
    }
}

async fn work(
    work: Work,
    connection: &mut PgConnection,
    (tenant, row): (u32, i64),
) -> Result<(), Failure> {
    if let Work::Update = work {
        let changed = sqlx::query(UPDATE).bind(i64::from(tenant)).bind(row);
        found(changed.execute(connection).await?.rows_affected())
    } else {
        let row = sqlx::query_as(READ).bind(i64::from(tenant)).bind(row);
        let row: (i64, String) = row.fetch_one(connection).await?;
        std::hint::black_box(row);
        Ok(())
    }
}
