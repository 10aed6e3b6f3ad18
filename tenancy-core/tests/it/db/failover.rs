//! On Postgres, with a pool of one: a server that goes away in a transaction, and comes back as another.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    db::{CellDb, DbError, PostgresCell},
    types::{Kind, Problem as _, WorkBudget},
};
use tenancy_testkit::{Address, Direction, Postgres, Proxy};

use super::{
    SCHEMA, admitted, borrower::ALL_REST, create, isolated, options, reader, stock, tenant, until,
    writer,
};

const INSERT: &str = "insert into mark values (1)";
const MARKS: &str = "select count(*) from mark";
const PID: &str = "select pg_backend_pid()";

async fn shop(url: &str, line: &str) -> PostgresCell {
    let mut plain = PgConnection::connect(url).await.unwrap();
    sqlx::raw_sql(SCHEMA).execute(&mut plain).await.unwrap();
    let cell = isolated(line, options(1)).await;
    let any = CellDb::Postgres(cell.clone());
    for id in 1..=2 {
        create(&any, id).await;
        stock(&any, id, "Mug").await;
    }
    cell
}

async fn insert(cell: &PostgresCell) -> Result<(), DbError> {
    let mut tx = cell.begin(&writer(1));
    sqlx::query(INSERT)
        .execute(&mut tx)
        .await
        .map_err(DbError::from_sqlx)?;
    tx.commit().await
}

