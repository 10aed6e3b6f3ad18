//! What row security costs a query, and what looking at a cell costs: ours, or the hand-written peer.
//!
//! ```sh
//! cargo bench -p tenancy-core --features postgres,test-util --bench row_security -- --work less --side ours --mode sealed --tenant big
//! ```
//!
//! The last line is the answer: `{"value": 95.1}`. With `FIGURES_QUICK=1` in the environment it does a
//! twentieth of the queries, on a tenth of the rows, in one pass.
//!
//! - `equal`, `less`, `greater` are queries of a tenant among 300,000 rows, in microseconds: ours asks without
//!   the tenant and the policy adds it, the peer writes it and asks as a role that no policy binds. Both ask
//!   prepared statements over one connection, in a transaction that stays open, so that nothing but the policy
//!   differs. `--tenant even` is one of 100 with as many rows, `--tenant big` one with 90,000.
//! - `search` is a full text search through the listed function against the same query written by hand, and
//!   `--side trap` that query under row security, which may use no index.
//! - `boot` and `audit` are milliseconds until a cell of 200 tables is opened, or also probed.
//!
//! The value is the median of seven passes after one that is not counted.

#[path = "common/command.rs"]
mod command;

use std::process::ExitCode;

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, postgres::PgConnectOptions,
};
use tenancy_core::{
    Manifest, SearchDocument, SearchFunction, Table,
    isolation::{
        Isolation, IsolationMode, Roles, SealAccess, SealClaim, SealKey,
        audit::{self, Report, Ways},
        install, install_key,
    },
    types::{Clock as _, Epoch, SystemClock, TenantId, UnixMicros},
};
use tenancy_testkit::Postgres;

use self::command::{Failure, Words, answer, is_quick, median};

const PASSES: usize = 7;
const TABLES: usize = 200;

const SCHEMA: &str = "
create table item (
    tenant_id bigint not null,
    id bigint not null,
    amount bigint not null,
    title text not null,
    document tsvector not null,
    primary key (tenant_id, id)
);
insert into item select t, i, i, 'item ' || i, to_tsvector('simple', 'word' || (i * 7919 + t) % 997)
    from ($tenants) of (t, n), generate_series(1, n) i;
create index on item (tenant_id, amount);
create index on item using gin (document);
";
/// Tenants and how many rows they have: all as many, or the first one three tenths of them.
const EVEN: &str = "select t, $rows / 100 from generate_series(1, 100) t";
const BIG: &str = "select t, case t when 1 then $rows * 3 / 10 else $rows / 300 end
    from generate_series(1, 211) t";

const SEARCH: &str = "select id from item where $own document @@ websearch_to_tsquery('simple', $1)
    order by -ts_rank(document, websearch_to_tsquery('simple', $1)), id limit 100";

fn main() -> ExitCode {
    answer(|words| measure(Setting::of(&words)?))
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Ours,
    Peer,
    /// What one would write, where it is slow.
    Trap,
}

#[derive(Clone, Copy, PartialEq)]
enum Work {
    Equal,
    Less,
    Greater,
    Search,
    Boot,
    Audit,
}

#[derive(Clone, Copy)]
struct Setting {
    side: Side,
    work: Work,
    mode: IsolationMode,
    tenants: &'static str,
    rows: i64,
    quick: bool,
}

impl Setting {
    fn of(words: &Words) -> Result<Self, Failure> {
        let quick = is_quick();
        let mut setting = Self {
            side: Side::Ours,
            work: Work::Equal,
            mode: IsolationMode::Plain,
            tenants: EVEN,
            rows: if quick { 30_000 } else { 300_000 },
            quick,
        };
        words.each(|word, value| {
            match (word, value) {
                ("--side", "ours") => setting.side = Side::Ours,
                ("--side", "peer") => setting.side = Side::Peer,
                ("--side", "trap") => setting.side = Side::Trap,
                ("--work", "equal") => setting.work = Work::Equal,
                ("--work", "less") => setting.work = Work::Less,
                ("--work", "greater") => setting.work = Work::Greater,
                ("--work", "search") => setting.work = Work::Search,
                ("--work", "boot") => setting.work = Work::Boot,
                ("--work", "audit") => setting.work = Work::Audit,
                ("--mode", "plain") => setting.mode = IsolationMode::Plain,
                ("--mode", "sealed") => setting.mode = IsolationMode::Sealed,
                ("--tenant", "even") => setting.tenants = EVEN,
                ("--tenant", "big") => setting.tenants = BIG,
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(setting)
    }

    /// After the one that is not counted.
    const fn passes(&self) -> usize {
        if self.quick { 1 } else { PASSES }
    }

    /// The rows of tenant 1.
    fn own_rows(&self) -> i64 {
        if self.tenants == EVEN {
            self.rows / 100
        } else {
            self.rows * 3 / 10
        }
    }
}

fn measure(setting: Setting) -> Result<f64, Failure> {
    let server = Postgres::start()?;
    let admin: PgConnectOptions = server.database()?.url().parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match setting.work {
            Work::Boot | Work::Audit => look(setting, admin).await,
            Work::Equal | Work::Less | Work::Greater | Work::Search => ask(setting, admin).await,
        }
    })
}

fn key(mode: IsolationMode) -> Option<SealKey> {
    (mode == IsolationMode::Sealed).then(|| SealKey::new("bench", [7; 32]).expect("a good name"))
}

async fn isolate(
    setting: Setting,
    connection: &mut PgConnection,
    manifest: &Manifest,
) -> Result<Isolation, Failure> {
    let isolation = Isolation::new(manifest, Roles::named("bench")?, setting.mode);
    install(connection, &isolation).await?;
    if let Some(key) = key(setting.mode) {
        install_key(connection, &key).await?;
    }
    Ok(isolation)
}

/// Milliseconds.
async fn look(setting: Setting, admin: PgConnectOptions) -> Result<f64, Failure> {
    let mut connection = PgConnection::connect_with(&admin).await?;
    let mut tables = Vec::with_capacity(TABLES);
    for number in 0..TABLES {
        let name = format!("item_{number}");
        let sql = format!(
            "create table {name} (tenant_id bigint not null, id bigint not null, amount bigint,
                title text, made timestamptz, primary key (tenant_id, id));
             create index on {name} (tenant_id, amount); create index on {name} (tenant_id, title)"
        );
        connection.execute(AssertSqlSafe(sql)).await?;
        tables.push(Table::tenant(&name, ["id"]));
    }
    let isolation = isolate(setting, &mut connection, &Manifest::new(tables)?).await?;
    for statement in audit::prober(&isolation) {
        connection.execute(AssertSqlSafe(statement.sql())).await?;
    }
    connection.execute("vacuum analyze").await?;
    let prober = admin.clone().username(&isolation.roles().prober());
    let app = admin.username(&isolation.roles().app());
    let mut millis = Vec::with_capacity(PASSES + 1);
    for _ in 0..=setting.passes() {
        let begin = SystemClock.now();
        if setting.work == Work::Boot {
            audit::boot(app.clone(), &isolation, key(setting.mode)).await?;
        } else {
            let key = key(setting.mode);
            let ways = Ways {
                catalogs: None,
                app: Some(app.clone()),
                prober: Some(prober.clone()),
            };
            let report = audit::everything(ways, &isolation, key).await;
            if report != Report::default() {
                return Err(format!("the cell is not as it should be: {report:?}").into());
            }
        }
        millis.push((SystemClock.now().get() - begin.get()) as f64 / 1_000_000.0);
    }
    Ok(median(&mut millis[1..]))
}

