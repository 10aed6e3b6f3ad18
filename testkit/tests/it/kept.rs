//! Clusters that stay.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    process::{self, Command},
    sync::mpsc,
    thread,
    time::Duration,
};

use tenancy_testkit::{Error, Postgres};

/// A folder that the server's user can enter.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Postgres::let_in(folder.path()).unwrap();
    folder
}

#[test]
fn rows_are_there_at_the_next_start() {
    let parent = folder();
    let folder = parent.path().join("postgres");
    let cluster = Postgres::keep_in(&folder).unwrap();
    let shops = cluster.database_named("shops").unwrap();
    shops
        .run("create table sold (id bigint); insert into sold values (7)")
        .unwrap();
    drop(cluster);

    let cluster = Postgres::keep_in(&folder).unwrap();
    let shops = cluster.database_named("shops").unwrap();
    assert_eq!(shops.run("select id from sold").unwrap(), "7");
    assert_eq!(shops.run("show fsync").unwrap(), "on");
}

#[test]
fn one_process_at_a_time_has_it() {
    let parent = folder();
    let folder = parent.path().join("postgres");
    let mut cluster = Postgres::keep_in(&folder).unwrap();
    let shops = cluster.database_named("shops").unwrap();
    match Postgres::keep_in(&folder) {
        Err(Error::Failed { report, .. }) => {
            assert!(report.contains("another process has it"), "{report}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(shops.run("show logging_collector").unwrap(), "on");
    assert!(cluster.is_listening());
    cluster.crash().unwrap();
    assert!(!cluster.is_listening());
    cluster.start_again().unwrap();
    assert!(cluster.is_listening());
    assert_eq!(shops.run("select 1").unwrap(), "1");
}

/// As when the process that had it was killed in the server's start: its supervisor still ends it.
#[test]
fn what_a_killed_process_left_is_waited_for() {
    let parent = folder();
    let folder = parent.path().join("postgres");
    drop(Postgres::keep_in(&folder).unwrap());
    let supervisor = File::open(folder.join("supervisor.lock")).unwrap();
    supervisor.try_lock().unwrap();
    let (sender, next) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| sender.send(Postgres::keep_in(&folder)).unwrap());
        let early = next.recv_timeout(Duration::from_millis(300));
        assert!(early.is_err(), "it does not wait: {early:?}");
        drop(supervisor);
        let cluster = next.recv().unwrap().unwrap();
        assert!(cluster.is_listening());
    });
}

/// Signals to the group, as a service manager sends them, are not the end of what is read.
#[test]
fn a_supervisor_that_is_signalled_goes_on() {
    let parent = folder();
    let mut cluster = Postgres::keep_in(&parent.path().join("postgres")).unwrap();
    let children = Command::new("pgrep")
        .args([
            "-P",
            &process::id().to_string(),
            "-f",
            parent.path().to_str().unwrap(),
        ])
        .output()
        .unwrap();
    let supervisor = String::from_utf8(children.stdout).unwrap();
    let supervisor = supervisor.trim();
    for _ in 0..3 {
        let sent = Command::new("kill").args(["-TERM", supervisor]).status();
        assert!(sent.unwrap().success(), "{supervisor}");
        cluster.crash().unwrap();
        cluster.start_again().unwrap();
    }
}

#[test]
fn a_folder_that_is_closed_to_the_server_is_told() {
    let parent = tempfile::tempdir().unwrap();
    fs::set_permissions(parent.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let user = std::process::Command::new("id").arg("-u").output().unwrap();
    let as_root = user.stdout == b"0\n";
    let kept = Postgres::keep_in(&parent.path().join("postgres"));
    // The folder is this process's alone, so the server's user gets in when it is the same one.
    match kept {
        Err(Error::Failed { report, .. }) if as_root => {
            assert!(report.contains("is closed to others"), "{report}");
        }
        Ok(_) if !as_root => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_path_that_is_too_long_for_a_socket_is_told() {
    let parent = folder();
    let folder = parent.path().join("x".repeat(100));
    match Postgres::keep_in(&folder) {
        Err(Error::Failed { report, .. }) => {
            assert!(report.contains("longer than 107 bytes"), "{report}");
        }
        other => panic!("{other:?}"),
    }
}
