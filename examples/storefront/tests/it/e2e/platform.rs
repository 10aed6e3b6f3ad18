//! A running storefront in a folder of its own.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use storefront::postgres::{CellFiles, Init, Passwords, init};
use tempfile::TempDir;
use tenancy_testkit::Postgres;
use tenancy_types::CellId;

use super::http::{Answer, Client};

/// The binary, running on ports of its own choice; killed when the test ends.
pub(crate) struct Platform {
    process: Process,
    /// `127.0.0.1:PORT` of the shops.
    pub(crate) shops: String,
    /// `127.0.0.1:PORT` of the operators.
    pub(crate) ops: String,
    token: String,
    folder: Folder,
}

/// In which database the cells of a platform are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Three cells in files of the data folder.
    Sqlite,
    /// One cell in Postgres, sealed.
    Postgres,
}

impl Kind {
    /// How many cells it has without more ado.
    pub(crate) fn cells(self) -> usize {
        match self {
            Self::Sqlite => 3,
            Self::Postgres => 1,
        }
    }
}

/// Makes two tests of each check, `name::sqlite` and `name::postgres`.
macro_rules! each_kind {
    ($($check:ident),+ $(,)?) => {
        $(mod $check {
            use crate::e2e::platform::Kind;

            #[tokio::test]
            async fn sqlite() {
                Box::pin(super::$check(Kind::Sqlite)).await;
            }

            #[tokio::test]
            async fn postgres() {
                Box::pin(super::$check(Kind::Postgres)).await;
            }
        })+
    };
}
pub(crate) use each_kind;

/// The data folder: removed with the platform, unless it is handed on.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A folder whose cells will be of this kind, also after a restart.
    pub(crate) async fn of(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::new(),
            Kind::Postgres => Self::with_postgres(1, "local").await.0,
        }
    }

    /// A folder with a Postgres cell of this number, and the database's URL for its superuser.
    pub(crate) async fn with_postgres(number: u16, region: &str) -> (Self, String) {
        let folder = Self::new();
        let url = Postgres::shared().database().unwrap().url();
        let made = Init {
            admin: url.parse().unwrap(),
            cell: CellId::new(number),
            region: Some(region.parse().unwrap()),
            roles: None,
            passwords: Passwords::Keep,
        };
        Box::pin(init(folder.path(), &made)).await.unwrap();
        (folder, url)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// How a platform is started.
pub(crate) struct Start<'a> {
    pub(crate) folder: Folder,
    pub(crate) arguments: &'a [&'a str],
}

impl Platform {
    /// A platform without shops in an empty folder.
    pub(crate) fn empty() -> Self {
        Self::start(Start {
            folder: Folder::new(),
            arguments: &["--no-demo"],
        })
    }

    /// A platform without shops in an empty folder, with cells of this kind.
    pub(crate) async fn empty_on(kind: Kind) -> Self {
        Self::start(Start {
            folder: Folder::of(kind).await,
            arguments: &["--no-demo"],
        })
    }

    /// A platform with the demo shops in an empty folder.
    pub(crate) fn with_demo() -> Self {
        Self::start(Start {
            folder: Folder::new(),
            arguments: &[],
        })
    }

    pub(crate) fn start(start: Start<'_>) -> Self {
        let command = serve(start.folder.path(), start.arguments);
        Self::run(command, start)
    }

    /// A platform of many processes, whatever the others are.
    pub(crate) fn start_many(start: Start<'_>) -> Self {
        let command = run("up", start.folder.path(), start.arguments);
        Self::run(command, start)
    }