/// Microseconds a query.
async fn ask(setting: Setting, admin: PgConnectOptions) -> Result<f64, Failure> {
    let mut connection = PgConnection::connect_with(&admin).await?;
    let schema = SCHEMA
        .replace("$tenants", setting.tenants)
        .replace("$rows", &setting.rows.to_string());
    connection.execute(AssertSqlSafe(schema)).await?;
    let document = SearchDocument::column("document");
    let search = SearchFunction::full_text("item", "item", document, "simple");
    let manifest = Manifest::new([Table::tenant("item", ["id"])])?.with_searches([search])?;
    let isolation = isolate(setting, &mut connection, &manifest).await?;
    connection
        .execute("insert into tenancy.fence values (1, null, 'active', 'active', 1, 0)")
        .await?;
    connection.execute("vacuum (analyze, freeze) item").await?;
    if setting.side == Side::Peer {
        connection.execute("begin read only").await?;
    } else {
        let app = admin.username(&isolation.roles().app());
        connection = PgConnection::connect_with(&app).await?;
        connection.execute(AssertSqlSafe(enter(setting)?)).await?;
    }
    let queries = match setting.work {
        Work::Equal => 2_000,
        Work::Search if setting.side != Side::Trap => 1_000,
        Work::Less if setting.own_rows() < 10_000 => 500,
        _ => 20,
    };
    let queries = if setting.quick {
        queries / 20 + 1
    } else {
        queries
    };
    let mut micros = Vec::with_capacity(PASSES + 1);
    for _ in 0..=setting.passes() {
        let begin = SystemClock.now();
        for number in 0..queries {
            query(setting, &mut connection, number).await?;
        }
        let nanos = SystemClock.now().get() - begin.get();
        micros.push(nanos as f64 / 1_000.0 / queries as f64);
    }
    Ok(median(&mut micros[1..]))
}

/// The transaction of tenant 1 in which all is asked.
fn enter(setting: Setting) -> Result<String, Failure> {
    let tenant = TenantId::new(1).ok_or("a tenant has a number")?;
    let seal = key(setting.mode).map(|key| {
        key.seal(&SealClaim {
            tenant,
            epoch: Epoch::FIRST,
            access: SealAccess::Read,
            expires: UnixMicros::new(SystemClock.unix().get() + 60_000_000),
        })
    });
    let seal = seal.map_or("null".to_owned(), |seal| format!("'{seal}'"));
    Ok(format!(
        "begin read only; select tenancy.enter(1, 1, false, 600000, {seal})"
    ))
}

async fn query(
    setting: Setting,
    connection: &mut PgConnection,
    number: i64,
) -> Result<(), Failure> {
    let own = match setting.side {
        Side::Peer => "tenant_id = $2 and",
        Side::Ours | Side::Trap => "",
    };
    let compared = |operator| format!("select count(*) from item where {own} amount {operator} $1");
    let sql = match setting.work {
        Work::Search if setting.side == Side::Ours => {
            "select id from tenancy.search_item(1, $1)".to_owned()
        }
        Work::Search => SEARCH.replace("$own", own),
        Work::Less => compared('<'),
        Work::Greater => compared('>'),
        Work::Equal | Work::Boot | Work::Audit => compared('='),
    };
    // A tenth of the tenant's rows is less, the rest is greater.
    let amount = match setting.work {
        Work::Equal => number * 37 % setting.own_rows() + 1,
        _ => setting.own_rows() / 10,
    };
    let query = sqlx::query(AssertSqlSafe(sql));
    let query = if setting.work == Work::Search {
        query.bind(format!("word{}", number * 31 % 997))
    } else {
        query.bind(amount)
    };
    let query = match setting.side {
        Side::Peer => query.bind(1_i64),
        Side::Ours | Side::Trap => query,
    };
    std::hint::black_box(query.fetch_all(connection).await?);
    Ok(())
}
