//! Buyers who remember every answer that they were given, and ask again after a crash.

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Mutex, MutexGuard},
};

use fastrand::Rng;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;
use tokio::sync::watch;

use super::{
    http::Answer,
    platform::{Folder, Platform, Start},
};

/// Pieces in stock of each variant of a shop; `None` is one whose stock is not tracked. Most are scarce
/// enough to be sold out within a test.
const OPENING: [Option<i64>; 5] = [Some(1_000_000), Some(60), Some(7), Some(1), None];

/// A piece costs so much, in minor units.
const PRICE: i64 = 1_250;

/// One purchase of so many is paid with a card that is declined.
const DECLINED: usize = 7;

/// How many buy at one time.
const BUYERS: usize = 12;

/// So often is asked again what had no answer, at the end.
const TRIES: usize = 50;

/// One plan, wide enough for all of them.
const PLANS: &str = "[[plan]]\nname = \"basic\"\nrate = 100000\nburst = 100000\nconcurrency = 1000\n\
    connections = 4\nstatement_timeout_ms = 5000\n";

/// Shops, and everything that was ever asked of them.
pub(crate) struct Market {
    pub(crate) shops: Vec<Shop>,
    purchases: Mutex<Vec<Purchase>>,
    /// How many have an answer.
    answered: watch::Sender<usize>,
}

pub(crate) struct Shop {
    pub(crate) slug: String,
    pub(crate) tenant: i64,
    pub(crate) variants: Vec<i64>,
    /// Pieces that came in at the beginning, of each variant that is tracked.
    pub(crate) opening: BTreeMap<i64, i64>,
}

/// One request to buy, under a key of its own.
#[derive(Clone)]
pub(crate) struct Purchase {
    pub(crate) shop: usize,
    pub(crate) key: String,
    /// Variants and quantities.
    pub(crate) items: BTreeMap<i64, i64>,
    pub(crate) pays: bool,
    /// Status and body of the first final answer; all others must be the same.
    pub(crate) answer: Option<(u16, String)>,
}

impl Market {
    /// Makes this many shops and fills them.
    pub(crate) async fn open(platform: &Platform, shops: usize) -> Self {
        let mut made = Vec::new();
        for number in 0..shops {
            made.push(Shop::open(platform, &format!("shop-{number}")).await);
        }
        Self {
            shops: made,
            purchases: Mutex::default(),
            answered: watch::Sender::new(0),
        }
    }

    /// Starts the platform of a market that is open, or is about to be.
    pub(crate) fn platform(folder: Folder) -> Platform {
        let plans = folder.path().join("plans.toml");
        std::fs::write(&plans, PLANS).unwrap();
        let plans = plans.to_str().unwrap().to_owned();
        let arguments = ["--no-demo", "--rest-seconds", "1", "--plans", &plans];
        Platform::start(Start {
            folder,
            arguments: &arguments,
        })
    }

    /// Everybody buys until the moment comes; then the process is killed.
    pub(crate) async fn until_killed(
        self: &Arc<Self>,
        platform: Platform,
        random: &mut Rng,
        moment: impl Future<Output = ()>,
    ) -> Folder {
        let platform = Arc::new(platform);
        let buyer = |mut random: Rng| {
            let (market, platform) = (Arc::clone(self), Arc::clone(&platform));
            tokio::spawn(async move { while market.buy(&platform, &mut random).await.is_ok() {} })
        };
        let buyers: Vec<_> = (0..BUYERS).map(|_| buyer(random.fork())).collect();
        moment.await;
        let id = platform.process_id().to_string();
        assert!(
            Command::new("kill")
                .args(["-KILL", &id])
                .status()
                .unwrap()
                .success()
        );
        for ended in join_all(buyers).await {
            ended.expect("a purchase went otherwise than well or not at all");
        }
        let platform = Arc::into_inner(platform).expect("all buyers have gone");
        platform.stop("-KILL").1
    }

    /// Waits until so many purchases have an answer.
    pub(crate) async fn has_answered(&self, count: usize) {
        let mut answered = self.answered.subscribe();
        answered
            .wait_for(|answered| *answered >= count)
            .await
            .expect("the market is there");
    }

    /// Buys something: most often something new, else what was asked before, whether there was an answer or
    /// not. An error is a connection that broke.
    async fn buy(&self, platform: &Platform, random: &mut Rng) -> reqwest::Result<()> {
        let number = self.choose(random);
        self.ask(platform, number).await
    }

    /// Asks everything again that has no answer yet.
    pub(crate) async fn ask_what_is_open(&self, platform: &Platform) {
        for _ in 0..TRIES {
            let open = self.numbers(|purchase| purchase.answer.is_none());
            if open.is_empty() {
                return;
            }
            for number in open {
                self.ask(platform, number)
                    .await
                    .expect("nothing breaks the connection now");
            }
        }
        panic!("some purchases are never answered");
    }

    /// Asks a part of what was answered again: each answer must be the same, to the letter.
    pub(crate) async fn ask_what_is_answered(&self, platform: &Platform, one_in: usize) {
        let answered = self.numbers(|purchase| purchase.answer.is_some());
        for number in answered.into_iter().rev().step_by(one_in) {
            self.ask(platform, number)
                .await
                .expect("nothing breaks the connection now");
        }
    }

