//! How long a whole platform takes: to load into a directory, and to read back.
//!
//! ```sh
//! cargo bench -p tenancy-core --features sqlite,postgres --bench directory -- --database postgres --tenants 2000000 --domains 5 --value load
//! ```
//!
//! Says everything it measured; the last line is the answer, `{"value": 95.1}`. With `FIGURES_QUICK=1` in the
//! environment it loads a hundredth of the tenants.
//!
//! - `load` is seconds until the tenants are committed, each with so many domains besides its slug.
//! - `size` is bytes on the disk for a domain, everything included: tables and indexes, or the file.
//! - `snapshot` is seconds until a snapshot has been read to its end, in which nothing is kept. What the process had of
//!   memory at most before and behind it is said besides.
//! - `by_domain` is microseconds of one question for the tenant of a domain, the median of 20,000 one after the other.
//!
//! Postgres is a private server of the testkit whose data is forced to the disk, over a Unix socket.

#[path = "common/command.rs"]
mod command;

use std::{process::ExitCode, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use tempfile::TempDir;
use tenancy_core::{
    directory::{
        AnyDirectory, CellRecord, Directory, Import, NewTenant, PostgresDirectory,
        PostgresDirectoryOptions, SqliteDirectory,
    },
    types::{CellId, Clock as _, DomainName, Lifecycle, Nanos, SystemClock},
};
use tenancy_testkit::{Database, Postgres};

use self::command::{Failure, Words, answer, is_quick, median};

const QUESTIONS: usize = 20_000;

fn main() -> ExitCode {
    answer(|words| {
        let setting = Setting::of(&words)?;
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(setting.measure())
    })
}

struct Setting {
    is_postgres: bool,
    tenants: u32,
    domains: u32,
    value: String,
}

impl Setting {
    fn of(words: &Words) -> Result<Self, Failure> {
        let mut setting = Self {
            is_postgres: true,
            tenants: 200_000,
            domains: 5,
            value: "load".to_owned(),
        };
        words.each(|word, value| {
            match (word, value) {
                ("--database", "postgres" | "sqlite") => setting.is_postgres = value == "postgres",
                ("--tenants", n) => setting.tenants = n.parse()?,
                ("--domains", n) => setting.domains = n.parse()?,
                ("--value", "load" | "size" | "snapshot" | "by_domain") => {
                    value.clone_into(&mut setting.value);
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        if is_quick() {
            setting.tenants = setting.tenants.div_ceil(100);
        }
        Ok(setting)
    }

    async fn measure(&self) -> Result<f64, Failure> {
        let folder = tempfile::tempdir()?;
        let place = Place::make(self, &folder).await?;
        let directory = &place.directory;
        let cell = CellId::new(1).ok_or("a cell's id")?;
        let record = CellRecord {
            cell,
            region: "eu".parse()?,
            capacity: u32::MAX,
        };
        directory.put_cell(record).await?;
        let imports = stream::iter(1..=self.tenants).map({
            let domains = self.domains;
            move |n| Ok(import(n, domains, cell))
        });
        let start = SystemClock.now();
        let loaded = directory.load(imports.boxed()).await?;
        let load = seconds(start);
        say(&format!("{loaded:?} in {load:.1} s"));
        let size = place.bytes(&folder)? / loaded.domains as f64;
        say(&format!("{size:.0} bytes a domain"));
        let snapshot = read_all(directory).await?;
        let by_domain = ask(directory, self.tenants, self.domains).await?;
        say(&format!("by_domain: {by_domain:.1} us"));
        Ok(match &*self.value {
            "load" => load,
            "size" => size,
            "snapshot" => snapshot,
            _ => by_domain,
        })
    }
}

struct Place {
    directory: AnyDirectory,
    /// Ends with the measurement.
    server: Option<(Postgres, Database)>,
}

impl Place {
    async fn make(setting: &Setting, folder: &TempDir) -> Result<Self, Failure> {
        if !setting.is_postgres {
            let file = folder.path().join("directory.sqlite");
            let directory = AnyDirectory::new(SqliteDirectory::open(file, SystemClock).await?);
            return Ok(Self {
                directory,
                server: None,
            });
        }
        Postgres::let_in(folder.path())?;
        let server = Postgres::keep_in(&folder.path().join("server"))?;
        let database = server.database()?;
        let patient = PostgresDirectoryOptions::default().with_patience(Duration::from_secs(60));
        let directory = PostgresDirectory::open(&database.url(), SystemClock, patient).await?;
        Ok(Self {
            directory: AnyDirectory::new(directory),
            server: Some((server, database)),
        })
    }

    fn bytes(&self, folder: &TempDir) -> Result<f64, Failure> {
        if let Some((_, database)) = &self.server {
            let size = database.run(
                "select sum(pg_total_relation_size(oid)) from pg_class
                 where relnamespace = 'tenancy_directory'::regnamespace and relkind = 'r'",
            )?;
            return Ok(size.trim().parse()?);
        }
        let sizes = std::fs::read_dir(folder.path())?.map(|file| Ok(file?.metadata()?.len()));
        let sizes: Vec<u64> = sizes.collect::<std::io::Result<_>>()?;
        Ok(sizes.iter().sum::<u64>() as f64)
    }
}

fn import(n: u32, domains: u32, cell: CellId) -> Import {
    let domains = (0..domains).map(|which| domain(n, which)).collect();
    Import {
        tenant: NewTenant {
            request: format!("import {n}").parse().expect("a key"),
            slug: format!("shop-{n}").parse().expect("a slug"),
            plan: "basic".parse().expect("a plan's name"),
            region: None,
            domains,
            cell,
        },
        lifecycle: Lifecycle::Active,
    }
}

fn domain(n: u32, which: u32) -> DomainName {
    DomainName::from_normalised(&format!("www{which}.shop-{n}.example")).expect("a domain")
}

async fn read_all(directory: &AnyDirectory) -> Result<f64, Failure> {
    let before = peak()?;
    let start = SystemClock.now();
    let mut facts = directory.snapshot().await?.facts;
    let mut count = 0_u64;
    while facts.try_next().await?.is_some() {
        count += 1;
    }
    let took = seconds(start);
    let after = peak()?;
    say(&format!(
        "{count} facts in {took:.1} s, peak memory {before} kB before and {after} kB behind it"
    ));
    Ok(took)
}

async fn ask(directory: &AnyDirectory, tenants: u32, domains: u32) -> Result<f64, Failure> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut took = Vec::with_capacity(QUESTIONS);
    for _ in 0..QUESTIONS {
        let n = random.u32(1..=tenants);
        let name = domain(n, random.u32(0..domains));
        let start = SystemClock.now();
        let found = directory.by_domain(&name).await?;
        took.push(seconds(start) * 1e6);
        if found.map(|tenant| tenant.id.get()) != Some(n) {
            return Err(format!("{name} leads elsewhere").into());
        }
    }
    Ok(median(&mut took))
}

/// The most that this process has had of memory, in kB (proc(5), `VmHWM`).
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("no VmHWM")?.parse()?)
}

fn seconds(start: Nanos) -> f64 {
    SystemClock.now().since(start).as_secs_f64()
}

#[expect(clippy::print_stderr, reason = "what was measured besides the answer")]
fn say(text: &str) {
    eprintln!("{text}");
}
