//! Everything of one shop in a file.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::{Value, json};

use super::{
    http::Answer,
    offboarding::offboard,
    platform::{Kind, Platform, each_kind, eventually, serve},
};

each_kind!(
    an_export_has_every_table_and_says_what_it_is,
    a_shop_that_is_suspended_or_leaving_is_exported_and_one_that_is_gone_is_not,
    an_export_while_shops_sell_is_of_one_moment,
    an_export_that_is_killed_leaves_no_file_behind,
);

const FILE: &str = "\
Handle,Title,Variant Inventory Qty,Variant Price
lamp,Lamp,40,12
";

/// The entries of a tar of texts.
pub(super) fn entries(tar: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut rest = tar.as_bytes();
    while let Some(header) = rest.get(..512).filter(|header| header[0] != 0) {
        let text = |range: std::ops::Range<usize>| {
            let field = std::str::from_utf8(&header[range]).unwrap();
            field.trim_end_matches('\0').trim().to_owned()
        };
        let size = usize::from_str_radix(&text(124..136), 8).unwrap();
        let content = String::from_utf8(rest[512..512 + size].to_vec()).unwrap();
        all.insert(text(0..100), content);
        rest = &rest[512 + size.next_multiple_of(512)..];
    }
    all
}

pub(super) async fn export(platform: &Platform, shop: &str) -> Answer {
    let path = format!("/v1/tenants/{shop}/export");
    platform.operator().post(&path, String::new()).await
}

/// The rows of each table of a shop.
pub(super) async fn rows(platform: &Platform, shop: &str) -> BTreeMap<String, Vec<Value>> {
    let archive = export(platform, shop).await;
    assert_eq!(archive.status, 200, "{}", archive.body);
    let tables = entries(&archive.body)
        .into_iter()
        .filter_map(|(name, content)| {
            let table = name
                .strip_prefix("tables/")?
                .strip_suffix(".jsonl")?
                .to_owned();
            let rows = content
                .lines()
                .map(|line| serde_json::from_str(line).unwrap());
            Some((table, rows.collect()))
        });
    tables.collect()
}

async fn an_export_has_every_table_and_says_what_it_is(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let new = json!({"slug": "acme", "plan": "basic", "domains": ["acme.example"]});
    platform.make_shop_from(new).await.expect_status(201);
    platform.make_shop("other").await;
    platform.import("acme", FILE).await;
    platform
        .import("other", "Handle,Title,Variant Price\nsecret,Secret,1\n")
        .await;
    let archive = export(&platform, "acme").await;
    assert_eq!(archive.status, 200);
    assert_eq!(archive.header("content-type"), Some("application/x-tar"));
    assert_eq!(
        archive.header("content-disposition"),
        Some("attachment; filename=\"acme.tar\"")
    );
    let length = archive.body.len().to_string();
    assert_eq!(archive.header("content-length"), Some(length.as_str()));
    assert!(
        !archive.body.contains("Secret"),
        "another shop's product is in it"
    );

    let entries = entries(&archive.body);
    let manifest: Value = serde_json::from_str(&entries["manifest.json"]).unwrap();
    assert_eq!(
        (&manifest["tenant_id"], &manifest["epoch"]),
        (&json!(1), &json!("0.2"))
    );
    let about =
        json!({"slug": "acme", "plan": "basic", "region": null, "domains": ["acme.example"]});
    assert_eq!(manifest["about"], about);
    let tables = manifest["tables"].as_array().unwrap();
    for table in tables {
        let name = table["name"].as_str().unwrap();
        let content = &entries[&format!("tables/{name}.jsonl")];
        assert_eq!(table["rows"], content.lines().count(), "{name}");
        assert_eq!(
            table["blake3"],
            blake3::hash(content.as_bytes()).to_string(),
            "{name}"
        );
    }
    let declared = storefront::shop::schema::manifest();
    assert_eq!(tables.len(), declared.tenant_tables().count());
    assert_eq!(entries.len(), tables.len() + 2);
    export(&platform, "nobody")
        .await
        .expect_error(404, "not_found");
}

async fn a_shop_that_is_suspended_or_leaving_is_exported_and_one_that_is_gone_is_not(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import("acme", FILE).await;
    let operator = platform.operator();
    let suspend = json!({"lifecycle": "suspended"});
    operator
        .patch("/v1/tenants/acme", suspend)
        .await
        .expect_status(200);
    assert_eq!(rows(&platform, "acme").await["product"].len(), 1);
    offboard(&operator, "acme").await.expect_status(202);
    assert_eq!(rows(&platform, "acme").await["product"].len(), 1);
    let confirm = json!({"confirm": "acme"}).to_string();
    operator
        .post("/v1/tenants/1/purge", confirm)
        .await
        .expect_status(200);
    export(&platform, "1")
        .await
        .expect_error(410, "tenant_gone");
}

