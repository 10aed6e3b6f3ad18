//! What operators do is recorded, whichever address it goes to, and outlives a crash.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::{
    http::Client,
    platform::{Folder, Kind, Platform, Start, each_kind, soon},
};

each_kind!(
    every_address_that_changes_something_leaves_an_entry_with_its_status,
    an_entry_names_tenants_by_number_and_no_name_at_all,
    an_act_that_a_crash_interrupts_has_an_entry_without_a_status,
    an_act_whose_client_goes_away_has_its_status,
);

async fn entries(platform: &Platform, query: &str) -> Vec<Value> {
    let path = format!("/v1/audit?{query}");
    let page = platform.operator().get(&path).await.expect_status(200);
    page["entries"].as_array().unwrap().clone()
}

/// Method and path of all that the description has below `/v1`, parameters filled in with what is nowhere.
async fn described(platform: &Platform) -> Vec<(Method, String, String)> {
    let description = Client::new(&platform.ops).get("/openapi.json").await.json();
    let mut all = Vec::new();
    for (path, operations) in description["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            let segments = path.split('/').map(|segment| match segment {
                "{tenant}" => "987654",
                segment if segment.starts_with('{') => "5",
                segment => segment,
            });
            let filled = segments.collect::<Vec<_>>().join("/");
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            all.push((method, path.clone(), filled));
        }
    }
    all.retain(|(_, path, _)| path.starts_with("/v1"));
    all
}

async fn every_address_that_changes_something_leaves_an_entry_with_its_status(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let operator = platform.operator();
    let mut methods = BTreeSet::new();
    for (method, path, filled) in described(&platform).await {
        methods.insert(method.to_string());
        let before = entries(&platform, "limit=1000").await.len();
        let answer = operator.send(method.clone(), &filled, "{}".to_owned());
        let status = answer.await.status;
        let stranger = Client::new(&platform.ops);
        let refused = stranger.send(method.clone(), &filled, "{}".to_owned());
        assert_eq!(refused.await.status, 401, "{method} {path}");
        let after = entries(&platform, "limit=1000").await;
        // What only looks leaves none, and neither does who is not let in.
        if method == Method::GET {
            assert_eq!(after.len(), before, "{method} {path}");
            continue;
        }
        assert_eq!(after.len(), before + 1, "{method} {path}");
        let entry = after.last().unwrap();
        assert_eq!(entry["action"], format!("{method} {path}"));
        assert_eq!(entry["status"], status, "{entry}");
        let tenant = path.contains("{tenant}").then_some(987_654);
        assert_eq!(entry["tenant_id"], json!(tenant), "{entry}");
        let by = entry["operator"].as_str().unwrap();
        assert!(by.starts_with("operator-") && by.len() == 17, "{entry}");
        assert!(!platform.token().contains(&by[9..]), "a piece of the token");
    }
    assert!(
        methods.contains("POST") && methods.contains("PUT"),
        "{methods:?}"
    );
}

