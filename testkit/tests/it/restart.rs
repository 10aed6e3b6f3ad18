//! A cluster crashes, stops, and comes back.

use sqlx::{Connection as _, Executor as _};
use tenancy_testkit::Postgres;

use crate::client::{connect, text};

const COUNT: &str = "select count(*)::text from orders";

#[tokio::test]
async fn a_crash_keeps_what_was_committed_and_nothing_else() {
    let mut cluster = Postgres::start().unwrap();
    let database = cluster.database().unwrap();
    let mut connection = connect(&database).await;
    connection
        .execute("create table orders (id bigint)")
        .await
        .unwrap();
    for _ in 0..50 {
        connection
            .execute("insert into orders values (1)")
            .await
            .unwrap();
    }
    let mut open = connect(&database).await;
    open.execute("begin; insert into orders values (2)")
        .await
        .unwrap();

    cluster.crash().unwrap();
    connection.ping().await.unwrap_err();
    assert!(sqlx::PgConnection::connect(&database.url()).await.is_err());

    cluster.start_again().unwrap();
    assert_eq!(text(&mut connect(&database).await, COUNT).await, "50");
}

/// An unlogged table is emptied by a recovery, so it tells a crash from an orderly end.
#[test]
fn only_a_crash_makes_the_next_start_recover() {
    let mut cluster = Postgres::start().unwrap();
    let database = cluster.database().unwrap();
    database
        .run("create unlogged table visits (id int); insert into visits values (1)")
        .unwrap();
    let count = "select count(*) from visits";
    for _ in 0..2 {
        cluster.stop().unwrap();
        cluster.start_again().unwrap();
        assert_eq!(database.run(count).unwrap(), "1");
    }
    cluster.crash().unwrap();
    cluster.start_again().unwrap();
    assert_eq!(database.run(count).unwrap(), "0");
}

#[test]
fn what_does_not_run_cannot_be_stopped() {
    let mut cluster = Postgres::start().unwrap();
    cluster.crash().unwrap();
    let error = cluster.stop().unwrap_err().to_string();
    assert!(error.starts_with("Postgres failed: stop:"), "{error}");
    assert!(error.contains("Is server running?"), "{error}");
    // A mistake does not end the supervisor.
    cluster.start_again().unwrap();
    cluster.database().unwrap();
}