async fn an_export_while_shops_sell_is_of_one_moment(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform.import("acme", &FILE.replace("40", "100000")).await;
    let visitor = platform
        .visitor("acme.localhost")
        .header("content-type", "application/json");
    let shown = visitor.get("/api/products/lamp").await.expect_status(200);
    let lamp = shown["variants"][0]["variant_id"].clone();
    let enough = std::sync::Arc::new(AtomicBool::new(false));
    let buyers = (0..4).map(|_| {
        let (visitor, lamp, enough) = (visitor.clone(), lamp.clone(), enough.clone());
        tokio::spawn(async move {
            while !enough.load(Ordering::Relaxed) {
                let body = json!({
                    "items": [{"variant_id": lamp, "quantity": 1}],
                    "email": "ada@buyer.example", "payment_token": "test",
                });
                let placed = visitor.post("/api/checkout", body.to_string()).await;
                assert!([201, 429, 503].contains(&placed.status), "{}", placed.body);
            }
        })
    });
    let buyers: Vec<_> = buyers.collect();
    let mut orders = Vec::new();
    let met = eventually(async || {
        let rows = rows(&platform, "acme").await;
        check_conserved(&rows);
        orders.push(rows["shop_order"].len());
        let changed = orders.windows(2).filter(|pair| pair[0] != pair[1]);
        // Orders came before, between and after these exports.
        (changed.count() >= 3).then_some(())
    });
    let met = met.await;
    enough.store(true, Ordering::Relaxed);
    for buyer in buyers {
        buyer.await.unwrap();
    }
    met.unwrap_or_else(|| panic!("no export met a buyer: {orders:?}"));
    check_conserved(&rows(&platform, "acme").await);
}

/// Pieces, events and orders of an archive tell the same story.
#[track_caller]
fn check_conserved(rows: &BTreeMap<String, Vec<Value>>) {
    let number = |row: &Value, column: &str| row[column].as_i64().unwrap();
    let stock = &rows["stock"][0];
    let places = ["on_hand", "reserved", "allocated", "sold"].map(|column| number(stock, column));
    assert_eq!(
        places.iter().sum::<i64>(),
        number(stock, "received"),
        "{stock}"
    );
    let last = rows["stock_event"]
        .iter()
        .map(|event| number(event, "seq"))
        .max();
    assert_eq!(
        last,
        Some(number(stock, "seq")),
        "the log ends where the numbers are"
    );
    let of_state = |state: &str| {
        let orders = rows["shop_order"]
            .iter()
            .filter(|order| order["state"] == state);
        i64::try_from(orders.count()).unwrap()
    };
    assert_eq!(
        of_state("pending"),
        places[1],
        "each pending order holds one piece"
    );
    assert_eq!(of_state("paid"), places[2], "each paid order has one piece");
}

/// Whether a process has a file open that is in this folder and has no name there.
fn has_unnamed_file(process: u32, folder: &std::path::Path) -> bool {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let mut targets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    targets.any(|target| {
        let target = target.to_str().unwrap_or_default();
        target.ends_with(" (deleted)") && target.starts_with(folder.to_str().unwrap())
    })
}

async fn an_export_that_is_killed_leaves_no_file_behind(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let count = match kind {
        Kind::Sqlite => 200,
        Kind::Postgres => 80,
    };
    platform.import_many("acme", count).await;
    let names = |folder: &std::path::Path| {
        let files = std::fs::read_dir(folder).unwrap();
        let name = |file: std::io::Result<std::fs::DirEntry>| file.unwrap().file_name();
        let mut names: Vec<_> = files.map(name).collect();
        names.sort();
        names
    };
    let before = names(&platform.data());
    let exporting = {
        let operator = platform.operator();
        tokio::spawn(async move {
            let path = "/v1/tenants/acme/export";
            operator
                .try_send(reqwest::Method::POST, path, String::new())
                .await
        })
    };
    // A file that has no name: the process alone has it.
    let (processes, data) = (platform.processes(), platform.data());
    let begun = eventually(async || {
        assert!(!exporting.is_finished(), "it was over before it was seen");
        let mut processes = processes.iter();
        processes
            .any(|process| has_unnamed_file(*process, &data))
            .then_some(())
    });
    begun.await.expect("the export begins");
    let (_, folder) = platform.stop("-KILL");
    assert!(
        exporting.await.unwrap().is_err(),
        "it was not killed in time"
    );
    assert_eq!(names(folder.path()), before);
    let mut process = serve(folder.path(), &["--no-demo"]).spawn().unwrap();
    process.kill().unwrap();
    process.wait().unwrap();
}
