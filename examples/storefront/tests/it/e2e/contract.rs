//! What scripts rely on.

use std::time::{Duration, Instant};

use serde_json::json;

use super::platform::{Folder, Kind, Platform, Start, each_kind};

each_kind!(
    a_shop_is_made_listed_changed_and_visited,
    suspending_and_resuming_change_the_epoch_and_take_effect_at_once,
    domains_and_plan_change_in_one_step_or_not_at_all,
    the_same_key_and_request_give_the_same_answer,
);

async fn a_shop_is_made_listed_changed_and_visited(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let new =
        json!({"slug": "acme", "plan": "basic", "domains": ["Shop.Example.", "bücher.example"]});
    #[expect(
        clippy::disallowed_methods,
        reason = "the time that passes outside is what the answer is compared with"
    )]
    let start = Instant::now();
    let made = platform.make_shop_from(new).await.expect_status(201);
    let took = start.elapsed();
    assert_eq!(made["tenant_id"], 1);
    assert_eq!(made["slug"], "acme");
    assert_eq!(made["lifecycle"], "active");
    assert_eq!(made["epoch"], "0.2");
    assert!(
        made["cell"].as_str().unwrap().starts_with("cell-"),
        "{made}"
    );
    let told = Duration::from_millis(made["provisioned_ms"].as_u64().unwrap());
    assert!(told <= took, "{made} in {took:?}");
    let port = platform.shops.rsplit_once(':').unwrap().1;
    let urls = ["acme.localhost", "shop.example", "xn--bcher-kva.example"]
        .map(|host| format!("http://{host}:{port}"));
    assert_eq!(made["urls"], json!(urls));

    for host in ["acme.localhost", "SHOP.example", "xn--bcher-kva.example:80"] {
        assert_eq!(platform.visitor(host).get("/").await.status, 200, "{host}");
    }

    let operator = platform.operator();
    let by_number = operator.get("/v1/tenants/1").await.expect_status(200);
    let by_slug = operator.get("/v1/tenants/acme").await.expect_status(200);
    assert_eq!(by_number, by_slug);
    operator
        .get("/v1/tenants/nobody")
        .await
        .expect_error(404, "not_found");

    platform.make_shop("second").await;
    let page = operator.get("/v1/tenants?limit=1").await.expect_status(200);
    assert_eq!(
        (page["tenants"].as_array().unwrap().len(), &page["next"]),
        (1, &json!(1))
    );
    let page = operator
        .get("/v1/tenants?limit=100&after=1")
        .await
        .expect_status(200);
    assert_eq!(
        (page["tenants"][0]["slug"].as_str(), &page["next"]),
        (Some("second"), &json!(null))
    );

    let cells = operator.get("/v1/cells").await.expect_status(200);
    let tenants: u64 = cells["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| cell["tenants"].as_u64().unwrap())
        .sum();
    assert_eq!(
        (cells["cells"].as_array().unwrap().len(), tenants),
        (kind.cells(), 2)
    );
}

async fn suspending_and_resuming_change_the_epoch_and_take_effect_at_once(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let (operator, visitor) = (platform.operator(), platform.visitor("acme.localhost"));

    let suspended = operator
        .patch("/v1/tenants/acme", json!({"lifecycle": "suspended"}))
        .await
        .expect_status(200);
    assert_eq!(
        (&suspended["lifecycle"], &suspended["epoch"]),
        (&json!("suspended"), &json!("0.3"))
    );
    visitor.get("/").await.expect_error(403, "tenant_suspended");
    let csv = "Handle,Title,Variant Price\na,A,1\n";
    let import = operator
        .post("/v1/tenants/acme/import", csv.to_owned())
        .await;
    import.expect_error(403, "tenant_suspended");

    let again = operator
        .patch("/v1/tenants/acme", json!({"lifecycle": "suspended"}))
        .await
        .expect_status(200);
    assert_eq!(again["epoch"], "0.3", "what is so already changes nothing");

    let resumed = operator
        .patch("/v1/tenants/acme", json!({"lifecycle": "active"}))
        .await
        .expect_status(200);
    assert_eq!(resumed["epoch"], "0.4");
    assert_eq!(visitor.get("/").await.status, 200);
    assert_eq!(platform.import("acme", csv).await["created"], 1);
}

async fn domains_and_plan_change_in_one_step_or_not_at_all(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    platform
        .make_shop_from(json!({"slug": "other", "plan": "basic", "domains": ["other.example"]}))
        .await
        .expect_status(201);
    let operator = platform.operator();

    let change = json!({"plan": "enterprise", "add_domains": ["acme.example"]});
    let changed = operator
        .patch("/v1/tenants/acme", change)
        .await
        .expect_status(200);
    assert_eq!(
        (&changed["plan"], &changed["domains"]),
        (&json!("enterprise"), &json!(["acme.example"]))
    );
    assert_eq!(platform.visitor("acme.example").get("/").await.status, 200);

    let clash = json!({"plan": "basic", "add_domains": ["new.example", "other.example"]});
    let message = operator
        .patch("/v1/tenants/acme", clash)
        .await
        .expect_error(409, "domain_taken");
    assert!(
        message.contains("other.example") && !message.contains("tenant 2"),
        "{message}"
    );
    let after = operator.get("/v1/tenants/acme").await.expect_status(200);
    assert_eq!(
        (&after["plan"], &after["domains"]),
        (&json!("enterprise"), &json!(["acme.example"]))
    );

    operator
        .patch(
            "/v1/tenants/acme",
            json!({"remove_domains": ["acme.example"]}),
        )
        .await
        .expect_status(200);
    platform
        .visitor("acme.example")
        .get("/")
        .await
        .expect_error(404, "unknown_domain");
}

