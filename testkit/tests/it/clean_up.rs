//! Nothing is left of a server, however the process that started it ends.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

/// A process that holds one server.
struct Holder {
    child: Child,
    /// The server's own folder.
    folder: PathBuf,
}

impl Holder {
    fn start(server: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hold"))
            .arg(server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut place = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut place)
            .unwrap();
        let folder = folder_of(place.trim_end());
        // Otherwise the tests below would wait for something that never was.
        assert!(folder.is_dir(), "{place}");
        assert!(is_in_use(&folder), "{place}");
        Self { child, folder }
    }

    /// The holder panics about any order.
    fn panic(&mut self) {
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.write_all(b"panic").unwrap();
    }

    #[track_caller]
    fn check_nothing_is_left(mut self) {
        self.child.wait().unwrap();
        for _ in 0..1000 {
            if !self.folder.exists() && !is_in_use(&self.folder) {
                return;
            }
            thread::park_timeout(Duration::from_millis(10));
        }
        panic!("{} is still there or in use", self.folder.display());
    }
}

/// `/dev/shm/tenancy-testkit-0/postgres-1-0` from a URL or a path that contains it.
fn folder_of(place: &str) -> PathBuf {
    let place = place.replace("%2F", "/");
    let (_, path) = place.split_once("?host=").unwrap_or(("", &place));
    let path = path.trim_start_matches("redis+unix://");
    Path::new(path)
        .ancestors()
        .find(|folder| is_workspace(folder.parent().unwrap()))
        .unwrap()
        .to_owned()
}

fn is_workspace(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_str().unwrap();
    name.starts_with("tenancy-testkit-")
}

/// Whether some process was started with this folder among its arguments.
fn is_in_use(folder: &Path) -> bool {
    let folder = folder.to_str().unwrap();
    fs::read_dir("/proc").unwrap().flatten().any(|process| {
        fs::read(process.path().join("cmdline"))
            .is_ok_and(|arguments| String::from_utf8_lossy(&arguments).contains(folder))
    })
}

#[test]
fn postgres_is_gone_after_kill_9() {
    let mut holder = Holder::start("postgres");
    holder.child.kill().unwrap();
    holder.check_nothing_is_left();
}

#[test]
fn postgres_is_gone_after_a_panic() {
    let mut holder = Holder::start("postgres");
    holder.panic();
    holder.check_nothing_is_left();
}

#[test]
fn postgres_is_gone_after_a_normal_end() {
    let mut holder = Holder::start("postgres");
    drop(holder.child.stdin.take());
    holder.check_nothing_is_left();
}

/// Its primary goes at the same time, so neither may wait for the other.
#[test]
fn a_replica_is_gone_after_kill_9() {
    let mut holder = Holder::start("replica");
    holder.child.kill().unwrap();
    holder.check_nothing_is_left();
}

#[test]
fn a_replica_is_gone_after_a_normal_end() {
    let mut holder = Holder::start("replica");
    drop(holder.child.stdin.take());
    holder.check_nothing_is_left();
}

#[test]
fn pgbouncer_is_gone_after_kill_9() {
    let mut holder = Holder::start("pgbouncer");
    holder.child.kill().unwrap();
    holder.check_nothing_is_left();
}

#[test]
fn pgbouncer_is_gone_after_a_panic() {
    let mut holder = Holder::start("pgbouncer");
    holder.panic();
    holder.check_nothing_is_left();
}

#[test]
fn redis_is_gone_after_kill_9() {
    let mut holder = Holder::start("redis");
    holder.child.kill().unwrap();
    holder.check_nothing_is_left();
}

#[test]
fn redis_is_gone_after_a_panic() {
    let mut holder = Holder::start("redis");
    holder.panic();
    holder.check_nothing_is_left();
}

#[test]
fn the_browser_is_gone_after_kill_9() {
    let mut holder = Holder::start("browser");
    holder.child.kill().unwrap();
    holder.check_nothing_is_left();
}

#[test]
fn the_browser_is_gone_after_a_normal_end() {
    let mut holder = Holder::start("browser");
    drop(holder.child.stdin.take());
    holder.check_nothing_is_left();
}