    /// The same key with something else in the basket is refused.
    pub(crate) async fn ask_otherwise(&self, platform: &Platform, one_in: usize) {
        for purchase in self.purchases().into_iter().step_by(one_in) {
            let mut other = purchase.clone();
            other.items.values_mut().for_each(|quantity| *quantity += 1);
            let answer = self
                .send(platform, &other)
                .await
                .expect("nothing breaks the connection now");
            answer.expect_error(422, "idempotency_mismatch");
        }
    }

    /// What was asked so far.
    pub(crate) fn purchases(&self) -> Vec<Purchase> {
        self.memory().clone()
    }

    fn choose(&self, random: &mut Rng) -> usize {
        let mut memory = self.memory();
        if !memory.is_empty() && random.u32(..100) < 30 {
            // The latest ones are those that a crash met.
            let recent = memory.len().saturating_sub(40);
            return random.usize(recent..memory.len());
        }
        let number = memory.len();
        memory.push(self.purchase(number, random));
        number
    }

    fn purchase(&self, number: usize, random: &mut Rng) -> Purchase {
        let shop = number % self.shops.len();
        let variants = &self.shops[shop].variants;
        let pays = number % DECLINED != DECLINED / 2;
        // Nobody asks for the payment of what is sold out.
        let choice = if pays {
            variants.as_slice()
        } else {
            &variants[..1]
        };
        let mut items = BTreeMap::new();
        for _ in 0..random.usize(1..=3) {
            items.insert(choice[random.usize(..choice.len())], random.i64(1..=3));
        }
        Purchase {
            shop,
            key: format!("purchase-{number}"),
            items,
            pays,
            answer: None,
        }
    }

    async fn ask(&self, platform: &Platform, number: usize) -> reqwest::Result<()> {
        let purchase = self.memory()[number].clone();
        let answer = self.send(platform, &purchase).await?;
        if answer.status == 503 {
            return Ok(());
        }
        assert!(
            matches!(answer.status, 201 | 402 | 409),
            "{}: {} {}",
            purchase.key,
            answer.status,
            answer.body
        );
        let answer = (answer.status, answer.body);
        let known = &mut self.memory()[number].answer;
        match known {
            Some(first) => assert_eq!(*first, answer, "an answer changed: {}", purchase.key),
            None => {
                *known = Some(answer);
                self.answered.send_modify(|answered| *answered += 1);
            }
        }
        Ok(())
    }

    async fn send(&self, platform: &Platform, purchase: &Purchase) -> reqwest::Result<Answer> {
        let client = platform.visitor(&format!("{}.localhost", self.shops[purchase.shop].slug));
        let client = client
            .header("content-type", "application/json")
            .header("idempotency-key", &purchase.key);
        client
            .try_send(Method::POST, "/api/checkout", purchase.body())
            .await
    }

    fn numbers(&self, which: impl Fn(&Purchase) -> bool) -> Vec<usize> {
        let memory = self.memory();
        (0..memory.len())
            .filter(|&number| which(&memory[number]))
            .collect()
    }

    fn memory(&self) -> MutexGuard<'_, Vec<Purchase>> {
        self.purchases.lock().unwrap()
    }
}

impl Shop {
    async fn open(platform: &Platform, slug: &str) -> Self {
        let made = platform.make_shop(slug).await;
        platform.import(slug, &products()).await;
        let listed = platform
            .visitor(&format!("{slug}.localhost"))
            .get("/api/products")
            .await;
        let listed = listed.expect_status(200);
        let mut opening = BTreeMap::new();
        let mut variants = Vec::new();
        for variant in listed["products"][0]["variants"].as_array().unwrap() {
            let id = variant["variant_id"].as_str().unwrap().parse().unwrap();
            variants.push(id);
            if let Ok(pieces) = variant["sku"].as_str().unwrap().parse() {
                opening.insert(id, pieces);
            }
        }
        assert_eq!(variants.len(), OPENING.len());
        Self {
            slug: slug.to_owned(),
            tenant: made["tenant_id"].as_i64().unwrap(),
            variants,
            opening,
        }
    }
}

impl Purchase {
    /// The address is the buyer's own, so that an order tells whose it is.
    pub(crate) fn email(&self) -> String {
        format!("{}@buyers.example", self.key)
    }

    pub(crate) fn total(&self) -> i64 {
        self.items.values().sum::<i64>() * PRICE
    }

    fn body(&self) -> String {
        let items = self.items.iter().map(
            |(variant, quantity)| json!({"variant_id": variant.to_string(), "quantity": quantity}),
        );
        let token = if self.pays { "test" } else { "test-decline" };
        json!({"items": items.collect::<Vec<_>>(), "email": self.email(), "payment_token": token})
            .to_string()
    }
}

/// One product; the article number of a variant says how many pieces of it there are.
fn products() -> String {
    let head = "Handle,Title,Option1 Name,Option1 Value,Variant SKU,Variant Inventory Tracker,Variant Inventory Qty,\
        Variant Inventory Policy,Variant Price";
    let rows = OPENING.iter().enumerate().map(|(index, pieces)| {
        let (title, option) = if index == 0 {
            ("Mug", "Size")
        } else {
            ("", "")
        };
        let stock = pieces.map_or("untracked,,".to_owned(), |pieces| {
            format!("{pieces},shopify,{pieces}")
        });
        format!("mug,{title},{option},S{index},{stock},deny,12.50")
    });
    let lines: Vec<String> = [head.to_owned()].into_iter().chain(rows).collect();
    lines.join("\n") + "\n"
}