async fn the_same_key_and_request_give_the_same_answer(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let operator = platform.operator().header("idempotency-key", "sign-up-7");
    let request = json!({"slug": "acme", "plan": "basic", "domains": []}).to_string();
    let first = operator
        .post("/v1/tenants", request.clone())
        .await
        .expect_status(201);
    let second = operator
        .post("/v1/tenants", request)
        .await
        .expect_status(201);
    assert_eq!(first, second);
    let other = json!({"slug": "other", "plan": "basic", "domains": []}).to_string();
    operator
        .post("/v1/tenants", other)
        .await
        .expect_error(422, "idempotency_mismatch");

    // A refusal is an answer, too.
    let taken = json!({"slug": "acme", "plan": "professional", "domains": []}).to_string();
    let refused = platform.operator().header("idempotency-key", "sign-up-8");
    refused
        .post("/v1/tenants", taken.clone())
        .await
        .expect_error(409, "slug_taken");
    refused
        .post("/v1/tenants", taken)
        .await
        .expect_error(409, "slug_taken");

    let csv = "Handle,Title,Variant Price\na,A,1\n";
    let import = platform.operator().header("idempotency-key", "import-1");
    let first = import
        .post("/v1/tenants/acme/import", csv.to_owned())
        .await
        .expect_status(200);
    assert_eq!(first["created"], 1);
    assert_eq!(
        import
            .post("/v1/tenants/acme/import", csv.to_owned())
            .await
            .expect_status(200),
        first
    );
    let changed = csv.replace(",1", ",2");
    import
        .post("/v1/tenants/acme/import", changed)
        .await
        .expect_error(422, "idempotency_mismatch");
}

#[tokio::test]
async fn operators_need_the_token_and_probes_do_not() {
    let platform = Platform::empty();
    let stranger = super::http::Client::new(&platform.ops);
    stranger
        .get("/v1/tenants")
        .await
        .expect_error(401, "unauthorized");
    for wrong in ["Bearer", "Bearer wrong", "Basic abc", platform.token()] {
        let client = stranger.clone().header("authorization", wrong);
        client
            .get("/v1/tenants")
            .await
            .expect_error(401, "unauthorized");
        client
            .post("/v1/tenants", "{}".to_owned())
            .await
            .expect_error(401, "unauthorized");
    }
    assert_eq!(stranger.get("/healthz").await.status, 200);
    assert_eq!(stranger.get("/readyz").await.status, 200);
    assert!(
        stranger
            .get("/metrics")
            .await
            .body
            .contains("storefront_cell_tenants")
    );
    let description = stranger.get("/openapi.json").await.expect_status(200);
    let mut paths: Vec<_> = description["paths"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    paths.sort();
    let expect = [
        "/debug/routes",
        "/healthz",
        "/metrics",
        "/readyz",
        "/v1/archives",
        "/v1/audit",
        "/v1/cells",
        "/v1/directory",
        "/v1/directory/compact",
        "/v1/tenants",
        "/v1/tenants/{tenant}",
        "/v1/tenants/{tenant}/archive",
        "/v1/tenants/{tenant}/export",
        "/v1/tenants/{tenant}/import",
        "/v1/tenants/{tenant}/orders",
        "/v1/tenants/{tenant}/orders/{order}",
        "/v1/tenants/{tenant}/orders/{order}/cancel",
        "/v1/tenants/{tenant}/orders/{order}/fulfil",
        "/v1/tenants/{tenant}/orders/{order}/refund",
        "/v1/tenants/{tenant}/products",
        "/v1/tenants/{tenant}/products/{handle}",
        "/v1/tenants/{tenant}/purge",
        "/v1/tenants/{tenant}/receipt",
        "/v1/tenants/{tenant}/stock",
        "/v1/tenants/{tenant}/stock/check",
        "/v1/tenants/{tenant}/stock/rebuild",
        "/v1/tenants/{tenant}/stock/{variant}",
        "/v1/tenants/{tenant}/stock/{variant}/events",
        "/v1/tenants/{tenant}/undo",
    ];
    assert_eq!(paths, expect);

    let mode = std::os::unix::fs::MetadataExt::mode(
        &platform.data().join("operator.token").metadata().unwrap(),
    );
    assert_eq!(mode & 0o777, 0o600);
    // The operators' addresses are not on the shops' listener, whatever the host.
    platform
        .visitor(&platform.shops)
        .get("/v1/tenants")
        .await
        .expect_error(404, "unknown_domain");
}

#[tokio::test]
async fn a_shop_that_asks_too_fast_is_told_when_to_come_back() {
    let folder = Folder::new();
    let plans = folder.path().join("plans.toml");
    let plan = "[[plan]]\nname = \"basic\"\nrate = 1\nburst = 5\nconcurrency = 8\nconnections = 2\nstatement_timeout_ms = 1000\n";
    std::fs::write(&plans, plan).unwrap();
    let arguments = ["--no-demo", "--plans", plans.to_str().unwrap()];
    let platform = Platform::start(Start {
        folder,
        arguments: &arguments,
    });
    platform.make_shop("busy").await;
    platform.make_shop("quiet").await;

    let visitor = platform.visitor("busy.localhost");
    let mut refused = None;
    for _ in 0..50 {
        let answer = visitor.get("/api/products").await;
        if answer.status != 200 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("fifty requests at once are more than five");
    refused.expect_error(429, "rate_limited");
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.header("ratelimit").is_some() && refused.header("ratelimit-policy").is_some());
    assert_eq!(
        platform.visitor("quiet.localhost").get("/").await.status,
        200,
        "a neighbour is not limited"
    );

    let more = json!({"plan": "enterprise"});
    platform
        .operator()
        .patch("/v1/tenants/busy", more)
        .await
        .expect_error(400, "invalid_request");
}
