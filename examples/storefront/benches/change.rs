//! Milliseconds from a change in the directory to the route that shows it, 99 of 100 times.
//!
//! ```sh
//! cargo bench -p storefront --bench change -- postgres
//! cargo bench -p storefront --bench change -- sqlite
//! ```
//!
//! The last line is the answer: `{"value": 4.2}`. With `FIGURES_QUICK=1` in the environment it changes less.
//!
//! A thousand times a domain is given to a shop, as an operator does it, and the time runs from the call to the moment
//! in which the table leads there: the commit, which is forced to the disk, the notification, the follower, the table.
//! On Postgres the follower has a handle on the directory of its own, as another process would, so that it hears of
//! changes from the server alone. The table holds 1,000 other shops.

use std::{env, error::Error, io, process::ExitCode, sync::Arc, time::Duration};

use tenancy_cell_router::{Follower, LineTable};
use tenancy_core::directory::{
    AnyDirectory, CellRecord, Directory, NewTenant, PostgresDirectory, PostgresDirectoryOptions,
    SqliteDirectory, Tenant, TenantChange,
};
use tenancy_testkit::Postgres;
use tenancy_types::{Answer, CellId, Clock as _, DomainName, Lookup as _, SystemClock};

type Failure = Box<dyn Error + Send + Sync>;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "the answer and the complaint of a command"
)]
fn main() -> ExitCode {
    // Cargo says `--bench` to every benchmark.
    let words: Vec<String> = env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    match run(&words) {
        Ok(value) => {
            println!("{{\"value\": {value:.3}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[String]) -> Result<f64, Failure> {
    let is_quick = env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    let (shops, changes) = if is_quick { (100, 100) } else { (1_000, 1_000) };
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Runtime::new()?;
    match words {
        [word] if word == "sqlite" => runtime.block_on(async {
            let directory = SqliteDirectory::open(folder.path().join("directory.db"), SystemClock);
            let directory = AnyDirectory::new(directory.await?);
            measure(&directory, &directory, shops, changes).await
        }),
        [word] if word == "postgres" => {
            Postgres::let_in(folder.path())?;
            let server = Postgres::keep_in(&folder.path().join("postgres"))?;
            let url = server.database()?.url();
            runtime.block_on(async {
                let open = async || {
                    let options = PostgresDirectoryOptions::default();
                    let directory = PostgresDirectory::open(&url, SystemClock, options).await?;
                    Ok::<_, Failure>(AnyDirectory::new(directory))
                };
                measure(&open().await?, &open().await?, shops, changes).await
            })
        }
        _ => Err("say `postgres` or `sqlite`".into()),
    }
}

async fn measure(
    written: &AnyDirectory,
    followed: &AnyDirectory,
    shops: u32,
    changes: u32,
) -> Result<f64, Failure> {
    let mut shop = fill(written, shops).await?;
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(followed.clone(), Arc::clone(&table), SystemClock);
    let progress = follower.progress();
    tokio::spawn(follower.run());
    progress.reached(shop.revision).await;
    let mut times = Vec::new();
    for n in 0..changes {
        let domain = DomainName::from_normalised(&format!("new-{n}.example"))?;
        let change = TenantChange {
            add_domains: vec![domain.clone()],
            ..TenantChange::default()
        };
        let begin = SystemClock.now();
        shop = written.change(shop.id, shop.revision, change).await?;
        progress.reached(shop.revision).await;
        let took = SystemClock.now().since(begin);
        if !matches!(table.lookup(&domain), Answer::Hit(route) if route.tenant == shop.id) {
            return Err(io::Error::other("the change is not in the table").into());
        }
        times.push(took);
    }
    times.sort();
    let p99: Duration = times[times.len() * 99 / 100];
    Ok(p99.as_secs_f64() * 1_000.0)
}

/// Makes shops, and returns the last one.
async fn fill(directory: &AnyDirectory, shops: u32) -> Result<Tenant, Failure> {
    let cell = CellId::new(1).ok_or("a cell has a number")?;
    let record = CellRecord {
        cell,
        region: "eu".parse()?,
        capacity: shops,
    };
    directory.put_cell(record).await?;
    let mut last = None;
    for n in 0..shops {
        let new = NewTenant {
            request: format!("shop {n}").parse()?,
            slug: format!("shop-{n}").parse()?,
            plan: "basic".parse()?,
            region: None,
            domains: vec![DomainName::from_normalised(&format!(
                "www.shop-{n}.example"
            ))?],
            cell,
        };
        last = Some(directory.create(new).await?);
    }
    let last = last.ok_or("no shop was made")?;
    Ok(last)
}
