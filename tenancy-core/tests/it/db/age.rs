//! On Postgres, with a pool of one: whatever keeps a transaction open, and does not go on with it, is ended at
//! its maximum age, and its connection is the next one's.

use std::{future::Future, pin::Pin, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _};
use sqlx::{Connection as _, PgConnection};
use tenancy_core::db::{CellDb, CellOptions, DbError, PostgresCell};

use super::{given_up::given_up, options, postgres, reader, until, writer};

const AGE: Duration = Duration::from_millis(200);

async fn cell(options: CellOptions) -> (PostgresCell, PgConnection, String) {
    let (cell, url) = postgres(2, options).await;
    let CellDb::Postgres(cell) = cell else {
        unreachable!("a Postgres cell");
    };
    (cell, PgConnection::connect(&url).await.unwrap(), url)
}

/// The error of work that is too old, or none when it was quick enough.
fn too_old<T>(worked: Result<T, sqlx::Error>) -> Option<DbError> {
    let error = DbError::from_sqlx(worked.err()?);
    assert!(matches!(error, DbError::TooOld { .. }), "{error:?}");
    Some(error)
}

/// Who comes next gets the connection. On a slow machine its own age may come first: then it comes again.
async fn next_one_comes_in(cell: &PostgresCell) {
    for _ in 0..100 {
        let mut next = cell.begin(&writer(2));
        let worked = sqlx::query("insert into mark values (2) on conflict do nothing")
            .execute(&mut next)
            .await;
        if too_old(worked).is_none() {
            next.rollback().await;
            return;
        }
    }
    panic!("nobody came in for 100 times the maximum age");
}

#[tokio::test]
async fn the_rows_of_a_writer_whom_nobody_asks_for_more() {
    let (cell, ..) = cell(options(1).max_write_age(AGE)).await;
    let mut tx = cell.begin(&writer(1));
    // More than fits into the socket, so that the server waits for its client.
    let many = "select repeat('x', 1000) from generate_series(1, 100000)";
    let mut rows = sqlx::query(many).fetch(&mut tx);
    // On a slow machine it may be too old before it began, which is as good.
    let first = rows.next().await.unwrap();
    next_one_comes_in(&cell).await;
    if too_old(first).is_none() {
        let rest = rows.try_fold((), |(), _| async { Ok(()) }).await;
        assert!(too_old(rest).is_some());
    } else {
        drop(rows);
    }
    let committed = tx.commit().await;
    assert!(
        matches!(committed, Err(DbError::TooOld { .. })),
        "{committed:?}"
    );
}

const SLEEPS: &str = "select count(pg_sleep(8))";
const SLEEPS_ASIDE: &str = "select 1, count(pg_sleep(8))";
const SLEEPING: &str = "select exists (select from pg_stat_activity where state = 'active'
    and datname = current_database() and query = 'select count(pg_sleep(8))') from pg_sleep(0.01)";
const SLEEPING_ASIDE: &str = "select exists (select from pg_stat_activity where state = 'active'
    and datname = current_database() and query = 'select 1, count(pg_sleep(8))') from pg_sleep(0.01)";
const AWAKE: &str = "select not exists (select from pg_stat_activity where state = 'active'
    and datname = current_database() and query = 'select count(pg_sleep(8))') from pg_sleep(0.01)";

/// Polls the work until the server says so, and keeps it. None when it was done before.
async fn until_then<T>(
    work: impl Future<Output = T> + Unpin,
    plain: &mut PgConnection,
    question: &'static str,
) -> Option<T> {
    tokio::select! {
        biased;
        () = until(plain, question) => None,
        done = work => Some(done),
    }
}

#[tokio::test]
async fn a_statement_that_nobody_polls_and_the_server_stops_it() {
    let (cell, mut plain, url) = cell(options(1).max_write_age(AGE)).await;
    // Control: another client's statement, which is given up before ours, runs on.
    let mut aside = PgConnection::connect(&url).await.unwrap();
    let given_up = Box::pin(sqlx::query(SLEEPS_ASIDE).fetch_one(&mut aside));
    let done = until_then(given_up, &mut plain, SLEEPING_ASIDE).await;
    assert!(done.is_none(), "{done:?}");
    drop(aside);

    let mut tx = cell.begin(&writer(1));
    let mut kept = Box::pin(sqlx::query(SLEEPS).fetch_one(&mut tx));
    // On a slow machine it may be too old before it sleeps, which is as good.
    if let Some(done) = until_then(&mut kept, &mut plain, SLEEPING).await {
        assert!(too_old(done).is_some());
        return;
    }
    next_one_comes_in(&cell).await;
    assert!(too_old(kept.await).is_some());
    until(&mut plain, AWAKE).await;
    let asleep: bool = sqlx::query_scalar(SLEEPING_ASIDE)
        .fetch_one(&mut plain)
        .await
        .unwrap();
    assert!(
        asleep,
        "without the look after its client it sleeps its 8 s"
    );
}

