//! The route table, looked into while it is used.

use serde_json::{Value, json};

use super::platform::{Kind, Platform, each_kind};

each_kind!(a_host_leads_where_its_visitors_get);

async fn a_host_leads_where_its_visitors_get(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let new = json!({"slug": "acme", "plan": "basic", "domains": ["shop.example"]});
    platform.make_shop_from(new).await.expect_status(201);
    let operator = platform.operator();
    let look = async |host: &str| {
        let path = format!("/debug/routes?host={host}");
        operator.get(&path).await.expect_status(200)
    };
    for host in ["acme.localhost", "ACME.localhost.:80", "shop.example"] {
        let found = look(host).await;
        let route = &found["host"];
        assert_eq!(route["tenant"], 1, "{host}: {found}");
        assert_eq!(route["lifecycle"], "active");
        assert_eq!(route["epoch"], "0.2");
        assert_eq!(route["moving"], false);
        assert_eq!(found["contact"], "live");
        assert_eq!((&found["tenants"], &found["names"]), (&json!(1), &json!(2)));
    }
    let probes = |found: &Value| {
        let probes = found["host"]["probes"].as_array().unwrap().clone();
        let name = |probe: &Value| format!("{} {}", probe["name"], probe["finding"]);
        probes.iter().map(name).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(
        probes(&look("acme.localhost").await),
        r#""acme" "tenant", "acme.localhost" "unknown""#
    );
    let unknown = look("nobody.example").await;
    assert_eq!(unknown["host"]["tenant"], json!(null));
    assert_eq!(probes(&unknown), r#""nobody.example" "unknown""#);

    let change = json!({"remove_domains": ["shop.example"]});
    let changed = operator.patch("/v1/tenants/acme", change).await;
    changed.expect_status(200);
    let removed = look("shop.example").await;
    assert_eq!(probes(&removed), r#""shop.example" "removed""#);
    let visitor = platform.visitor("shop.example");
    visitor.get("/").await.expect_error(404, "unknown_domain");

    let malformed = operator.get("/debug/routes?host=a%20b").await;
    malformed.expect_error(400, "invalid_request");
    let stranger = super::http::Client::new(&platform.ops);
    let refused = stranger.get("/debug/routes").await;
    refused.expect_error(401, "unauthorized");
    let elsewhere = platform.visitor("acme.localhost");
    let elsewhere = elsewhere.get("/debug/routes").await;
    assert_eq!(elsewhere.status, 404, "not on the shops' listener");
}
