use sqlx::sqlite::SqliteConnectOptions;
use tenancy_migrate::{
    Entry, Journal, JournalError, MemoryJournal, RequestKey, Schema, SchemaError, SqliteJournal,
    Version, journal_conformance, upgrade_sqlite,
};
use tenancy_types::{Kind, ManualClock, Problem, UnixMicros};

pub(crate) fn file(folder: &tempfile::TempDir) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(folder.path().join("journal.db"))
        .create_if_missing(true)
}

#[tokio::test]
async fn memory_conforms() {
    journal_conformance(&MemoryJournal::default()).await;
}

#[tokio::test]
async fn sqlite_conforms() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&file(&folder), &ManualClock::default())
        .await
        .unwrap();
    journal_conformance(&journal).await;
}

#[tokio::test]
async fn sqlite_keeps_entries_when_reopened() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let key: RequestKey = "one".parse().unwrap();
    let entry = Entry {
        at: UnixMicros::new(5),
        text: "begun".into(),
    };
    let journal = SqliteJournal::open(&file(&folder), &clock).await.unwrap();
    journal.append(&key, 0, entry.clone()).await.unwrap();
    journal.shut_down().await;
    let journal = SqliteJournal::open(&file(&folder), &clock).await.unwrap();
    assert_eq!(journal.entries(&key).await.unwrap(), [entry]);
    assert_eq!(journal.unfinished().await.unwrap(), [key]);
}

#[tokio::test]
async fn two_processes_on_one_file_do_not_take_one_number() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let [one, other] = [
        SqliteJournal::open(&file(&folder), &clock).await.unwrap(),
        SqliteJournal::open(&file(&folder), &clock).await.unwrap(),
    ];
    let key: RequestKey = "one".parse().unwrap();
    for number in 0..50 {
        let entry = |text: &str| Entry {
            at: UnixMicros::new(0),
            text: text.into(),
        };
        let (a, b) = tokio::join!(
            one.append(&key, number, entry("one")),
            other.append(&key, number, entry("other")),
        );
        assert!(a.is_ok() != b.is_ok(), "number {number}: {a:?}, {b:?}");
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::default();
    let other =
        Schema::new([Version::new(1, "cell", "create table products (id bigint)")]).unwrap();
    upgrade_sqlite(&other, &file(&folder), &clock)
        .await
        .unwrap();
    let refused = SqliteJournal::open(&file(&folder), &clock).await;
    assert!(
        matches!(
            refused,
            Err(JournalError::Schema(SchemaError::Changed {
                version: 1,
                ..
            }))
        ),
        "{refused:?}"
    );
    assert_eq!(
        refused.unwrap_err().kind(),
        Kind::Internal,
        "waiting does not help"
    );
}

#[test]
fn a_key_has_a_length() {
    assert!("k".repeat(255).parse::<RequestKey>().is_ok());
    for bad in ["", &"k".repeat(256)] {
        assert_eq!(bad.parse::<RequestKey>().unwrap_err().found, bad.len());
    }
}

#[tokio::test]
async fn what_is_forgotten_is_in_no_file_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let journal = SqliteJournal::open(&file(&folder), &ManualClock::default())
        .await
        .unwrap();
    let key = |text: &str| text.parse::<RequestKey>().unwrap();
    for (name, tenant) in [("quokka", 7), ("wombat", 77)] {
        for (number, text) in [
            format!("started for {name}"),
            format!("created {tenant} at home"),
        ]
        .into_iter()
        .enumerate()
        {
            let entry = Entry {
                at: UnixMicros::new(0),
                text,
            };
            let number = u32::try_from(number).unwrap();
            journal.append(&key(name), number, entry).await.unwrap();
        }
    }
    let has = |text: &str| {
        let files = std::fs::read_dir(folder.path()).unwrap();
        let read =
            |file: std::io::Result<std::fs::DirEntry>| std::fs::read(file.unwrap().path()).unwrap();
        let mut files = files.map(read);
        files.any(|bytes| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        })
    };
    assert!(has("quokka") && has("wombat"));
    for _ in 0..2 {
        journal.forget("created 7 ").await.unwrap();
        assert!(!has("quokka") && has("wombat"));
    }
    assert_eq!(journal.entries(&key("quokka")).await.unwrap(), []);
    assert_eq!(journal.entries(&key("wombat")).await.unwrap().len(), 2);
}

/// What an older reader keeps in the log is not forgotten yet.
#[tokio::test]
async fn what_somebody_still_reads_is_not_forgotten() {
    use sqlx::{ConnectOptions as _, Executor as _};
    let folder = tempfile::tempdir().unwrap();
    let options = file(&folder);
    let journal = SqliteJournal::open(&options, &ManualClock::default())
        .await
        .unwrap();
    let entry = |text: &str| Entry {
        at: UnixMicros::new(0),
        text: text.into(),
    };
    let key: RequestKey = "one".parse().unwrap();
    journal.append(&key, 0, entry("begun")).await.unwrap();
    let mut reader = options.connect().await.unwrap();
    reader
        .execute("begin; select count(*) from tenancy_workflow_journal")
        .await
        .unwrap();
    let early = journal.forget("begun").await.unwrap_err();
    assert!(
        matches!(early, JournalError::Unavailable { .. }),
        "{early:?}"
    );
    reader.execute("rollback").await.unwrap();
    journal.forget("begun").await.unwrap();
}