#[tokio::test]
async fn a_statement_that_somebody_waits_for() {
    let (cell, ..) = cell(options(1).max_write_age(AGE)).await;
    let mut tx = cell.begin(&writer(1));
    let waiting = sqlx::query(SLEEPS).fetch_one(&mut tx);
    assert!(too_old(waiting.await).is_some());
    next_one_comes_in(&cell).await;
}

#[tokio::test]
async fn a_reader_that_is_forgotten() {
    let (cell, ..) = cell(options(1).max_read_age(AGE)).await;
    let mut forgotten = cell.begin(&reader(1));
    let one = "select 1";
    let begun = sqlx::query(one).fetch_one(&mut forgotten).await;
    next_one_comes_in(&cell).await;
    if too_old(begun).is_none() {
        let late = sqlx::query(one).fetch_one(&mut forgotten).await;
        assert!(too_old(late).is_some());
    }
    // Control: with a longer age it would be there still.
    let (cell, ..) = self::cell(options(2).max_write_age(AGE)).await;
    let mut kept = cell.begin(&reader(1));
    sqlx::query(one).fetch_one(&mut kept).await.unwrap();
    let mut writer_of_2 = cell.begin(&writer(2));
    let waiting = sqlx::query(SLEEPS).fetch_one(&mut writer_of_2);
    assert!(too_old(waiting.await).is_some());
    sqlx::query(one).fetch_one(&mut kept).await.unwrap();
    kept.commit().await.unwrap();
}

/// Polls it once, and then no more.
async fn begun<F: Future + Unpin>(work: &mut F) -> Option<F::Output> {
    given_up(work, 1).await
}

#[tokio::test]
async fn a_commit_that_nobody_polls() {
    for rolls_back in [false, true] {
        let (cell, ..) = cell(options(1).max_write_age(AGE)).await;
        let mut tx = cell.begin(&writer(1));
        let insert = sqlx::query("insert into mark values (1)");
        if too_old(insert.execute(&mut tx).await).is_some() {
            // A slow machine, on which there is nothing to end.
            continue;
        }
        let mut ending: Pin<Box<dyn Future<Output = Result<(), DbError>>>> = if rolls_back {
            Box::pin(tx.rollback().map(Ok))
        } else {
            Box::pin(tx.commit())
        };
        if begun(&mut ending).await.is_none() {
            next_one_comes_in(&cell).await;
            match ending.await {
                Ok(()) => assert!(rolls_back),
                Err(DbError::CommitUnknown { .. } | DbError::TooOld { .. }) => {
                    assert!(!rolls_back);
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_connection_that_comes_to_somebody_who_does_not_look() {
    let short = options(1)
        .max_write_age(AGE)
        .wait(Duration::from_millis(500));
    let (cell, ..) = cell(short).await;
    let mut held = cell.begin(&reader(1));
    sqlx::query("select 1").fetch_one(&mut held).await.unwrap();
    let mut tx = cell.begin(&writer(1));
    let mut waiting = Box::pin(sqlx::query("select 1").fetch_one(&mut tx));
    assert!(
        begun(&mut waiting).await.is_none(),
        "there is one, and held"
    );
    held.commit().await.unwrap();
    for _ in 0..100 {
        let mut next = cell.begin(&writer(2));
        match sqlx::query("select 1").fetch_one(&mut next).await {
            Ok(_) => {
                let late = waiting.await.map_err(DbError::from_sqlx).unwrap_err();
                assert!(matches!(late, DbError::Busy), "{late:?}");
                return;
            }
            Err(error) => {
                let error = DbError::from_sqlx(error);
                assert!(
                    matches!(error, DbError::Busy | DbError::TooOld { .. }),
                    "{error:?}"
                );
            }
        }
    }
    panic!("it keeps a connection that it does not use");
}

crate::db::also_plain! {
    the_rows_of_a_writer_whom_nobody_asks_for_more,
    a_statement_that_nobody_polls_and_the_server_stops_it,
    a_statement_that_somebody_waits_for,
    a_reader_that_is_forgotten,
    a_commit_that_nobody_polls,
    a_connection_that_comes_to_somebody_who_does_not_look,
}
