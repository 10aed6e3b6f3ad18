//! `kill -9` while an archive becomes a shop, or replaces what a shop has: the next start goes on.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use tenancy_migrate::{Journal as _, SqliteJournal};
use tenancy_types::SystemClock;
use tokio::task::JoinHandle;

use super::{
    export::rows,
    import_archive::{archive_of, check_equal, import, tenants, waiting},
    platform::{Folder, Kind, Platform, Start, each_kind, eventually},
};

each_kind!(
    an_import_that_is_killed_is_gone_on_with_or_repeated_with_its_key,
    a_replacement_that_is_killed_is_gone_on_with_by_itself,
);

/// Products enough for whoever kills what is done with them.
const fn many(kind: Kind) -> usize {
    match kind {
        Kind::Sqlite => 120,
        Kind::Postgres => 60,
    }
}

/// What has begun when the process is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// The archive is loaded into a cell of its own.
    Rehearsal,
    /// The archive is kept for its workflow.
    Kept,
    /// The directory says that the shop is being made, or emptied.
    Decided,
}

impl Begun {
    const ALL: [Self; 3] = [Self::Rehearsal, Self::Kept, Self::Decided];

    /// Looks until it has begun, and panics when it does not, or all is over.
    async fn wait<T>(
        self,
        platform: &Platform,
        request: &JoinHandle<T>,
        (shop, before): (&str, &Value),
    ) {
        let operator = platform.operator();
        let is_there = |end: &str| {
            let names = waiting(&platform.data());
            let mut names = names.iter().filter_map(|name| name.to_str());
            names.any(|name| name.ends_with(end))
        };
        let begun = eventually(async || {
            let shown = operator.get(&format!("/v1/tenants/{shop}")).await;
            let begun = match self {
                Self::Rehearsal => is_there(".rehearsal"),
                Self::Kept => is_there(".tar"),
                Self::Decided => shown.status == 200 && shown.json()["lifecycle"] != *before,
            };
            assert!(
                begun || !request.is_finished(),
                "{self:?} was over before it was seen"
            );
            begun.then_some(())
        });
        assert!(begun.await.is_some(), "{self:?} was never seen");
    }
}

/// What the journal of purges says of each workflow, in order.
async fn journal_of(data: &Path) -> Vec<(String, Vec<String>)> {
    let options = SqliteConnectOptions::new().filename(data.join("purges.db"));
    let journal = SqliteJournal::open(&options, &SystemClock).await.unwrap();
    let mut workflows = Vec::new();
    for key in journal.unfinished().await.unwrap() {
        let entries = journal.entries(&key).await.unwrap();
        let texts = entries.into_iter().map(|entry| entry.text);
        workflows.push((key.to_string(), texts.collect()));
    }
    workflows
}

/// Whether a workflow was cut off: its archive is there still.
fn is_cut_off(folder: &Folder) -> bool {
    let names = waiting(folder.path());
    let mut names = names.iter().filter_map(|name| name.to_str());
    names.any(|name| name.ends_with(".tar"))
}

async fn an_import_that_is_killed_is_gone_on_with_or_repeated_with_its_key(kind: Kind) {
    let mut platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import_many("acme", many(kind)).await;
    let whole = rows(&platform, "acme").await;
    let archive = archive_of(&platform, "acme").await;
    let mut cut_off = 0;
    for (round, begun) in Begun::ALL.into_iter().enumerate() {
        let slug = format!("west-{round}");
        let query = format!("slug={slug}");
        let operator = platform.operator().header("idempotency-key", &slug);
        let importing = {
            let (operator, path) = (operator.clone(), format!("/v1/archives?{query}"));
            let archive = archive.clone();
            tokio::spawn(async move { operator.try_send(Method::POST, &path, archive).await })
        };
        begun
            .wait(&platform, &importing, (&slug, &Value::Null))
            .await;
        let (_, folder) = platform.stop("-KILL");
        let _ = importing.await.unwrap();
        assert!(begun != Begun::Rehearsal || !is_cut_off(&folder));
        cut_off += u32::from(is_cut_off(&folder));
        platform = Platform::start(Start {
            folder,
            arguments: &["--no-demo"],
        });
        let operator = platform.operator().header("idempotency-key", &slug);
        // What was begun was finished by the start.
        for shop in tenants(&operator).await {
            assert_eq!(shop["lifecycle"], "active", "{shop}");
        }
        assert_eq!(waiting(&platform.data()), [""; 0]);
        let made = import(&operator, &query, &archive).await.expect_status(201);
        assert_eq!(made["slug"], slug.as_str());
        assert_eq!(tenants(&operator).await.len(), 2 + round);
        check_equal(&rows(&platform, &slug).await, &whole);
    }
    assert!(cut_off > 0, "no import was killed after it had begun");
}

async fn a_replacement_that_is_killed_is_gone_on_with_by_itself(kind: Kind) {
    let arguments = &["--no-demo", "--rest-seconds", "1"];
    let mut platform = Platform::start(Start {
        folder: Folder::of(kind).await,
        arguments,
    });
    platform.make_shop("acme").await;
    platform.import_many("acme", many(kind)).await;
    let whole = rows(&platform, "acme").await;
    let archive = archive_of(&platform, "acme").await;
    let mut cut_off = 0;
    for begun in Begun::ALL {
        let operator = platform.operator();
        let suspend = json!({"lifecycle": "suspended"});
        let suspended = operator.patch("/v1/tenants/acme", suspend).await;
        suspended.expect_status(200);
        let replacing = {
            let (operator, archive) = (operator.clone(), archive.clone());
            let path = "/v1/tenants/acme/archive?confirm=acme";
            tokio::spawn(async move { operator.try_send(Method::PUT, path, archive).await })
        };
        let before = json!("suspended");
        begun.wait(&platform, &replacing, ("acme", &before)).await;
        let (_, folder) = platform.stop("-KILL");
        let _ = replacing.await.unwrap();
        cut_off += u32::from(is_cut_off(&folder));
        platform = Platform::start(Start { folder, arguments });
        let operator = platform.operator();
        // What no workflow names was removed by the start, and the others are loaded by the worker.
        let data = platform.data();
        let loaded = eventually(async || {
            operator.get("/v1/cells").await.expect_status(200);
            waiting(&data).is_empty().then_some(())
        });
        if loaded.await.is_none() {
            let journal = journal_of(&data).await;
            panic!("the worker does not go on by itself: {journal:#?}");
        }
        let shop = operator.get("/v1/tenants/acme").await.expect_status(200);
        let lifecycle = &shop["lifecycle"];
        if lifecycle == "suspended" {
            assert_ne!(begun, Begun::Decided, "there is no way back");
            // It was killed before the point of no return, and nothing was deleted.
            check_equal(&rows(&platform, "acme").await, &whole);
            let resume = json!({"lifecycle": "active"});
            let resumed = operator.patch("/v1/tenants/acme", resume).await;
            resumed.expect_status(200);
        }
        let shop = operator.get("/v1/tenants/acme").await.expect_status(200);
        assert_eq!(shop["lifecycle"], "active");
        check_equal(&rows(&platform, "acme").await, &whole);
    }
    assert!(cut_off > 0, "no replacement was killed after it had begun");
}
