//! A replica follows its primary, lags, and takes over.

use tenancy_testkit::{Database, Postgres, Replica};

const COUNT: &str = "select count(*) from orders";

/// A primary with a table, and a replica.
fn pair() -> (Postgres, Database, Replica) {
    let primary = Postgres::start().unwrap();
    let database = primary.database().unwrap();
    database.run("create table orders (id int)").unwrap();
    let replica = primary.replica().unwrap();
    (primary, database, replica)
}

fn insert(database: &Database) {
    database.run("insert into orders values (1)").unwrap();
}

fn catch_up(replica: &Replica, primary: &Postgres) {
    replica.wait_for(&primary.log_position().unwrap()).unwrap();
}

#[test]
fn it_follows_and_takes_no_writes() {
    let (primary, database, replica) = pair();
    insert(&database);
    catch_up(&replica, &primary);
    let copy = replica.database(&database);
    assert_eq!(copy.run(COUNT).unwrap(), "1");
    let error = copy.run("delete from orders").unwrap_err().to_string();
    assert!(error.contains("read-only transaction"), "{error}");
    assert_eq!(
        database
            .run("select state from pg_stat_replication")
            .unwrap(),
        "streaming"
    );
}

#[test]
fn a_paused_replica_shows_the_past() {
    let (primary, database, replica) = pair();
    catch_up(&replica, &primary);
    replica.pause_replay().unwrap();
    insert(&database);
    // What it has received it has not applied.
    let written = primary.log_position().unwrap();
    let copy = replica.database(&database);
    let received = format!("select pg_last_wal_receive_lsn() >= '{written}'");
    assert!((0..500).any(|_| copy.run(&received).unwrap() == "t"));
    assert_eq!(copy.run(COUNT).unwrap(), "0");
    replica.resume_replay().unwrap();
    replica.wait_for(&written).unwrap();
    assert_eq!(copy.run(COUNT).unwrap(), "1");
}

#[test]
fn it_takes_over_from_a_primary_that_crashed() {
    let (mut primary, database, replica) = pair();
    insert(&database);
    catch_up(&replica, &primary);
    primary.crash().unwrap();
    // Promotion changes the server and not its place.
    let copy = replica.database(&database);
    let promoted = replica.promote().unwrap();
    insert(&copy);
    assert_eq!(copy.run(COUNT).unwrap(), "2");
    // Its own databases do not meet those it was copied with.
    promoted.database().unwrap();
    // The old primary knows nothing of it, which is what fences are for.
    primary.start_again().unwrap();
    assert_eq!(database.run(COUNT).unwrap(), "1");
}

#[test]
fn it_goes_on_after_a_crash() {
    let (primary, database, mut replica) = pair();
    replica.crash().unwrap();
    insert(&database);
    replica.start_again().unwrap();
    catch_up(&replica, &primary);
    assert_eq!(replica.database(&database).run(COUNT).unwrap(), "1");
}

#[test]
fn its_slot_goes_with_it() {
    let (_primary, database, replica) = pair();
    let slots = "select count(*) from pg_replication_slots";
    assert_eq!(database.run(slots).unwrap(), "1");
    drop(replica);
    assert_eq!(database.run(slots).unwrap(), "0");
}
