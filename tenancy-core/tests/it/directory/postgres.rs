//! What only a server can do: serve several processes, hang, go away, lose those who listen.

use std::{
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use sqlx::{Connection as _, PgConnection};
use tenancy_core::{
    directory::{
        Directory, DirectoryError, Import, PostgresDirectory, PostgresDirectoryOptions,
        TenantChange,
    },
    types::{DirectoryEvent, Kind, Lifecycle, ManualClock, Problem, Revision},
};
use tenancy_testkit::{Database, Direction, Postgres, Proxy};
use tokio::task::JoinSet;

use super::{domain, log_behind, put_cell, shop};
use crate::patience::{until, until_so};

pub(super) fn database() -> Database {
    Postgres::shared().database().unwrap()
}

pub(super) async fn open(url: &str) -> PostgresDirectory {
    open_with(url, PostgresDirectoryOptions::default()).await
}

async fn open_with(url: &str, options: PostgresDirectoryOptions) -> PostgresDirectory {
    PostgresDirectory::open(url, ManualClock::default(), options)
        .await
        .unwrap()
}

/// Looks at its log only when it is told to, for longer than any test takes.
fn told_only() -> PostgresDirectoryOptions {
    PostgresDirectoryOptions::default().with_look_every(Duration::from_secs(3_600))
}

/// Gives up soon.
fn impatient() -> PostgresDirectoryOptions {
    told_only().with_patience(Duration::from_millis(500))
}

async fn plain(database: &Database) -> PgConnection {
    PgConnection::connect(&database.url()).await.unwrap()
}

#[tokio::test]
async fn whoever_opens_it_first_makes_it_and_all_find_the_same() {
    let database = database();
    let mut openers = JoinSet::new();
    for _ in 0..8 {
        let url = database.url();
        openers.spawn(async move { open(&url).await.id() });
    }
    let mut ids = openers.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    let first = open(&database.url()).await;
    put_cell(&first, 1, 10).await;
    let made = first.create(shop(1)).await.unwrap();
    first.close().await;
    let error = first.tenant(made.id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    let again = open(&database.url()).await;
    assert_eq!(again.tenant(made.id).await.unwrap(), Some(made));
    let other = open(&self::database().url()).await;
    assert_ne!(other.id(), again.id());
}

#[tokio::test]
async fn a_schema_that_is_no_directory_is_refused_and_left_alone() {
    for (sql, found) in [
        ("create schema tenancy_directory", 0),
        (
            "create schema tenancy_directory; create table tenancy_directory.head (format text)",
            0,
        ),
        (
            "create schema tenancy_directory; create table tenancy_directory.head (format integer);
             insert into tenancy_directory.head values (2)",
            2,
        ),
    ] {
        let database = database();
        database.run(sql).unwrap();
        let options = PostgresDirectoryOptions::default();
        let url = database.url();
        let opened = PostgresDirectory::open(&url, ManualClock::default(), options);
        let error = opened.await.unwrap_err();
        assert!(
            matches!(error, DirectoryError::UnknownFormat { found: f, known: 1 } if f == found),
            "{error:?}"
        );
        let tables =
            "select count(*) from pg_class where relnamespace = 'tenancy_directory'::regnamespace";
        assert!(
            database.run(tables).unwrap().trim() <= "1",
            "nothing was added"
        );
    }
}

/// Handles of their own, as of several processes, on several threads.
#[tokio::test(flavor = "multi_thread")]
async fn of_claims_in_many_processes_one_wins() {
    let database = database();
    let first = open(&database.url()).await;
    put_cell(&first, 1, 100).await;
    let mut claims = JoinSet::new();
    for n in 0..30 {
        let url = database.url();
        claims.spawn(async move {
            let directory = open(&url).await;
            let mut new = shop(n);
            new.domains.push(domain("one.example"));
            directory.create(new).await
        });
    }
    let mut won = 0;
    for result in claims.join_all().await {
        match result {
            Ok(_) => won += 1,
            Err(error) => assert!(
                matches!(error, DirectoryError::DomainTaken { .. }),
                "{error}"
            ),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(first.cells().await.unwrap()[0].tenants, 1);
}

/// Several processes write while others read: whoever sees a revision has seen all before it.
#[tokio::test(flavor = "multi_thread")]
async fn revisions_become_visible_in_their_order() {
    const WRITERS: u32 = 4;
    const EACH: u32 = 25;
    let database = database();
    let reader = open(&database.url()).await;
    put_cell(&reader, 1, 1_000).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let directory = open(&database.url()).await;
        writers.spawn(async move {
            for n in 0..EACH {
                directory.create(shop(writer * EACH + n)).await.unwrap();
            }
        });
    }
    let entries = u64::from(WRITERS * EACH * 4);
    let mut log = log_behind(&reader, Revision::ZERO).await;
    for revision in 1..=entries {
        let entry = log.next().await.unwrap().unwrap();
        assert_eq!(entry.revision.get(), revision, "none is missed");
    }
    writers.join_all().await;
}

/// What the lock is for: numbers that a sequence gives become visible in the order of commits, and a reader that goes on
/// behind the greatest it has seen never sees the rest.
#[tokio::test]
async fn a_sequence_alone_leaves_a_hole() {
    let database = database();
    let (mut slow, mut fast) = (plain(&database).await, plain(&database).await);
    sqlx::query("create table entry (revision bigint generated always as identity)")
        .execute(&mut slow)
        .await
        .unwrap();
    let mut first = slow.begin().await.unwrap();
    let insert = "insert into entry default values returning revision";
    let one: i64 = sqlx::query_scalar(insert)
        .fetch_one(&mut *first)
        .await
        .unwrap();
    let two: i64 = sqlx::query_scalar(insert)
        .fetch_one(&mut fast)
        .await
        .unwrap();
    let seen = "select array_agg(revision order by revision) from entry";
    let seen_first: Vec<i64> = sqlx::query_scalar(seen).fetch_one(&mut fast).await.unwrap();
    first.commit().await.unwrap();
    let seen_then: Vec<i64> = sqlx::query_scalar(seen).fetch_one(&mut fast).await.unwrap();
    assert_eq!((seen_first, seen_then), (vec![two], vec![one, two]));
}

/// A write of another process is seen because it notifies: nobody looks by himself here.
#[tokio::test]
async fn a_notification_wakes_another_process() {
    let database = database();
    let (writer, reader) = (
        open(&database.url()).await,
        open_with(&database.url(), told_only()).await,
    );
    put_cell(&writer, 1, 10).await;
    listening(&database, 2).await;
    let mut log = log_behind(&reader, Revision::ZERO).await;
    let waits = log.next();
    let (entry, made) = tokio::join!(waits, writer.create(shop(1)));
    assert_eq!(entry.unwrap().unwrap().event.tenant(), made.unwrap().id);
}

/// Writes an entry as another process does, but tells nobody.
async fn write_in_silence(database: &Database) -> Revision {
    let newest = database
        .run(
            "begin;
             update tenancy_directory.head set newest = newest + 1;
             insert into tenancy_directory.log (revision, kind, tenant, name)
                select newest, 2, 1, 'basic' from tenancy_directory.head;
             commit;
             select newest from tenancy_directory.head",
        )
        .unwrap();
    let newest = newest.lines().last().unwrap();
    Revision::new(newest.trim().parse().unwrap())
}

/// The log is the truth: an entry that nobody was told of is found by looking, and by nothing else.
#[tokio::test]
async fn without_a_notification_an_entry_is_found_by_looking() {
    let database = database();
    let quick = told_only().with_look_every(Duration::from_millis(20));
    let looking = open_with(&database.url(), quick).await;
    let waiting = open_with(&database.url(), told_only()).await;
    listening(&database, 2).await;
    let mut found = log_behind(&looking, Revision::ZERO).await;
    let mut missed = log_behind(&waiting, Revision::ZERO).await;
    let early = tokio::time::timeout(Duration::from_millis(100), missed.next()).await;
    assert!(early.is_err(), "there is nothing yet: {early:?}");
    let written = write_in_silence(&database).await;
    let entry = found.next().await.unwrap().unwrap();
    assert_eq!(entry.revision, written);
    let late = tokio::time::timeout(Duration::from_millis(200), missed.next()).await;
    assert!(late.is_err(), "control: nobody told it: {late:?}");
}

/// A connection that listens is made anew when it was ended, and what was written meanwhile is found then.
#[tokio::test]
async fn a_lost_connection_listens_again_and_looks() {
    let database = database();
    let reader = open_with(&database.url(), told_only()).await;
    listening(&database, 1).await;
    let mut log = log_behind(&reader, Revision::ZERO).await;
    let early = tokio::time::timeout(Duration::from_millis(100), log.next()).await;
    assert!(early.is_err(), "there is nothing yet: {early:?}");
    let ended = database
        .run(
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
             where datname = current_database() and query like 'LISTEN%'",
        )
        .unwrap();
    assert_eq!(ended.trim(), "1");
    let written = write_in_silence(&database).await;
    let entry = log.next().await.unwrap().unwrap();
    assert_eq!(entry.revision, written);
    listening(&database, 1).await;
    // And it hears again.
    let writer = open(&database.url()).await;
    put_cell(&writer, 1, 10).await;
    let made = writer.create(shop(1)).await.unwrap();
    let entry = log.next().await.unwrap().unwrap();
    assert_eq!(entry.event.tenant(), made.id);
}

/// A line that breaks without a word is found out by asking, and another one listens.
#[tokio::test]
async fn a_silent_line_is_asked_and_replaced() {
    let database = database();
    let proxy = Proxy::start(Postgres::shared().address()).unwrap();
    let reader = open_with(&proxy.database(&database).url(), impatient()).await;
    let mut log = log_behind(&reader, Revision::ZERO).await;
    let early = tokio::time::timeout(Duration::from_millis(100), log.next()).await;
    assert!(early.is_err(), "there is nothing yet: {early:?}");
    listening(&database, 1).await;
    proxy.hang(Direction::ToClient);
    // The next one, as far as the server can tell: it has connected, and nobody answers it.
    let next = "select exists (select from pg_stat_activity where datname = current_database()
        and application_name = 'tenancy_directory' and query = '')";
    until(&mut plain(&database).await, next).await;
    proxy.heal();
    listening(&database, 1).await;
    let writer = open(&database.url()).await;
    listening(&database, 2).await;
    put_cell(&writer, 1, 10).await;
    let made = writer.create(shop(1)).await.unwrap();
    let entry = log.next().await.unwrap().unwrap();
    assert_eq!(entry.event.tenant(), made.id);
}

/// As many connections of this database listen.
async fn listening(database: &Database, expected: i64) {
    let mut connection = plain(database).await;
    let count = "select count(*) from pg_stat_activity
         where datname = current_database() and query like 'LISTEN%' and state = 'idle'";
    until_so("somebody listens", async || {
        let found: i64 = sqlx::query_scalar(count)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        found == expected
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_an_empty_directory() {
    let proxy = Proxy::start(Postgres::shared().address()).unwrap();
    let url = proxy.database(&database()).url();
    proxy.refuse();
    let opened = PostgresDirectory::open(&url, ManualClock::default(), impatient()).await;
    let error = opened.unwrap_err();
    assert!(
        matches!(error, DirectoryError::Unavailable { .. }),
        "{error:?}"
    );
    let opened = PostgresDirectory::open("no address", ManualClock::default(), impatient()).await;
    let error = opened.unwrap_err();
    assert!(
        matches!(error, DirectoryError::Unavailable { .. }),
        "{error:?}"
    );
}

/// While the server is silent nothing is known; afterwards every request can be repeated, and has happened once.
#[tokio::test]
async fn a_silent_server_makes_every_operation_unavailable() {
    let database = database();
    let proxy = Proxy::start(Postgres::shared().address()).unwrap();
    let directory = open_with(&proxy.database(&database).url(), impatient()).await;
    put_cell(&directory, 1, 10).await;
    let made = directory.create(shop(1)).await.unwrap();
    let mut reading = directory.snapshot().await.unwrap().facts;
    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.hang(direction);
        let name = domain("shop-1.example");
        let (created, found, taken, newest, page) = tokio::join!(
            directory.create(shop(2)),
            directory.by_domain(&name),
            directory.snapshot(),
            directory.newest(),
            reading.next(),
        );
        let errors = [
            created.err(),
            found.err(),
            taken.err(),
            newest.err(),
            page.and_then(Result::err),
        ];
        for error in errors {
            let error = error.expect("the server says nothing");
            assert!(
                matches!(error, DirectoryError::Unavailable { .. }),
                "{error:?}"
            );
        }
        proxy.cut();
        proxy.heal();
        reading = directory.snapshot().await.unwrap().facts;
    }
    let second = directory.create(shop(2)).await.unwrap();
    assert_eq!(second.id.get(), made.id.get() + 1);
    let known: Vec<_> = reading.try_collect().await.unwrap();
    assert!(known.len() >= 4, "{known:?}");
    assert_eq!(directory.cells().await.unwrap()[0].tenants, 2);
    // What was given up holds no lock, and no connection.
    let mut server = plain(&database).await;
    until(
        &mut server,
        "select not exists (select from pg_stat_activity where datname = current_database()
            and pid <> pg_backend_pid() and state like 'idle in transaction%')",
    )
    .await;
}

/// A process that stops in a write keeps others waiting for as long as they have patience, and no longer.
#[tokio::test]
async fn a_writer_that_stops_is_waited_for_with_patience() {
    let database = database();
    let directory = open_with(&database.url(), impatient()).await;
    put_cell(&directory, 1, 10).await;
    let mut stopped = plain(&database).await;
    sqlx::raw_sql("begin; select from tenancy_directory.head for update")
        .execute(&mut stopped)
        .await
        .unwrap();
    let error = directory.create(shop(1)).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::Unavailable { .. }),
        "{error:?}"
    );
    let name = domain("shop-1.example");
    let found = directory.by_domain(&name).await;
    assert_eq!(found.unwrap(), None, "who reads does not wait");
    drop(stopped);
    until_so("the lock is free", async || {
        directory.create(shop(1)).await.is_ok()
    })
    .await;
    let idle = database
        .run("select setting from pg_settings where name = 'idle_in_transaction_session_timeout'");
    assert_eq!(idle.unwrap().trim(), "0", "control: not the server's own");
}

/// A server that says that commits need not wait for the disk is not believed: what was acknowledged survives the loss of
/// its memory, and what somebody else committed there does not.
#[tokio::test]
async fn what_was_acknowledged_survives_a_crash_of_the_server() {
    let mut server = Postgres::start().unwrap();
    let database = server.database().unwrap();
    for lazily in [
        "alter system set synchronous_commit = off",
        "alter system set wal_writer_delay = '10s'",
        "select pg_reload_conf()",
    ] {
        database.run(lazily).unwrap();
    }
    let directory = open(&database.url()).await;
    put_cell(&directory, 1, 10).await;
    let made = directory.create(shop(1)).await.unwrap();
    assert_eq!(
        database.run("show synchronous_commit").unwrap().trim(),
        "off"
    );
    database.run("create table careless ()").unwrap();
    server.crash().unwrap();
    server.start_again().unwrap();
    until_so("the server is back", async || {
        directory.tenant(made.id).await.is_ok()
    })
    .await;
    assert_eq!(directory.tenant(made.id).await.unwrap(), Some(made));
    let lost = database
        .run("select to_regclass('careless') is null")
        .unwrap();
    assert_eq!(
        lost.trim(),
        "t",
        "control: the server did lose what was in its memory"
    );
}

/// Whoever asked may have gone away: the work is done, followers hear of it, and the only connection is as good as before.
#[tokio::test]
async fn a_dropped_request_is_finished_and_leaves_nothing_open() {
    let database = database();
    let one = told_only().with_connections(1.try_into().unwrap());
    let directory = open_with(&database.url(), one).await;
    put_cell(&directory, 1, 100).await;
    let mut log = log_behind(&directory, Revision::ZERO).await;
    for n in 1..=10 {
        {
            let asked = pin!(directory.create(shop(n)));
            let polled = asked.poll(&mut Context::from_waker(Waker::noop()));
            assert!(polled.is_pending(), "it is under way when it is dropped");
            let name = domain("shop-1.example");
            let read = pin!(directory.by_domain(&name));
            assert!(
                read.poll(&mut Context::from_waker(Waker::noop()))
                    .is_pending()
            );
        }
        for _ in 0..4 {
            let entry = log.next().await.unwrap().unwrap();
            assert_eq!(entry.event.tenant().get(), n);
        }
    }
    let gone = TenantChange {
        lifecycle: Some(Lifecycle::Gone),
        ..TenantChange::default()
    };
    let first = directory.by_slug(&shop(1).slug).await.unwrap().unwrap();
    directory
        .change(first.id, first.revision, gone)
        .await
        .unwrap();
}

/// A key is bytes of the caller's choosing, also those that no text of the server may have.
#[tokio::test]
async fn a_key_may_have_any_bytes() {
    let database = database();
    let directory = open(&database.url()).await;
    put_cell(&directory, 1, 100).await;
    let mut new = shop(1);
    new.request = "nul \0 backslash \\ tab \t".parse().unwrap();
    let made = directory.create(new.clone()).await.unwrap();
    assert_eq!(directory.create(new).await.unwrap(), made);
}

/// More tenants than a snapshot holds at once: pages must join without a seam.
#[tokio::test]
async fn a_snapshot_of_several_pages_is_whole() {
    const TENANTS: u32 = 5_000;
    let database = database();
    let directory = open(&database.url()).await;
    put_cell(&directory, 1, TENANTS).await;
    let imports = stream::iter(1..=TENANTS).map(|n| {
        Ok(Import {
            tenant: shop(n),
            lifecycle: Lifecycle::Active,
        })
    });
    let loaded = directory.load(imports.boxed()).await.unwrap();
    let snapshot = directory.snapshot().await.unwrap();
    assert_eq!(snapshot.position, loaded.position);
    let facts: Vec<_> = snapshot.facts.try_collect().await.unwrap();
    let domains = facts.iter().filter_map(|fact| match &fact.event {
        DirectoryEvent::DomainAdded { tenant, domain } => Some((tenant.get(), domain.clone())),
        _ => None,
    });
    let expected = (1..=TENANTS).map(|n| (n, shop(n).domains[0].clone()));
    assert!(domains.eq(expected));
    assert_eq!(facts.len(), 4 * TENANTS as usize);
}

/// More entries than one transaction removes, and another process that writes in between.
#[tokio::test]
async fn a_long_log_is_compacted_in_batches() {
    let database = database();
    let directory = open(&database.url()).await;
    let other = open(&database.url()).await;
    put_cell(&other, 1, 100).await;
    database
        .run(
            "insert into tenancy_directory.log (revision, kind, tenant, name)
                select n, 2, 1, 'basic' from generate_series(1, 25000) n;
             update tenancy_directory.head set newest = 25000",
        )
        .unwrap();
    let (removed, made) = tokio::join!(
        directory.compact(Revision::new(24_999)),
        other.create(shop(1))
    );
    assert_eq!(removed.unwrap(), 24_999);
    assert_eq!(made.unwrap().revision, Revision::new(25_004));
    let kept: Vec<_> = log_behind(&other, Revision::new(24_999))
        .await
        .take(5)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(kept[0].revision, Revision::new(25_000));
    assert_eq!(other.compact(Revision::new(24_999)).await.unwrap(), 0);
}

/// Nobody else can write while a load waits for its next tenant, also when whoever asked for it has gone.
#[tokio::test]
async fn a_load_that_stalls_keeps_nobody_for_long() {
    let database = database();
    let directory = open_with(&database.url(), impatient()).await;
    put_cell(&directory, 1, 100).await;
    let first = Import {
        tenant: shop(1),
        lifecycle: Lifecycle::Active,
    };
    let stalled = stream::iter([Ok(first)]).chain(stream::pending());
    let error = directory.load(stalled.boxed()).await.unwrap_err();
    assert!(
        matches!(error, DirectoryError::Unreadable { .. }),
        "{error:?}"
    );
    let made = directory.create(shop(1)).await.unwrap();
    assert_eq!(made.id.get(), 1, "nothing of the load is left");
}
