//! Clusters that stay.

use std::{fs, os::unix::fs::PermissionsExt as _};

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
fn one_that_was_left_running_is_taken_over() {
    let parent = folder();
    let folder = parent.path().join("postgres");
    let mut left = Postgres::keep_in(&folder).unwrap();
    left.database_named("shops")
        .unwrap()
        .run("create table sold (id bigint)")
        .unwrap();
    let cluster = Postgres::keep_in(&folder).unwrap();
    let shops = cluster.database_named("shops").unwrap();
    assert_eq!(shops.run("select count(*) from sold").unwrap(), "0");
    // It is the same server now: stopping it once stops it.
    left.stop().unwrap();
    assert!(shops.run("select 1").is_err());
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
