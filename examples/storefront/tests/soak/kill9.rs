//! `kill -9` at random moments under load, with a client that remembers every acknowledged answer.
//!
//! Each life of the process makes shops, fills them, suspends and resumes them, all at once, and ends at a
//! random moment. After each start: every acknowledged shop is there to the letter, every lifecycle is at
//! least as new as acknowledged, every product is whole. At the end all requests are repeated without
//! faults, and the platform must have healed: each shop once, each served, each filled.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use fastrand::Rng;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    platform::{Folder, Platform, Start},
    setting,
};

const LIVES: usize = 6;
const SHOPS: usize = 12;
const PRODUCTS: usize = 40;
/// The longest life after the first request: by then everything that was asked for has been done.
const LONGEST_LIFE_MICROS: u64 = 1_500_000;

/// What the client was told.
#[derive(Default)]
struct Memory {
    /// The answer to the making of each shop.
    made: BTreeMap<String, Value>,
    /// The number of the newest acknowledged epoch of each shop.
    epochs: BTreeMap<String, u64>,
    /// The shops whose import was acknowledged.
    filled: BTreeMap<String, Value>,
}

fn slug(number: usize) -> String {
    format!("shop-{number}")
}

fn products() -> String {
    let mut csv = "Handle,Title,Option1 Name,Option1 Value,Variant Price\n".to_owned();
    for number in 0..PRODUCTS {
        csv += &format!("p-{number},Product {number},Size,S,1\np-{number},,,L,2\n");
    }
    csv
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a round of `cargo xtask soak kill9`"]
async fn kill9_loses_nothing_that_was_acknowledged() {
    let (seed, round) = (setting("SOAK_SEED"), setting("SOAK_ROUND"));
    let mut random = Rng::with_seed(seed.wrapping_mul(1_000_003).wrapping_add(round));
    let memory = Arc::new(Mutex::new(Memory::default()));
    let mut folder = Folder::new();
    for _ in 0..LIVES {
        let platform = Arc::new(Platform::start(Start {
            folder,
            arguments: &["--no-demo"],
        }));
        check(&platform, &memory).await;
        folder = live(platform, &memory, &mut random).await;
    }
    let platform = Arc::new(Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    }));
    check(&platform, &memory).await;
    heal(&platform, &memory).await;
}

/// One life: everything at once, until the kill.
async fn live(platform: Arc<Platform>, memory: &Arc<Mutex<Memory>>, random: &mut Rng) -> Folder {
    let work: Vec<_> = (0..SHOPS)
        .map(|number| {
            let (platform, memory) = (Arc::clone(&platform), Arc::clone(memory));
            tokio::spawn(async move { while work_on(&platform, &memory, number).await.is_ok() {} })
        })
        .collect();
    // Not to wait for something: the moment itself is what is random.
    tokio::time::sleep(Duration::from_micros(random.u64(..LONGEST_LIFE_MICROS))).await;
    let id = platform.process_id().to_string();
    assert!(
        std::process::Command::new("kill")
            .args(["-KILL", &id])
            .status()
            .unwrap()
            .success()
    );
    for ended in join_all(work).await {
        ended.expect("a request went otherwise than well or not at all");
    }
    Arc::into_inner(platform)
        .expect("all work has ended")
        .stop("-KILL")
        .1
}

/// Makes a shop, fills it, suspends and resumes it; an error is a connection that broke.
async fn work_on(
    platform: &Platform,
    memory: &Mutex<Memory>,
    number: usize,
) -> reqwest::Result<()> {
    make(platform, memory, number).await?;
    fill(platform, memory, number).await?;
    for lifecycle in ["suspended", "active"] {
        let path = format!("/v1/tenants/{}", slug(number));
        let body = json!({"lifecycle": lifecycle}).to_string();
        let answer = platform
            .operator()
            .try_send(Method::PATCH, &path, body)
            .await?
            .expect_status(200);
        memory
            .lock()
            .unwrap()
            .epochs
            .insert(slug(number), epoch(&answer));
    }
    Ok(())
}

