//! A process that is killed while it writes: what it acknowledged is there, whole.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

use futures_util::StreamExt;
use tenancy_core::{
    directory::{Directory, SqliteDirectory},
    types::{DirectoryEvent, ManualClock, Revision},
};

use super::{log_behind, open, put_cell, shop};

/// Set for the process that is to be killed: the file it writes.
const FILE: &str = "TENANCY_DIRECTORY_TO_WRITE";

/// Enough for the log to be checkpointed in between.
const ACKNOWLEDGED: usize = 120;

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill() {
    if let Ok(path) = env::var(FILE) {
        return create_for_ever(path.as_ref()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = start(&folder.path().join("directory.sqlite"));
    let acknowledged = read_acknowledged(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();

    let directory = open(&folder).await;
    for n in &acknowledged {
        let tenant = directory.by_slug(&shop(*n).slug).await.unwrap();
        let tenant = tenant.unwrap_or_else(|| panic!("shop {n} was acknowledged and is lost"));
        assert_eq!(tenant.domains, shop(*n).domains);
        assert_eq!(directory.create(shop(*n)).await.unwrap(), tenant);
    }
    let newest = directory.newest().await.unwrap().revision;
    let made = u64::from(directory.cells().await.unwrap()[0].tenants);
    assert!(made >= acknowledged.len() as u64);
    assert_eq!(
        newest,
        Revision::new(4 * made),
        "each tenant has its four entries, none half of them"
    );
    let mut changes = log_behind(&directory, Revision::ZERO).await;
    for _ in 0..made {
        let entry = changes.next().await.unwrap().unwrap();
        assert!(matches!(entry.event, DirectoryEvent::Placed { .. }));
        for _ in 0..3 {
            let next = changes.next().await.unwrap().unwrap();
            assert_eq!(next.event.tenant(), entry.event.tenant());
        }
    }
}

fn start(path: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "directory::kill::what_was_acknowledged_survives_a_kill",
            "--nocapture",
        ])
        .env(FILE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn read_acknowledged(child: &mut Child) -> Vec<u32> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let acknowledged: Vec<u32> = lines
        .filter_map(|line| line.unwrap().strip_prefix("made ")?.parse().ok())
        .take(ACKNOWLEDGED)
        .collect();
    assert_eq!(
        acknowledged.len(),
        ACKNOWLEDGED,
        "the writer ended by itself"
    );
    acknowledged
}

async fn create_for_ever(path: &Path) {
    let directory = SqliteDirectory::open(path, ManualClock::default())
        .await
        .unwrap();
    put_cell(&directory, 1, u32::MAX).await;
    for n in 1.. {
        directory.create(shop(n)).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "\nmade {n}").unwrap();
        out.flush().unwrap();
    }
}