#[tokio::test]
async fn a_restart_in_a_transaction_rolls_it_back_and_the_next_one_notices_nothing() {
    let mut server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    let cell = shop(&database.url(), &database.url()).await;
    let mut tx = cell.begin(&writer(1));
    sqlx::query(INSERT).execute(&mut tx).await.unwrap();
    server.crash().unwrap();
    let lost = sqlx::query(INSERT).execute(&mut tx).await.unwrap_err();
    let lost = DbError::from_sqlx(lost);
    assert!(matches!(lost, DbError::Unreachable { .. }), "{lost:?}");
    drop(tx);
    // Nothing listens: that is known at once, and is not a wait for a connection.
    let away = insert(&cell).await.unwrap_err();
    assert!(matches!(away, DbError::Unreachable { .. }), "{away:?}");
    server.start_again().unwrap();
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    until(&mut plain, ALL_REST).await;
    let mut tx = cell.begin(&writer(2));
    let (mine, marks): (i64, i64) =
        sqlx::query_as("select (select count(*) from product), (select count(*) from mark)")
            .fetch_one(&mut tx)
            .await
            .unwrap();
    assert_eq!((mine, marks), (1, 0));
    let pid: i32 = sqlx::query_scalar(PID).fetch_one(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
    until(&mut plain, ALL_REST).await;
    // It is handed on, and to nobody but the one who comes.
    let mut tx = cell.begin(&writer(1));
    let (next, tenants): (i32, Vec<i64>) =
        sqlx::query_as("select pg_backend_pid(), (select array_agg(tenant_id) from product)")
            .fetch_one(&mut tx)
            .await
            .unwrap();
    assert_eq!((next, tenants), (pid, vec![1]));
    tx.rollback().await;
    until(&mut plain, ALL_REST).await;
    insert(&cell).await.unwrap();
    let marks: i64 = sqlx::query_scalar(MARKS)
        .fetch_one(&mut plain)
        .await
        .unwrap();
    assert_eq!(marks, 1, "of tenant 1, which could not be seen, once");
}

/// The old address leads to the new server, as behind a load balancer. What the old one had acknowledged and
/// passed on is there, and the transaction that was open is not.
#[tokio::test]
async fn a_promoted_replica_takes_over_in_a_transaction() {
    let mut primary = Postgres::start().unwrap();
    let database = primary.database().unwrap();
    let replica = primary.replica().unwrap();
    let copy = replica.database(&database);
    let (first, second) = (socket(database.address()), socket(copy.address()));
    let cell = shop(&database.url(), &database.url()).await;
    insert(&cell).await.unwrap();
    replica.wait_for(&primary.log_position().unwrap()).unwrap();
    let mut tx = cell.begin(&writer(2));
    sqlx::query("insert into mark values (2)")
        .execute(&mut tx)
        .await
        .unwrap();
    primary.crash().unwrap();
    let promoted = replica.promote().unwrap();
    std::fs::rename(&second, &first).unwrap();
    let committed = tx.commit().await.unwrap_err();
    assert!(
        matches!(committed, DbError::CommitUnknown { .. }),
        "{committed:?}"
    );
    let mut next = cell.begin(&writer(1));
    let marks: i64 = sqlx::query_scalar(MARKS)
        .fetch_one(&mut next)
        .await
        .unwrap();
    assert_eq!(marks, 1, "tenant 1's was acknowledged");
    next.commit().await.unwrap();
    let mut next = cell.begin(&writer(2));
    let marks: i64 = sqlx::query_scalar(MARKS)
        .fetch_one(&mut next)
        .await
        .unwrap();
    assert_eq!(marks, 0, "tenant 2's was not");
    next.commit().await.unwrap();
    drop(promoted);
}

/// The address leads to a server that replays another's log, as one does that was demoted.
#[tokio::test]
async fn a_server_in_recovery_is_no_primary() {
    let mut primary = Postgres::start().unwrap();
    let database = primary.database().unwrap();
    let replica = primary.replica().unwrap();
    let copy = replica.database(&database);
    let (first, second) = (socket(database.address()), socket(copy.address()));
    let cell = shop(&database.url(), &database.url()).await;
    insert(&cell).await.unwrap();
    replica.wait_for(&primary.log_position().unwrap()).unwrap();
    primary.crash().unwrap();
    std::fs::rename(&second, &first).unwrap();
    let written = insert(&cell).await.unwrap_err();
    assert!(
        matches!(written, DbError::Unreachable { .. }),
        "{written:?}"
    );
    let mut tx = cell.begin(&reader(1));
    let read = sqlx::query(MARKS).fetch_one(&mut tx).await.unwrap_err();
    let read = DbError::from_sqlx(read);
    assert!(matches!(read, DbError::Unreachable { .. }), "{read:?}");
    let fence = cell.fence(tenant(1)).await.unwrap_err();
    assert!(matches!(fence, DbError::Unreachable { .. }), "{fence:?}");
    // Control: it would answer.
    let mut plain = PgConnection::connect(&database.url()).await.unwrap();
    let there: (bool, i64) =
        sqlx::query_as("select pg_is_in_recovery(), (select count(*) from mark)")
            .fetch_one(&mut plain)
            .await
            .unwrap();
    assert_eq!(there, (true, 1));
}

fn socket(address: &Address) -> PathBuf {
    match address {
        Address::Unix(file) => file.clone(),
        Address::Tcp(address) => unreachable!("{address} is no socket"),
    }
}

#[tokio::test]
async fn a_slow_line_is_slow_and_a_silent_one_ends_a_statement() {
    let database = Postgres::shared().database().unwrap();
    let line = Proxy::start(database.address().clone()).unwrap();
    let cell = shop(&database.url(), &line.database(&database).url()).await;
    line.delay(Duration::from_millis(20));
    insert(&cell).await.unwrap();
    line.heal();
    // Bounds the transaction's beginning, too, which is not to be silent.
    let budget = WorkBudget::new(NonZeroU16::MIN, Duration::from_secs(1));
    let ctx = admitted(2, 1, budget).read_write().unwrap();
    let mut tx = cell.begin(&ctx);
    sqlx::query(MARKS).fetch_one(&mut tx).await.unwrap();
    line.hang(Direction::ToClient);
    let silent = sqlx::query(MARKS).fetch_one(&mut tx).await.unwrap_err();
    let silent = DbError::from_sqlx(silent);
    assert!(matches!(silent, DbError::Timeout { .. }), "{silent:?}");
    assert_eq!(silent.kind(), Kind::Unavailable);
    drop(tx);
    line.heal();
    let mut tx = cell.begin(&ctx);
    sqlx::query(MARKS).fetch_one(&mut tx).await.unwrap();
    tx.commit().await.unwrap();
}

crate::db::also_plain! {
    a_restart_in_a_transaction_rolls_it_back_and_the_next_one_notices_nothing,
    a_promoted_replica_takes_over_in_a_transaction,
    a_server_in_recovery_is_no_primary,
    a_slow_line_is_slow_and_a_silent_one_ends_a_statement,
}