    fn run(mut command: Command, start: Start<'_>) -> Self {
        let mut process = Process::spawn(command.stdout(Stdio::piped()));
        let mut lines = BufReader::new(process.child().stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        let addresses = in_patience(move || {
            let prefixes = ["listening http://", "ops http://"];
            prefixes
                .map(|prefix| lines.find_map(|line| Some(line.strip_prefix(prefix)?.to_owned())))
        });
        let [shops, ops] = addresses
            .expect("it says in time where it listens")
            .map(|address| {
                address.expect("it ended before it said where it listens; see its standard error")
            });
        let token = std::fs::read_to_string(start.folder.path().join("operator.token")).unwrap();
        Self {
            process,
            shops,
            ops,
            token: token.trim().to_owned(),
            folder: start.folder,
        }
    }

    /// Sends a signal and waits for the end; the folder can be served again.
    pub(crate) fn stop(mut self, signal: &str) -> (ExitStatus, Folder) {
        signal_to(self.process_id(), signal);
        let ended = self.process.ended();
        let folder = std::mem::replace(&mut self.folder, Folder::new());
        (ended, folder)
    }

    /// Waits for the end that comes by itself; the folder can be served again.
    pub(crate) fn ended(mut self) -> (ExitStatus, Folder) {
        let ended = self.process.ended();
        let folder = std::mem::replace(&mut self.folder, Folder::new());
        (ended, folder)
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id
    }

    /// The process, and those that it has started.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let mut processes = vec![self.process_id()];
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            let Ok(id) = entry.file_name().to_string_lossy().parse() else {
                continue;
            };
            // It may have ended since it was listed.
            let Ok(status) = std::fs::read_to_string(entry.path().join("status")) else {
                continue;
            };
            let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
            if parent.is_some_and(|parent| parent.trim() == self.process_id().to_string()) {
                processes.push(id);
            }
        }
        processes
    }

    /// The metrics of all processes, one behind the other.
    pub(crate) async fn metrics(&self) -> String {
        let mut all = self.operator().get("/metrics").await.body;
        // Where there are more than one, a file says where they answer.
        let others = std::fs::read_to_string(self.folder.path().join("endpoints.toml"));
        for line in others.unwrap_or_default().lines() {
            let address = line
                .strip_prefix("control = ")
                .map(|text| text.trim_matches('"'));
            if let Some(address) = address {
                all += &Client::new(address).get("/metrics").await.body;
            }
        }
        all
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// A visitor's client of a host.
    pub(crate) fn visitor(&self, host: &str) -> Client {
        Client::new(&self.shops).header("host", host)
    }

    /// An operator's client.
    pub(crate) fn operator(&self) -> Client {
        Client::new(&self.ops).header("authorization", &format!("Bearer {}", self.token))
    }

    /// Makes a shop; panics unless it is made.
    pub(crate) async fn make_shop(&self, slug: &str) -> Value {
        self.make_shop_from(json!({"slug": slug, "plan": "basic", "domains": []}))
            .await
            .expect_status(201)
    }

    pub(crate) async fn make_shop_from(&self, new: Value) -> Answer {
        self.operator().post("/v1/tenants", new.to_string()).await
    }

    /// Imports a product file; panics unless a report comes back.
    pub(crate) async fn import(&self, slug: &str, csv: &str) -> Value {
        let path = format!("/v1/tenants/{slug}/import");
        self.operator()
            .post(&path, csv.to_owned())
            .await
            .expect_status(200)
    }

    /// Imports so many small products, in files that are each imported while their client waits.
    pub(crate) async fn import_many(&self, slug: &str, products: usize) {
        let numbers: Vec<usize> = (0..products).collect();
        for part in numbers.chunks(50) {
            let mut csv = "Handle,Title,Variant Inventory Qty,Variant Price\n".to_owned();
            for number in part {
                csv += &format!("p-{number},Product {number},3,1\n");
            }
            let report = self.import(slug, &csv).await;
            assert_eq!(report["created"], part.len(), "{report}");
        }
    }
}

/// All of these tests are of a platform in one process, or of one in many: `STOREFRONT_PROCESSES=many`.
fn command_of_the_platform() -> &'static str {
    match std::env::var("STOREFRONT_PROCESSES").as_deref() {
        Ok("many") => "up",
        Ok("one") | Err(std::env::VarError::NotPresent) => "serve",
        other => panic!("STOREFRONT_PROCESSES is one or many, not {other:?}"),
    }
}

/// `storefront serve` on free ports, with the folder's cells in Postgres, and logs of what is unusual.
pub(crate) fn serve(folder: &Path, arguments: &[&str]) -> Command {
    run(command_of_the_platform(), folder, arguments)
}

fn run(name: &str, folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command
        .args([
            name,
            "--listen",
            "127.0.0.1:0",
            "--ops-listen",
            "127.0.0.1:0",
            "--data",
        ])
        .arg(folder);
    if !arguments.contains(&"--postgres") {
        for known in CellFiles::of(folder).all().unwrap() {
            command.args(["--cell", &known.cell.to_string()]);
        }
    }
    command
        .args(arguments)
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null());
    command
}

/// Runs a command to its end. One that does not end fails the test with what it has printed.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Output {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let id = child.id();
    let (sender, outputs) = mpsc::channel();
    thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    if let Ok(output) = outputs.recv_timeout(PATIENCE) {
        return output;
    }
    signal_to(id, "-KILL");
    let printed = outputs.recv_timeout(PATIENCE).map_or_else(
        |_| "something that it started still has its output".to_owned(),
        |output| String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
    );
    panic!("{command:?} did not end in {PATIENCE:?}: {printed}");
}

/// A process that does not outlive the test.
struct Process {
    id: u32,
    /// Gone when it has ended.
    child: Option<Child>,
}

impl Process {
    fn spawn(command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        Self {
            id: child.id(),
            child: Some(child),
        }
    }

    fn child(&mut self) -> &mut Child {
        self.child.as_mut().expect("it has not ended")
    }

    /// Waits for its end. One that does not end is killed, and fails the test.
    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("it has not ended");
        in_patience(move || child.wait().unwrap()).unwrap_or_else(|| {
            signal_to(self.id, "-KILL");
            panic!("it did not end in {PATIENCE:?}");
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn signal_to(process: u32, signal: &str) {
    let status = Command::new("kill")
        .args([signal, &process.to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// What comes of something that blocks, if that is in time. It is left alone otherwise.
fn in_patience<T: Send + 'static>(blocks: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, results) = mpsc::channel();
    thread::spawn(move || sender.send(blocks()));
    results.recv_timeout(PATIENCE).ok()
}

/// What comes of something that the test waits for, which must be in time.
pub(crate) async fn soon<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let result = tokio::time::timeout(PATIENCE, awaited).await;
    result.unwrap_or_else(|_| panic!("{what}: not in {PATIENCE:?}"))
}

/// The longest a test waits for anything: long enough for a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to be seen; `None` when there never is.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let seen = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            // Looking may be all that this thread does.
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.ok()
}
