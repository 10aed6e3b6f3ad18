//! A process at the edge: it follows the directory, keeps its routes in a folder, and answers with the tenant of the
//! host that it is asked for.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{Extension, Router, routing::get};
use futures_util::FutureExt;
use tenancy_cell_router::{
    ConfirmLimits, Confirmer, Error, Follower, LazySource, LineTable, RouteLayer, SnapshotFolder,
};
use tenancy_core::directory::{PostgresDirectory, PostgresDirectoryOptions};
use tenancy_types::{Revision, Route, SystemClock};
use tokio::net::TcpListener;
use tower::{Layer, make::Shared};

/// Set for such a process: where its directory is, and its folder.
const DIRECTORY: &str = "EDGE_DIRECTORY";
const FOLDER: &str = "EDGE_FOLDER";

/// What it says once it takes connections.
const LISTENING: &str = "listening on ";

/// A process at the edge. It is killed, not stopped.
pub(crate) struct Edge {
    child: Child,
    folder: PathBuf,
    url: String,
    pub(crate) address: SocketAddr,
}

impl Edge {
    pub(crate) fn start(url: &str, folder: &Path) -> Self {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "edge::process", "--ignored", "--nocapture"])
            .env(DIRECTORY, url)
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| line.unwrap().strip_prefix(LISTENING)?.parse().ok())
            .expect("it says where it listens");
        Self {
            child,
            folder: folder.to_owned(),
            url: url.to_owned(),
            address,
        }
    }

    pub(crate) fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let (url, folder) = (self.url.clone(), self.folder.clone());
        *self = Self::start(&url, &folder);
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        // It may have been killed already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what [`Edge::start`] starts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a process that a proof starts"]
async fn process() {
    let told = |name| env::var(name).expect("whoever starts it says where its routes come from");
    serve(told(DIRECTORY), told(FOLDER)).await;
}

async fn serve(url: String, folder: String) {
    let directory = LazySource::new(move || open(url.clone()).boxed());
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(directory.clone(), Arc::clone(&table), SystemClock)
        .with_folder(SnapshotFolder::new(folder));
    let progress = follower.progress();
    tokio::spawn(follower.run());
    // No traffic before there are routes.
    assert!(progress.reached(Revision::ZERO).await);
    let confirmer = Confirmer::new(directory, progress, SystemClock, ConfirmLimits::default());
    let tenant = async |route: Extension<Route>| route.tenant.to_string();
    let app = Router::new().fallback(get(tenant));
    let service = RouteLayer::new(table).confirm_with(confirmer).layer(app);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("\n{LISTENING}{}", listener.local_addr().unwrap());
    axum::serve(listener, Shared::new(service)).await.unwrap();
}

async fn open(url: String) -> Result<PostgresDirectory, Error> {
    let options = PostgresDirectoryOptions::default().with_patience(Duration::from_secs(2));
    let opened = PostgresDirectory::open(&url, SystemClock, options).await;
    opened.map_err(Error::directory)
}
