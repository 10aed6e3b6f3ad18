//! A platform of many processes: what each may see of the others' ends.

use std::{collections::BTreeMap, process::Command};

use serde_json::json;

use super::{
    http::Client,
    platform::{Folder, PATIENCE, Platform, Start, eventually},
};

/// A platform of three cells and two gateways, with a shop in each cell.
struct Many {
    platform: Platform,
    /// The processes by their names: `gateway-1`, `cell-2`, `control`.
    known: toml::Table,
    /// The slug of the shop in each cell.
    shops: BTreeMap<String, String>,
}

impl Many {
    async fn start() -> Self {
        let start = Start {
            folder: Folder::new(),
            arguments: &["--no-demo", "--cells", "3", "--gateways", "2"],
        };
        let platform = Platform::start_many(start);
        let mut shops = BTreeMap::new();
        for number in 1..=3 {
            let slug = format!("shop-{number}");
            let shop = platform.make_shop(&slug).await;
            shops.insert(shop["cell"].as_str().unwrap().to_owned(), slug);
        }
        assert_eq!(shops.len(), 3, "the emptiest cell takes the next shop");
        let known = std::fs::read_to_string(platform.data().join("endpoints.toml")).unwrap();
        let known = known.parse().unwrap();
        Self {
            platform,
            known,
            shops,
        }
    }

    /// Where a cell listens, for gateways (`shops`) or control (`control`).
    fn cell(&self, number: usize, listener: &str) -> String {
        let cell = &self.known["cell"][number - 1];
        assert_eq!(cell["cell"].as_str(), Some(&*format!("cell-{number}")));
        cell[listener].as_str().unwrap().to_owned()
    }

    /// The number of the process whose arguments have these words.
    fn process(&self, words: &[&str]) -> u32 {
        let mut processes = self.platform.processes().into_iter();
        let found = processes.find(|id| {
            let line = std::fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
            let mut arguments = line.split('\0').skip(1);
            words.iter().all(|word| arguments.next() == Some(word))
        });
        found.unwrap_or_else(|| panic!("no process of {words:?}"))
    }

    /// The slug of the shop in a cell.
    fn slug(&self, cell: usize) -> &str {
        &self.shops[&format!("cell-{cell}")]
    }

    /// What a visitor of the shop in a cell gets.
    async fn status_of(&self, cell: usize) -> u16 {
        let host = format!("{}.localhost", self.slug(cell));
        let visitor = self.platform.visitor(&host);
        visitor.get("/").await.status
    }
}

fn kill(process: u32) {
    let killed = Command::new("kill")
        .args(["-KILL", &process.to_string()])
        .status();
    assert!(killed.unwrap().success());
}

#[tokio::test]
async fn a_cell_that_is_killed_takes_only_its_own_shops_along() {
    let many = Many::start().await;
    for shop in 1..=3 {
        assert_eq!(many.status_of(shop).await, 200);
    }
    let killed = many.process(&["cell", "serve", "cell-2"]);
    kill(killed);
    // As long as it is away, it is said to be, and the others are as they were.
    let mut was_away = false;
    let back = eventually(async || {
        for other in [1, 3] {
            assert_eq!(many.status_of(other).await, 200, "shop-{other}");
        }
        match many.status_of(2).await {
            200 => was_away.then_some(()),
            status => {
                assert!([502, 503].contains(&status), "{status}");
                was_away = true;
                None
            }
        }
    });
    back.await.expect("it is started again");
    assert_ne!(many.process(&["cell", "serve", "cell-2"]), killed);
}

#[tokio::test]
async fn visitors_do_not_need_control() {
    let many = Many::start().await;
    kill(many.process(&["control"]));
    for _ in 0..20 {
        for shop in 1..=3 {
            assert_eq!(many.status_of(shop).await, 200, "shop-{shop}");
        }
    }
    let change = async || {
        let new = json!({"slug": "later", "plan": "basic", "domains": []}).to_string();
        let client = many.platform.operator();
        let path = "/v1/tenants";
        let answer = client
            .try_send(reqwest::Method::POST, path, new)
            .await
            .ok()?;
        (answer.status == 201).then_some(())
    };
    eventually(change).await.expect("control is started again");
}

/// Whoever reaches a cell past the gateways is nobody.
#[tokio::test]
async fn a_cell_believes_nobody_without_keys() {
    let many = Many::start().await;
    let visitor =
        Client::new(&many.cell(1, "shops")).header("host", &format!("{}.localhost", many.slug(1)));
    assert_eq!(visitor.get("/").await.status, 403);
    let forged = visitor.header(
        "tenancy-hop",
        "AQVob3AtMQAAAAEAAgAAAAAAAQAAAAAAAAAAAAAAAAAAAAAA",
    );
    assert_eq!(forged.get("/").await.status, 403);
    // Nor does a gateway pass on what a visitor says under that name.
    let through = many
        .platform
        .visitor(&format!("{}.localhost", many.slug(1)))
        .header("tenancy-hop", "AQVob3AtMQ");
    assert_eq!(through.get("/").await.status, 200);

    let stranger = Client::new(&many.cell(1, "control"));
    let act = json!({"home": {"tenant": 1, "placement": 1}, "act": "empty"}).to_string();
    assert_eq!(stranger.post("/cell/acts", act).await.status, 401);
    assert_eq!(stranger.get("/v1/tenants/1/orders").await.status, 401);
    let operator = many.platform.operator();
    let orders = operator.get("/v1/tenants/1/orders").await;
    assert_eq!(orders.status, 200, "control is believed");
    let token = format!("Bearer {}", many.platform.token());
    let with_token = stranger.header("authorization", &token);
    assert_eq!(
        with_token.get("/v1/tenants/1/orders").await.status,
        401,
        "an operator is not control"
    );
    assert_eq!(
        with_token.get("/healthz").await.status,
        200,
        "probes need nothing"
    );
}

#[tokio::test]
async fn all_processes_end_with_the_one_that_started_them() {
    let many = Many::start().await;
    let processes = many.platform.processes();
    assert_eq!(processes.len(), 1 + 3 + 2 + 1);
    kill(many.platform.process_id());
    let all_ended = eventually(async || {
        // Those whose parent has not looked after them yet are there still, and have no arguments any more.
        let runs = |id: &u32| {
            let line = std::fs::read_to_string(format!("/proc/{id}/cmdline"));
            line.is_ok_and(|line| !line.is_empty())
        };
        (!processes.iter().any(runs)).then_some(())
    });
    assert!(all_ended.await.is_some(), "not in {PATIENCE:?}");
}

/// What the operator was told is so for the next visitor, at every gateway.
#[tokio::test]
async fn what_an_operator_changes_is_seen_by_the_next_visitor() {
    let many = Many::start().await;
    let operator = many.platform.operator();
    for round in 0..10 {
        let (to, expect) = if round % 2 == 0 {
            ("suspended", 403)
        } else {
            ("active", 200)
        };
        let change = json!({"lifecycle": to}).to_string();
        let changed = operator
            .send(
                reqwest::Method::PATCH,
                &format!("/v1/tenants/{}", many.slug(1)),
                change,
            )
            .await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(many.status_of(1).await, expect, "{to}");
    }
    let path = format!("/v1/tenants/{}", many.slug(3));
    let left = operator.send(reqwest::Method::DELETE, &path, String::new());
    assert_eq!(left.await.status, 202);
    assert_eq!(many.status_of(3).await, 410);
}