async fn make(platform: &Platform, memory: &Mutex<Memory>, number: usize) -> reqwest::Result<()> {
    let slug = slug(number);
    let body =
        json!({"slug": slug, "plan": "basic", "domains": [format!("{slug}.example")]}).to_string();
    let client = platform.operator().header("idempotency-key", &slug);
    let answer = client
        .try_send(Method::POST, "/v1/tenants", body)
        .await?
        .expect_status(201);
    let before = memory.lock().unwrap().made.insert(slug, answer.clone());
    assert!(
        before.is_none_or(|before| before == answer),
        "an acknowledged answer changed: {answer}"
    );
    Ok(())
}

async fn fill(platform: &Platform, memory: &Mutex<Memory>, number: usize) -> reqwest::Result<()> {
    let path = format!("/v1/tenants/{}/import", slug(number));
    // A shop that was suspended when the process died cannot be filled before it is resumed.
    let resume = json!({"lifecycle": "active"}).to_string();
    let resumed = platform
        .operator()
        .try_send(
            Method::PATCH,
            &format!("/v1/tenants/{}", slug(number)),
            resume,
        )
        .await?;
    memory
        .lock()
        .unwrap()
        .epochs
        .insert(slug(number), epoch(&resumed.expect_status(200)));
    let client = platform
        .operator()
        .header("idempotency-key", &format!("fill-{number}"));
    let answer = client
        .try_send(Method::POST, &path, products())
        .await?
        .expect_status(200);
    let before = memory
        .lock()
        .unwrap()
        .filled
        .insert(slug(number), answer.clone());
    assert!(
        before.is_none_or(|before| before == answer),
        "an acknowledged report changed: {answer}"
    );
    Ok(())
}

fn epoch(shop: &Value) -> u64 {
    shop["epoch"]
        .as_str()
        .unwrap()
        .strip_prefix("0.")
        .unwrap()
        .parse()
        .unwrap()
}

/// What was acknowledged is there.
async fn check(platform: &Platform, memory: &Mutex<Memory>) {
    let (made, epochs, filled) = {
        let memory = memory.lock().unwrap();
        (
            memory.made.clone(),
            memory.epochs.clone(),
            memory.filled.clone(),
        )
    };
    for (slug, answer) in &made {
        let found = platform
            .operator()
            .get(&format!("/v1/tenants/{slug}"))
            .await
            .expect_status(200);
        assert_eq!(found["tenant_id"], answer["tenant_id"], "{slug}");
        let acknowledged = epochs.get(slug).copied().unwrap_or_else(|| epoch(answer));
        assert!(
            epoch(&found) >= acknowledged,
            "{slug}: {acknowledged} was acknowledged, not {found}"
        );
        let visitor = platform.visitor(&format!("{slug}.localhost"));
        let listed = visitor.get("/api/products?limit=100").await;
        if found["lifecycle"] == "suspended" {
            listed.expect_error(403, "tenant_suspended");
            continue;
        }
        let listed = listed.expect_status(200);
        let listed = listed["products"].as_array().unwrap();
        assert!(
            listed
                .iter()
                .all(|product| product["variants"].as_array().unwrap().len() == 2),
            "{slug}: {listed:?}"
        );
        assert!(
            !filled.contains_key(slug) || listed.len() == PRODUCTS,
            "{slug} has {} products",
            listed.len()
        );
    }
}

/// Without faults everything asked for comes true, once.
async fn heal(platform: &Platform, memory: &Mutex<Memory>) {
    for number in 0..SHOPS {
        work_on(platform, memory, number)
            .await
            .expect("nothing breaks the connection now");
    }
    check(platform, memory).await;
    let listed = platform
        .operator()
        .get("/v1/tenants?limit=1000")
        .await
        .expect_status(200);
    let listed = listed["tenants"].as_array().unwrap();
    assert_eq!(listed.len(), SHOPS, "{listed:?}");
    assert!(
        listed.iter().all(|shop| shop["lifecycle"] == "active"),
        "{listed:?}"
    );
}
