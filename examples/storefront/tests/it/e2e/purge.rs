//! Purges: nothing is left, whatever happens meanwhile, and it is proven.

use std::{path::Path, process::Command};

use serde_json::{Value, json};

use super::{
    http::{Answer, Client},
    offboarding::{offboard, undo},
    platform::{Folder, Kind, Platform, Start, each_kind, eventually, soon},
};

each_kind!(
    a_shop_is_purged_by_itself_when_its_time_is_over,
    an_undo_and_a_purge_that_meet_end_in_a_whole_shop_or_in_none,
    two_purges_at_once_are_one_purge,
    a_purge_that_is_killed_is_gone_on_with_by_itself,
);

/// Texts that no other shop, and no part of the program, has.
const MARKS: [&str; 5] = [
    "quokkashop",
    "wombatdomain",
    "Numbat lantern",
    "bilby-handle",
    "platypus.buyer",
];

const FILE: &str = "\
Handle,Title,Tags,Variant Inventory Qty,Variant Price
bilby-handle,Numbat lantern,\"one, two\",5,12
";

pub(super) async fn purge(operator: &Client, shop: &str, confirm: &str) -> Answer {
    let path = format!("/v1/tenants/{shop}/purge");
    let body = json!({ "confirm": confirm }).to_string();
    operator.post(&path, body).await
}

/// A shop that has all the marks: a slug, a domain, a product, an order, recorded answers.
async fn marked_shop(platform: &Platform) {
    let new =
        json!({"slug": MARKS[0], "plan": "basic", "domains": [format!("{}.example", MARKS[1])]});
    platform.make_shop_from(new).await.expect_status(201);
    platform.import(MARKS[0], FILE).await;
    let visitor = platform.visitor(&format!("{}.localhost", MARKS[0]));
    let shown = visitor
        .get("/api/products/bilby-handle")
        .await
        .expect_status(200);
    let body = json!({
        "items": [{"variant_id": shown["variants"][0]["variant_id"], "quantity": 1}],
        "email": format!("{}@buyer.example", MARKS[4]), "payment_token": "test",
    });
    let visitor = visitor.header("content-type", "application/json");
    let placed = visitor.post("/api/checkout", body.to_string()).await;
    placed.expect_status(201);
}

/// Waits until the worker has purged a shop by itself.
async fn receipt(operator: &Client, shop: &str) {
    let purged = eventually(async || {
        let receipt = operator.get(&format!("{shop}/receipt")).await;
        (receipt.status == 200).then_some(())
    });
    purged.await.expect("the worker goes on by itself");
}

/// Which marks are in which files of the folder.
fn marks_in(folder: &Path) -> Vec<(String, &'static str)> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            found.extend(marks_in(&path));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let has = |mark: &&&str| {
            let mark = mark.as_bytes();
            bytes
                .windows(mark.len())
                .any(|window| window.eq_ignore_ascii_case(mark))
        };
        found.extend(MARKS.iter().filter(has).map(|mark| (name.clone(), *mark)));
    }
    found
}

#[tokio::test]
async fn nothing_is_left_of_a_purged_shop_but_numbers() {
    let platform = Platform::empty();
    platform.make_shop("other").await;
    platform
        .import("other", "Handle,Title,Variant Price\nlamp,Lamp,1\n")
        .await;
    marked_shop(&platform).await;
    let taken = json!({"slug": MARKS[0], "plan": "basic"}).to_string();
    let refused = platform.operator().header("idempotency-key", "refused");
    let refused = refused.post("/v1/tenants", taken).await;
    let message = refused.expect_error(409, "slug_taken");
    assert!(message.contains(MARKS[0]), "{message}");
    let before = marks_in(&platform.data());
    for mark in MARKS {
        assert!(
            before.iter().any(|(_, found)| *found == mark),
            "{mark} is nowhere: {before:?}"
        );
    }
    let (operator, slug) = (platform.operator(), MARKS[0]);
    let host = format!("{}.example", MARKS[1]);

    purge(&operator, slug, slug)
        .await
        .expect_error(409, "transition_rejected");
    offboard(&operator, slug).await.expect_status(202);
    let message = purge(&operator, slug, "other")
        .await
        .expect_error(400, "invalid_request");
    assert!(message.contains(slug), "{message}");
    operator
        .get(&format!("/v1/tenants/{slug}/receipt"))
        .await
        .expect_error(404, "not_found");
    platform
        .visitor(&host)
        .get("/")
        .await
        .expect_error(410, "tenant_gone");

    let receipt = purge(&operator, slug, slug).await.expect_status(200);
    assert_eq!(
        (&receipt["tenant_id"], &receipt["epoch"]),
        (&json!(2), &json!("0.5"))
    );
    let rows = &receipt["rows"];
    assert_eq!(
        (&rows["product"], &rows["shop_order"]),
        (&json!(1), &json!(1)),
        "{receipt}"
    );
    assert_eq!(rows["stock_event"], 3, "{receipt}");
    platform
        .visitor(&host)
        .get("/")
        .await
        .expect_error(404, "unknown_domain");
    operator
        .get(&format!("/v1/tenants/{slug}"))
        .await
        .expect_error(404, "not_found");
    for again in [
        purge(&operator, "2", "whatever").await,
        operator.get("/v1/tenants/2/receipt").await,
    ] {
        assert_eq!(again.expect_status(200), receipt);
    }
    let shop = operator.get("/v1/tenants/2").await.expect_status(200);
    assert_eq!(
        (&shop["lifecycle"], &shop["slug"]),
        (&json!("gone"), &Value::Null)
    );
    offboard(&operator, "2")
        .await
        .expect_error(410, "tenant_gone");
    undo(&operator, "2")
        .await
        .expect_error(409, "transition_rejected");

    assert_eq!(marks_in(&platform.data()), []);
    let other = platform
        .visitor("other.localhost")
        .get("/products/lamp")
        .await;
    assert_eq!(other.status, 200, "a neighbour keeps everything");
    // Slug and domain are free, and the new shop is another one.
    marked_shop(&platform).await;
    let again = operator
        .get(&format!("/v1/tenants/{slug}"))
        .await
        .expect_status(200);
    assert_eq!(again["tenant_id"], 3);
    let (_, folder) = platform.stop("-KILL");
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    let kept = platform.operator().get("/v1/tenants/2/receipt").await;
    assert_eq!(kept.expect_status(200), receipt);
}

