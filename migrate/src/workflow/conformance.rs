use futures_util::future::join_all;
use tenancy_types::{RequestKey, UnixMicros};

use super::{Entry, Journal, JournalError};

/// Checks that a fresh, empty journal does what [`Journal`] promises.
///
/// # Panics
/// Where it does not.
pub async fn journal_conformance(journal: &impl Journal) {
    starts_empty(journal).await;
    keeps_entries_as_they_were(journal).await;
    takes_each_number_once(journal).await;
    lists_what_is_unfinished(journal).await;
    of_many_writers_one_wins(journal).await;
}

fn key(text: &str) -> RequestKey {
    text.parse().expect("the suite's keys are short")
}

fn entry(at: i64, text: &str) -> Entry {
    Entry {
        at: UnixMicros::new(at),
        text: text.into(),
    }
}

async fn texts(journal: &impl Journal, of: &RequestKey) -> Vec<String> {
    let entries = journal.entries(of).await.expect("entries are read");
    entries.into_iter().map(|entry| entry.text).collect()
}

async fn starts_empty(journal: &impl Journal) {
    assert_eq!(journal.entries(&key("none")).await.expect("read"), []);
    assert_eq!(journal.unfinished().await.expect("listed"), []);
    journal
        .close(&key("none"))
        .await
        .expect("closing what was never begun does nothing");
    assert_eq!(journal.entries(&key("none")).await.expect("read"), []);
}

async fn keeps_entries_as_they_were(journal: &impl Journal) {
    let one = key("kept: '\"%_\\ \u{1f9f5}");
    let long = "x".repeat(100_000);
    let texts = [
        "",
        "two\nlines\0and a zero byte",
        "\u{1f9f5} '; drop table",
        &long,
    ];
    let entries: Vec<_> = texts
        .into_iter()
        .zip([i64::MIN, -1, 0, i64::MAX])
        .map(|(text, at)| entry(at, text))
        .collect();
    for (number, entry) in (0..).zip(&entries) {
        journal
            .append(&one, number, entry.clone())
            .await
            .expect("the next number is taken");
    }
    assert_eq!(journal.entries(&one).await.expect("read"), entries);
    journal.close(&one).await.expect("closed");
    assert_eq!(
        journal.entries(&one).await.expect("read"),
        entries,
        "closing keeps entries"
    );
}

async fn takes_each_number_once(journal: &impl Journal) {
    let one = key("numbers");
    let conflict = async |number| {
        let refused = journal.append(&one, number, entry(0, "late")).await;
        assert!(
            matches!(&refused, Err(JournalError::Conflict { key, number: found }) if *key == one && *found == number),
            "{refused:?} for number {number}"
        );
    };
    conflict(1).await;
    journal
        .append(&one, 0, entry(0, "a"))
        .await
        .expect("0 is the next");
    conflict(0).await;
    conflict(2).await;
    conflict(u32::MAX).await;
    journal
        .append(&one, 1, entry(0, "b"))
        .await
        .expect("1 is the next");
    // Another workflow counts for itself, also one whose key begins the same.
    journal
        .append(&key("number"), 0, entry(0, "other"))
        .await
        .expect("0 is the next");
    assert_eq!(texts(journal, &one).await, ["a", "b"]);
    journal.close(&one).await.expect("closed");
    journal.close(&key("number")).await.expect("closed");
}

async fn lists_what_is_unfinished(journal: &impl Journal) {
    for text in ["open-b", "open-a", "open-c"] {
        journal
            .append(&key(text), 0, entry(0, "begun"))
            .await
            .expect("begun");
        journal
            .append(&key(text), 1, entry(0, "went on"))
            .await
            .expect("went on");
    }
    let unfinished = async || journal.unfinished().await.expect("listed");
    assert_eq!(unfinished().await, ["open-a", "open-b", "open-c"].map(key));
    for _ in 0..2 {
        journal
            .close(&key("open-b"))
            .await
            .expect("closing twice is closing once");
        assert_eq!(unfinished().await, ["open-a", "open-c"].map(key));
    }
    journal.close(&key("open-a")).await.expect("closed");
    journal.close(&key("open-c")).await.expect("closed");
    assert_eq!(unfinished().await, []);
}

async fn of_many_writers_one_wins(journal: &impl Journal) {
    let one = key("contended");
    for number in 0..5 {
        let names: Vec<_> = (0..8).map(|writer| format!("{number}-{writer}")).collect();
        let attempts = names
            .iter()
            .map(|name| journal.append(&one, number, entry(0, name)));
        let results = join_all(attempts).await;
        let won: Vec<_> = names
            .iter()
            .zip(&results)
            .filter(|(_, result)| result.is_ok())
            .collect();
        assert_eq!(won.len(), 1, "{results:?}");
        assert_eq!(texts(journal, &one).await.last(), Some(won[0].0));
    }
    journal.close(&one).await.expect("closed");
}
