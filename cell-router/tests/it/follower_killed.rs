//! `kill -9` of a process while it writes route files: what it had recorded is there, and what is there was so.

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use tenancy_cell_router::{Follower, LineTable, Progress, SnapshotFolder};
use tenancy_types::{DirectoryEvent, ManualClock, Revision};

use crate::follower_world::{World, domain, tenant, until, until_recorded};

const FOLDER: &str = "TENANCY_TEST_ROUTES";
const RECORDED: &str = "recorded ";

/// What every process does with its directory, one after the other: moves, and a domain that changes hands.
fn step(world: &World, n: u32) {
    let (from, to) = (tenant(1 + n % 2), tenant(2 - n % 2));
    world.move_to(1 + n % 3, (1 + n % 9) as u16, 2 + n);
    let passed = domain(1);
    world.tell(DirectoryEvent::DomainRemoved {
        domain: passed.clone(),
        tenant: from,
    });
    world.tell(DirectoryEvent::DomainAdded {
        domain: passed,
        tenant: to,
    });
}

fn follow(world: &World, folder: &Path) -> (Arc<LineTable>, Progress) {
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(world.clone(), Arc::clone(&table), ManualClock::default());
    let follower = follower.with_folder(SnapshotFolder::new(folder));
    let progress = follower.progress();
    tokio::spawn(follower.run());
    (table, progress)
}

/// Not a test: what is killed.
#[tokio::test]
#[ignore = "a process that a test starts"]
async fn process() {
    let folder = env::var(FOLDER).expect("whoever starts it says where its routes are");
    let world = World::with(3);
    let (_table, progress) = follow(&world, folder.as_ref());
    println!();
    for n in 0.. {
        step(&world, n);
        let end = world.end();
        let is_there = |position: tenancy_types::Position| position.revision >= end;
        until_recorded(&progress, |recorded| {
            recorded.position.is_some_and(is_there)
        })
        .await;
        println!("{RECORDED}{end}");
    }
}

fn start(folder: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args([
            "--exact",
            "follower_killed::process",
            "--ignored",
            "--nocapture",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Kills it when it has said so often that something is recorded. The last that it said.
fn kill_after(folder: &Path, said: usize) -> Revision {
    let mut child = start(folder);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut recorded = lines.filter_map(|line| {
        let line = line.unwrap();
        Some(line.strip_prefix(RECORDED)?.parse().unwrap())
    });
    let reached = recorded.nth(said - 1).expect("it goes on for ever");
    child.kill().unwrap();
    // Whatever it said before it died holds.
    let last = recorded.last().unwrap_or(reached);
    child.wait().unwrap();
    Revision::new(last)
}

#[tokio::test]
async fn what_was_recorded_is_there_after_a_kill() {
    for said in [1, 2, 30, 150, 400] {
        let folder = tempfile::tempdir().unwrap();
        let last = kill_after(folder.path(), said);

        let world = World::with(3);
        world.change(|state| state.is_away = true);
        let (table, progress) = follow(&world, folder.path());
        until(&progress, |status| status.position.is_some()).await;
        let found = progress.status().revision().unwrap();
        assert!(found >= last, "{found} of {last}");
        let all = world.clone();
        (0..)
            .take_while(|_| all.end() < found)
            .for_each(|n| step(&all, n));
        world.change(|state| state.log.truncate(found.get() as usize));
        world.check(&table);
    }
}
