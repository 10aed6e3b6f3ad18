//! Seconds from the start of a process to its first answer, with the directory away and the routes in a folder.
//!
//! ```sh
//! cargo bench -p tenancy-cell-router --features tokio --bench start
//! ```
//!
//! The last line is the answer: `{"value": 0.7}`. With `FIGURES_QUICK=1` in the environment there are a twentieth of
//! the tenants; `START_TENANTS` sets another number than 2,000,000.
//!
//! Each tenant has a placement, a plan and a domain. The program writes them to a folder with a follower, then starts
//! itself seven times and measures from before the start of the process until it has said where a host leads: the file
//! is checked, read, and made a table. The file is in the page cache. The value is the median.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tenancy_cell_router::{
    ChangeSource, Error, Follower, LineTable, SnapshotFolder, SourceSnapshot,
};
use tenancy_types::{
    Answer, CellId, Clock, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle,
    LogEntry, Lookup, Placement, PlanName, Position, Revision, SystemClock, TenantId,
};

const ROUNDS: usize = 7;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    match words.next() {
        Some(folder) => answer(Path::new(&folder)).await,
        None => measure().await,
    }
}

#[expect(clippy::print_stdout, reason = "it is a command")]
async fn measure() -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let begin = SystemClock.now();
    write(folder.path()).await?;
    println!("filled and written in {:?}", SystemClock.now().since(begin));
    for file in std::fs::read_dir(folder.path())? {
        let file = file?;
        let bytes = file.metadata()?.len();
        println!("{}: {bytes} bytes", file.file_name().display());
    }
    let mut seconds = Vec::new();
    for _ in 0..ROUNDS {
        let begin = SystemClock.now();
        let mut child = Command::new(std::env::current_exe()?)
            .arg(folder.path())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = child.stdout.take().ok_or("a child has an output")?;
        let line = BufReader::new(out).lines().next();
        let took = SystemClock.now().since(begin);
        println!("{took:?}: {}", line.ok_or("the child said nothing")??);
        seconds.push(took.as_secs_f64());
        child.wait()?;
    }
    seconds.sort_by(f64::total_cmp);
    println!("{{\"value\": {:.3}}}", seconds[ROUNDS / 2]);
    Ok(())
}

async fn write(folder: &Path) -> Result<(), Failure> {
    let tenants = tenants()?;
    let (follower, _table) = follower(Directory { tenants }, folder);
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    let is_written = progress.until_recorded(|recorded| recorded.bases == 1);
    let is_written = is_written.await;
    task.abort();
    is_written.then_some(()).ok_or("nothing was written".into())
}

/// What is measured.
#[expect(clippy::print_stdout, reason = "it is a command")]
async fn answer(folder: &Path) -> Result<(), Failure> {
    let (follower, table) = follower(Away, folder);
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    progress.until(|status| status.counts.fillings == 1).await;
    let Answer::Hit(route) = table.lookup_host("shop-77.example.com") else {
        return Err("the host leads nowhere".into());
    };
    println!("{:?}, {:?}", route.tenant, route.placement);
    task.abort();
    Ok(())
}

fn tenants() -> Result<u32, Failure> {
    if let Ok(tenants) = std::env::var("START_TENANTS") {
        return Ok(tenants.parse()?);
    }
    let is_quick = std::env::var_os("FIGURES_QUICK").is_some_and(|value| value == "1");
    Ok(if is_quick { 100_000 } else { 2_000_000 })
}

type Following<S> = Follower<S, Arc<LineTable>, SystemClock>;

fn follower<S: ChangeSource>(source: S, folder: &Path) -> (Following<S>, Arc<LineTable>) {
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(source, Arc::clone(&table), SystemClock);
    (follower.with_folder(SnapshotFolder::new(folder)), table)
}

/// A directory that never answers.
struct Away;

impl ChangeSource for Away {
    async fn newest(&self) -> Result<Position, Error> {
        std::future::pending().await
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        std::future::pending().await
    }

    fn changes(&self, _: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        stream::pending().boxed()
    }
}

/// A directory that does not change.
struct Directory {
    tenants: u32,
}

impl ChangeSource for Directory {
    async fn newest(&self) -> Result<Position, Error> {
        let history = History {
            directory: DirectoryId::from_u128(7),
            incarnation: 0,
        };
        let revision = Revision::new(u64::from(self.tenants) * 3);
        Ok(Position { history, revision })
    }

    async fn snapshot(&self) -> Result<SourceSnapshot, Error> {
        let plan: PlanName = "professional".parse().expect("it is a name");
        let facts = (1..=self.tenants).flat_map(move |n| facts(n, &plan));
        Ok(SourceSnapshot {
            position: self.newest().await?,
            facts: stream::iter(facts).map(Ok).boxed(),
        })
    }

    fn changes(&self, _: Position) -> BoxStream<'static, Result<LogEntry, Error>> {
        stream::pending().boxed()
    }
}

fn facts(n: u32, plan: &PlanName) -> [LogEntry; 3] {
    let tenant = TenantId::new(n).expect("they are numbered from 1");
    let cell = CellId::new((n % 200 + 1) as u16).expect("there are 200");
    let placement = Placement::new(cell, Lifecycle::Active, Epoch::FIRST);
    let domain = DomainName::from_normalised(&format!("shop-{n}.example.com"));
    let domain = domain.expect("it is a name");
    let plan = plan.clone();
    let events = [
        DirectoryEvent::Placed { tenant, placement },
        DirectoryEvent::PlanChanged { tenant, plan },
        DirectoryEvent::DomainAdded { domain, tenant },
    ];
    let revision = Revision::new(u64::from(n) * 3);
    events.map(|event| LogEntry { revision, event })
}