async fn a_purge_that_is_killed_is_gone_on_with_by_itself(kind: Kind) {
    let arguments = &["--no-demo", "--rest-seconds", "1"];
    let mut folder = Folder::of(kind).await;
    let mut products = "Handle,Title,Variant Price\n".to_owned();
    // So many that the process is killed before all are deleted, and so few that they are imported in time.
    let count = match kind {
        Kind::Sqlite => 250,
        Kind::Postgres => 80,
    };
    for number in 0..count {
        products += &format!("p-{number},{} {number},1\n", MARKS[2]);
    }
    let mut unfinished = 0;
    for round in 0..3_u32 {
        let platform = Platform::start(Start { folder, arguments });
        let slug = format!("{}-{round}", MARKS[0]);
        let shop = platform.make_shop(&slug).await["tenant_id"].to_string();
        platform.import(&slug, &products).await;
        let operator = platform.operator();
        offboard(&operator, &slug).await.expect_status(202);
        let purging = {
            let (operator, slug) = (operator.clone(), slug.clone());
            let body = json!({"confirm": slug}).to_string();
            tokio::spawn(async move {
                let path = format!("/v1/tenants/{slug}/purge");
                operator.try_send(reqwest::Method::POST, &path, body).await
            })
        };
        // Past the point of no return, and then anywhere in what follows: the moment of the kill is what the case
        // is about; nothing is waited for.
        let path = format!("/v1/tenants/{shop}");
        let begun = async {
            while operator.get(&path).await.expect_status(200)["lifecycle"] == "offboarding" {}
        };
        soon("the purge begins", begun).await;
        let moment = fastrand::u64(0..20_000) * u64::from(round) / 2;
        tokio::time::sleep(std::time::Duration::from_micros(moment)).await;
        Command::new("kill")
            .args(["-KILL", &platform.process_id().to_string()])
            .status()
            .unwrap();
        unfinished += u32::from(purging.await.unwrap().is_err());
        folder = platform.stop("-KILL").1;

        let platform = Platform::start(Start { folder, arguments });
        let operator = platform.operator();
        let shown = operator.get(&path).await.expect_status(200);
        assert_ne!(shown["lifecycle"], "offboarding", "there is no way back");
        receipt(&operator, &path).await;
        assert_eq!(marks_in(&platform.data()), [], "round {round}");
        folder = platform.stop("-TERM").1;
    }
    // The first one is killed as soon as it is past that point: the rest of it is hundreds of rows.
    assert!(unfinished > 0, "no purge was killed before it had ended");
}

async fn a_shop_is_purged_by_itself_when_its_time_is_over(kind: Kind) {
    let arguments = &["--no-demo", "--grace-days", "0", "--rest-seconds", "1"];
    let platform = Platform::start(Start {
        folder: Folder::of(kind).await,
        arguments,
    });
    marked_shop(&platform).await;
    let operator = platform.operator();
    offboard(&operator, MARKS[0]).await.expect_status(202);
    receipt(&operator, "/v1/tenants/1").await;
    let entries = operator.get("/v1/audit?tenant=1").await.expect_status(200);
    let entries = entries["entries"].as_array().unwrap();
    let by_itself = entries.iter().find(|entry| entry["operator"] == "platform");
    let by_itself = by_itself.expect("what the platform does is recorded, too");
    assert_eq!(by_itself["action"], "purge");
}

async fn an_undo_and_a_purge_that_meet_end_in_a_whole_shop_or_in_none(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let operator = platform.operator();
    for round in 1..=6 {
        let slug = format!("shop-{round}");
        platform.make_shop(&slug).await;
        platform.import(&slug, FILE).await;
        offboard(&operator, &slug).await.expect_status(202);
        let id = round.to_string();
        let both = tokio::join!(undo(&operator, &id), purge(&operator, &id, &slug));
        let (undone, purged) = (both.0.status, both.1.status);
        let shop = operator
            .get(&format!("/v1/tenants/{id}"))
            .await
            .expect_status(200);
        match (undone, purged) {
            (200, 409) => {
                assert_eq!(shop["lifecycle"], "suspended");
                let product = format!("/v1/tenants/{id}/products/bilby-handle");
                assert_eq!(
                    operator.get(&product).await.status,
                    200,
                    "all of it is there"
                );
            }
            (409 | 404, 200) => assert_eq!(shop["lifecycle"], "gone"),
            other => panic!("{other:?}: {} {}", both.0.body, both.1.body),
        }
    }
}

async fn two_purges_at_once_are_one_purge(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    marked_shop(&platform).await;
    let operator = platform.operator();
    offboard(&operator, "1").await.expect_status(202);
    let slug = MARKS[0];
    let both = tokio::join!(purge(&operator, "1", slug), purge(&operator, "1", slug));
    let first = both.0.expect_status(200);
    assert_eq!(both.1.expect_status(200), first);
}
