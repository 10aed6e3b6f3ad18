use std::{
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{StreamExt, TryStreamExt};
use tempfile::TempDir;
use tenancy_core::{
    directory::{Directory, DirectoryError, SqliteDirectory, TenantChange},
    types::{DirectoryEvent, Kind, Lifecycle, LogEntry, ManualClock, Problem, Revision},
};
use tokio::task::JoinSet;

use super::{domain, in_a_file, log_behind, open, put_cell, shop};

/// The suite's case interleaves 50 claims in one task; here they run on several threads.
#[tokio::test(flavor = "multi_thread")]
async fn of_claims_on_many_threads_one_wins() {
    let (directory, _folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let mut claims = JoinSet::new();
    for n in 0..50 {
        let directory = directory.clone();
        let mut new = shop(n);
        new.domains.push(domain("one.example"));
        claims.spawn(async move { directory.create(new).await });
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
    assert_eq!(directory.cells().await.unwrap()[0].tenants, 1);
}

#[tokio::test]
async fn what_is_closed_is_there_when_opened_again() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let made = directory.create(shop(1)).await.unwrap();
    let mut waiting = log_behind(&directory, made.revision).await;
    directory.close().await;
    let error = directory.tenant(made.id).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(
        waiting.next().await.unwrap().is_err(),
        "streams end with the file"
    );

    let reopened = open(&folder).await;
    assert_eq!(reopened.tenant(made.id).await.unwrap(), Some(made.clone()));
    assert_eq!(reopened.create(shop(1)).await.unwrap(), made);
    let log: Vec<LogEntry> = log_behind(&reopened, Revision::ZERO)
        .await
        .take(4)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(log[3].revision, made.revision);
}

/// Whoever asked may have gone away: the work is done, and followers hear of it.
#[tokio::test]
async fn a_dropped_request_is_finished_and_announced() {
    let (directory, _folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let mut changes = log_behind(&directory, Revision::ZERO).await;
    {
        let asked = pin!(directory.create(shop(1)));
        let polled = asked.poll(&mut Context::from_waker(Waker::noop()));
        assert!(
            polled.is_pending(),
            "the request is under way when it is dropped"
        );
    }
    let entry = changes.next().await.unwrap().unwrap();
    assert!(matches!(entry.event, DirectoryEvent::Placed { .. }));
    let again = directory.create(shop(1)).await.unwrap();
    assert_eq!(again.id, entry.event.tenant());
}

/// More tenants than a snapshot holds at once: pages must join without a seam.
#[tokio::test]
async fn a_snapshot_of_several_pages_is_whole() {
    let (directory, _folder) = in_a_file().await;
    put_cell(&directory, 1, 1_000).await;
    for n in 1..=520 {
        directory.create(shop(n)).await.unwrap();
    }
    let snapshot = directory.snapshot().await.unwrap();
    let mut domains: Vec<u32> = snapshot
        .facts
        .try_filter_map(async |fact| {
            let added = matches!(fact.event, DirectoryEvent::DomainAdded { .. });
            Ok(added.then_some(fact.event.tenant().get()))
        })
        .try_collect()
        .await
        .unwrap();
    domains.sort_unstable();
    assert!(domains.into_iter().eq(1..=520));
}

#[tokio::test]
async fn a_file_that_is_no_directory_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.sqlite");
    for (sql, found) in [
        ("create table invoice (id integer primary key)", 0),
        (
            "pragma application_id = 1414809938; pragma user_version = 5",
            5,
        ),
    ] {
        let url = format!("sqlite://{}?mode=rwc", path.display());
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        sqlx::raw_sql(sql).execute(&pool).await.unwrap();
        pool.close().await;
        let error = SqliteDirectory::open(&path, ManualClock::default())
            .await
            .unwrap_err();
        assert!(
            matches!(error, DirectoryError::UnknownFormat { found: f, known: 4 } if f == found),
            "{error:?}"
        );
        let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
        let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_schema")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(tables, 1);
        pool.close().await;
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_an_error_that_says_what() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let made = directory.create(shop(1)).await.unwrap();
    let url = format!(
        "sqlite://{}",
        folder.path().join("directory.sqlite").display()
    );
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql("update tenant set placement = 0")
        .execute(&pool)
        .await
        .unwrap();
    let error = directory.tenant(made.id).await.unwrap_err();
    assert!(
        matches!(
            error,
            DirectoryError::Corrupt {
                what: "placement",
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(error.kind(), Kind::Internal);
}

/// How often a text is in the directory's files.
fn traces(folder: &TempDir, text: &str) -> usize {
    let files = std::fs::read_dir(folder.path()).unwrap();
    files
        .map(|file| {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let windows = bytes.windows(text.len());
            windows.filter(|window| *window == text.as_bytes()).count()
        })
        .sum()
}

#[tokio::test]
async fn who_is_forgotten_is_in_none_of_the_files() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 1_000).await;
    let secret = "mrs-robinsons-pies";
    let mut last = None;
    for n in 0..40 {
        let mut new = shop(n);
        new.request = format!("request of {secret} {n}").parse().unwrap();
        new.slug = format!("{secret}-{n}").parse().unwrap();
        new.region = Some(format!("near-{secret}").parse().unwrap());
        new.domains = vec![domain(&format!("{secret}-{n}.example"))];
        let made = directory.create(new).await.unwrap();
        let gone = TenantChange {
            lifecycle: Some(Lifecycle::Gone),
            ..TenantChange::default()
        };
        last = Some(
            directory
                .change(made.id, made.revision, gone)
                .await
                .unwrap(),
        );
    }
    let last = last.unwrap();
    for id in 1..last.id.get() {
        let id = tenancy_core::types::TenantId::new(id).unwrap();
        directory.forget(id).await.unwrap();
    }
    assert!(
        traces(&folder, secret) > 0,
        "control: the last one is not forgotten yet"
    );
    directory.forget(last.id).await.unwrap();
    assert_eq!(traces(&folder, secret), 0);
    // Closed and opened again, the numbers are there and the ids go on.
    directory.close().await;
    let reopened = open(&folder).await;
    let tombstone = reopened.tenant(last.id).await.unwrap().unwrap();
    assert_eq!(tombstone.placement, last.placement);
    let next = reopened.create(shop(99)).await.unwrap();
    assert_eq!(next.id.get(), last.id.get() + 1);
}

/// While a snapshot is read, the file keeps what it reads; the tenant is forgotten all the same, and saying
/// so again clears the file.
#[tokio::test]
async fn forgetting_beside_a_long_reader_is_finished_later() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 1_000).await;
    let made = directory.create(shop(7)).await.unwrap();
    let gone = TenantChange {
        lifecycle: Some(Lifecycle::Gone),
        ..TenantChange::default()
    };
    let snapshot = directory.snapshot().await.unwrap();
    directory
        .change(made.id, made.revision, gone)
        .await
        .unwrap();
    // A follower that knows everything so far and waits for more.
    let known = directory.tenant(made.id).await.unwrap().unwrap().revision;
    let mut following = log_behind(&directory, known).await;
    let forgetting = async {
        // By then it has looked, found nothing and waits.
        for _ in 0..20 {
            directory.cells().await.unwrap();
        }
        directory.forget(made.id).await.unwrap_err()
    };
    let (heard, error) = tokio::join!(
        tokio::time::timeout(Duration::from_secs(5), following.next()),
        forgetting
    );
    assert!(
        matches!(error, DirectoryError::Unavailable { .. }),
        "{error:?}"
    );
    let heard = heard.expect("followers are woken although the journal is not emptied");
    assert_eq!(heard.unwrap().unwrap().event.tenant(), made.id);
    assert!(traces(&folder, "shop-7") > 0, "control");
    let log: Vec<LogEntry> = log_behind(&directory, Revision::ZERO)
        .await
        .take(2)
        .try_collect()
        .await
        .unwrap();
    assert!(
        matches!(log[1].event, DirectoryEvent::PlanChanged { .. }),
        "{log:?}"
    );
    drop(snapshot);
    directory.forget(made.id).await.unwrap();
    assert_eq!(traces(&folder, "shop-7"), 0);
}

/// A file as the format before this one had it.
#[tokio::test]
async fn a_file_of_the_format_before_is_brought_up() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let made = directory.create(shop(1)).await.unwrap();
    directory.close().await;
    let path = folder.path().join("directory.sqlite");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql(
        "alter table log drop column written;
         drop table identity; drop table forgotten; drop index log_of_tenant; pragma user_version = 1;
         insert into domain (name, tenant) values ('mrs-robinsons-pies.example', 1);
         delete from domain where name = 'mrs-robinsons-pies.example'",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let secret = "mrs-robinsons-pies";
    assert!(traces(&folder, secret) > 0, "control: it is in the file");
    let directory = open(&folder).await;
    assert_eq!(traces(&folder, secret), 0);
    assert_eq!(directory.tenant(made.id).await.unwrap(), Some(made.clone()));
    let gone = TenantChange {
        lifecycle: Some(Lifecycle::Gone),
        ..TenantChange::default()
    };
    directory
        .change(made.id, made.revision, gone)
        .await
        .unwrap();
    directory.forget(made.id).await.unwrap();
    let mut changes = log_behind(&directory, made.revision).await;
    let gap = changes.next().await.unwrap();
    assert!(matches!(gap, Err(DirectoryError::LogGap { .. })), "{gap:?}");
}

#[tokio::test]
async fn a_directory_keeps_its_identity_and_no_other_has_it() {
    let (directory, folder) = in_a_file().await;
    let (other, _folder) = in_a_file().await;
    assert_ne!(directory.id(), other.id());
    let first = directory.id();
    assert_eq!(first.to_string().parse(), Ok(first));
    directory.close().await;
    assert_eq!(open(&folder).await.id(), first);
}

/// A file of the format that had no identity is given one, and keeps it.
#[tokio::test]
async fn a_directory_without_an_identity_is_given_one() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let made = directory.create(shop(1)).await.unwrap();
    directory.close().await;
    let url = format!(
        "sqlite://{}",
        folder.path().join("directory.sqlite").display()
    );
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::raw_sql(
        "alter table log drop column written; drop table identity; pragma user_version = 2",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let directory = open(&folder).await;
    let given = directory.id();
    assert_eq!(directory.tenant(made.id).await.unwrap(), Some(made));
    directory.close().await;
    assert_eq!(open(&folder).await.id(), given);
}

/// A file of the format that knew neither restores nor compaction is at the beginning of both, and its log can be
/// followed as before.
#[tokio::test]
async fn a_directory_that_knew_no_restores_has_never_been_restored() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let made = directory.create(shop(1)).await.unwrap();
    let before = directory.newest().await.unwrap();
    directory.close().await;
    let path = folder.path().join("directory.sqlite");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql(
        "alter table log drop column written;
         alter table identity drop column floor; alter table identity drop column incarnation;
         pragma user_version = 3",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let directory = open(&folder).await;
    assert_eq!(directory.newest().await.unwrap(), before);
    assert_eq!(directory.raise_incarnation(0).await.unwrap(), 1);
    let log: Vec<LogEntry> = log_behind(&directory, Revision::ZERO)
        .await
        .take(4)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(log[3].revision, made.revision);
    directory.close().await;
    let reopened = open(&folder).await;
    assert_eq!(reopened.history().await.unwrap().incarnation, 1);
    assert_eq!(reopened.id(), before.history.directory);
}

/// More entries than one transaction removes, and a writer in between. What was removed is known when the file is opened
/// again.
#[tokio::test]
async fn a_long_log_is_compacted_in_batches() {
    let (directory, folder) = in_a_file().await;
    put_cell(&directory, 1, 100).await;
    let path = folder.path().join("directory.sqlite");
    let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql(
        "with recursive n (n) as (select 1 union all select n + 1 from n where n < 25000)
         insert into log (revision, kind, tenant, name) select n, 2, 1, 'basic' from n",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    let (removed, made) = tokio::join!(
        directory.compact(Revision::new(25_000)),
        directory.create(shop(1))
    );
    assert_eq!(removed.unwrap(), 25_000);
    assert_eq!(made.unwrap().revision, Revision::new(25_004));
    let end = directory.newest().await.unwrap();
    assert_eq!(directory.compact(end.revision).await.unwrap(), 4);
    directory.close().await;
    let reopened = open(&folder).await;
    assert_eq!(reopened.newest().await.unwrap(), end);
    let gap = reopened.lag(end.at(Revision::ZERO)).await.unwrap_err();
    assert!(matches!(gap, DirectoryError::LogGap { .. }), "{gap:?}");
    let next = reopened.create(shop(2)).await.unwrap();
    assert_eq!(next.revision, Revision::new(25_008));
}

/// SQLite wakes nobody in another process, and two handles on one file know no more of each other than two processes do.
#[tokio::test]
async fn what_another_process_writes_is_heard_of() {
    let (ours, folder) = in_a_file().await;
    put_cell(&ours, 1, 100).await;
    let mut changes = log_behind(&ours, Revision::ZERO).await;
    let theirs = open(&folder).await;
    for n in 1..4 {
        let made = theirs.create(shop(n)).await.unwrap();
        let heard = async {
            loop {
                let entry = changes.next().await.unwrap().unwrap();
                if entry.revision == made.revision {
                    break;
                }
            }
        };
        let heard = tokio::time::timeout(Duration::from_secs(5), heard).await;
        assert!(heard.is_ok(), "shop {n} is not heard of");
    }
}