async fn an_entry_names_tenants_by_number_and_no_name_at_all(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let new = json!({"slug": "acme", "plan": "basic", "domains": ["acme.example"]});
    platform.make_shop_from(new).await.expect_status(201);
    platform.make_shop("other").await;
    platform
        .import("acme", "Handle,Title,Variant Price\nlamp,Lamp,1\n")
        .await;
    let operator = platform.operator();
    let change =
        json!({"plan": "enterprise", "add_domains": ["new.example"], "lifecycle": "suspended"});
    operator
        .patch("/v1/tenants/acme", change)
        .await
        .expect_status(200);
    let lamp = "/v1/tenants/acme/products/lamp";
    let remove = operator.send(Method::DELETE, lamp, String::new());
    assert_eq!(remove.await.status, 403, "it is suspended");

    let of_acme = entries(&platform, "tenant=1").await;
    let told = of_acme.iter().map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap().to_owned();
        (
            text("action"),
            text("detail"),
            entry["status"].as_i64().unwrap(),
        )
    });
    let expect = [
        ("POST /v1/tenants", "", 201),
        ("POST /v1/tenants/{tenant}/import", "", 200),
        (
            "PATCH /v1/tenants/{tenant}",
            "lifecycle=suspended plan=enterprise domains_added=1",
            200,
        ),
        ("DELETE /v1/tenants/{tenant}/products/{handle}", "", 403),
    ];
    let expect =
        expect.map(|(action, detail, status)| (action.to_owned(), detail.to_owned(), status));
    assert_eq!(told.collect::<Vec<_>>(), expect);
    let all = Value::from(entries(&platform, "limit=1000").await).to_string();
    for name in ["acme", "example", "lamp", "other"] {
        assert!(!all.contains(name), "{name} in {all}");
    }

    let first = operator.get("/v1/audit?limit=2").await.expect_status(200);
    let next = first["next"].as_i64().unwrap();
    let rest = entries(&platform, &format!("after={next}")).await;
    assert_eq!(first["entries"].as_array().unwrap().len() + rest.len(), 5);
    for wrong in ["limit=0", "tenant=0", "tenant=acme", "who=me"] {
        let refused = operator.get(&format!("/v1/audit?{wrong}")).await;
        refused.expect_error(400, "invalid_request");
    }
}

/// Begins an import and does not end it; returns when it is in the audit log.
async fn import_without_end(platform: &Platform) -> TcpStream {
    let mut stream = TcpStream::connect(&platform.ops).await.unwrap();
    let head = format!(
        "POST /v1/tenants/1/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 1000\r\n\r\nHandle",
        platform.token()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = async { while entries(platform, "tenant=1").await.len() < 2 {} };
    soon("the act is recorded", begun).await;
    stream
}

async fn an_act_that_a_crash_interrupts_has_an_entry_without_a_status(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let _importing = import_without_end(&platform).await;
    let arguments = &["--no-demo"];
    let (_, folder) = platform.stop("-KILL");
    let platform = Platform::start(Start { folder, arguments });
    let found = entries(&platform, "tenant=1").await;
    assert_eq!(found[1]["action"], "POST /v1/tenants/{tenant}/import");
    assert_eq!(
        (&found[0]["status"], &found[1]["status"]),
        (&json!(201), &json!(null))
    );
}

async fn an_act_whose_client_goes_away_has_its_status(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    drop(import_without_end(&platform).await);
    let ended = async { while entries(&platform, "tenant=1").await[1]["status"] != 400 {} };
    soon("the act gets its status", ended).await;
}

#[tokio::test]
async fn answers_that_were_recorded_before_there_was_an_audit_log_are_found_again() {
    let folder = Folder::new();
    let path = folder.path().join("control.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true);
    let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
    let body = json!({"slug": "acme", "plan": "basic", "domains": []}).to_string();
    let asked =
        storefront::ops::Fingerprint::new("POST /v1/tenants", blake3::hash(body.as_bytes()));
    sqlx::raw_sql(
        "create table idempotency (
            key text primary key, fingerprint blob not null, status integer not null, body text not null,
            created integer not null
         ) strict, without rowid",
    )
    .execute(&pool)
    .await
    .unwrap();
    sqlx::query("insert into idempotency values ('old', $1, 201, '{\"tenant_id\":77}', $2)")
        .bind(asked.as_bytes().as_slice())
        .bind(i64::MAX)
        .execute(&pool)
        .await
        .unwrap();
    pool.close().await;
    let arguments = &["--no-demo"];
    let platform = Platform::start(Start { folder, arguments });
    let operator = platform.operator().header("idempotency-key", "old");
    let answer = operator.post("/v1/tenants", body).await.expect_status(201);
    assert_eq!(answer["tenant_id"], 77);
    assert_eq!(entries(&platform, "tenant=77").await.len(), 1);
}
