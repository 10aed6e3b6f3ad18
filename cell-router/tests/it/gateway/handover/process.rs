//! A process that serves, and hands over to the next one.

use std::{
    convert::Infallible,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use http::{Request, Response};
use hyper::body::Incoming;
use tenancy_cell_router::{Handover, Server, ServerLimits, Stop};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    sync::watch,
    time::timeout,
};

/// Set for such a process.
pub(crate) const PATH: &str = "HANDOVER_PATH";
const ADDRESS: &str = "HANDOVER_ADDRESS";
/// What it says once it takes connections.
const SERVING: &str = "serving on ";
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Process {
    pub(crate) child: Child,
    _said: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

/// Runs what is no test of a module, in whichever binary that is.
pub(crate) fn command(module: &str, helper: &str, path: &Path) -> Command {
    let room = module.split_once("::").unwrap().1;
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", &format!("{room}::{helper}"), "--ignored"])
        .arg("--nocapture")
        .env(PATH, path)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

impl Process {
    /// Resolves when it serves.
    pub(crate) async fn start(path: &Path, address: &str) -> Self {
        let mut command = command(module_path!(), "serves", path);
        let mut child = command.env(ADDRESS, address).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let address = timeout(PATIENCE, async {
            loop {
                let mut line = String::new();
                let read = said.read_line(&mut line).await.unwrap();
                assert!(read > 0, "it ended before it served");
                if let Some(address) = line.trim().strip_prefix(SERVING) {
                    return address.parse().unwrap();
                }
            }
        });
        Self {
            address: address.await.expect("it does not serve"),
            _said: said,
            child,
        }
    }

    pub(crate) async fn ended_well(mut self) {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("it does not end").unwrap();
        assert!(status.success(), "{status}");
    }
}

pub(crate) fn told(name: &str) -> String {
    env::var(name).expect("whoever starts it tells where")
}

/// Not a test: what [`Process::start`] starts.
#[tokio::test]
#[ignore = "a process that a test starts"]
async fn serves() {
    let handover = Handover::at(PathBuf::from(told(PATH)));
    let mut takeover = handover.take_over().await.unwrap();
    let address = told(ADDRESS).parse().unwrap();
    let listener = takeover.listen(address).await.unwrap();
    let address = listener.local_addr().unwrap();
    let offer = takeover.complete().await.unwrap();
    let (stop, stopped) = watch::channel(Stop::Not);
    tokio::spawn(async move {
        offer.taken().await;
        stop.send_replace(Stop::Drain);
    });
    println!("\n{SERVING}{address}");
    let service = tower::service_fn(async |_: Request<Incoming>| {
        // As long as an answer from a cell takes.
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok::<_, Infallible>(Response::new(format!("process {}", std::process::id())))
    });
    let limits = ServerLimits {
        drain: Duration::from_secs(5),
        ..ServerLimits::default()
    };
    let server = Server::new(listener).with_limits(limits);
    server.serve(service, stopped).await;
}
