//! Shops that leave: a time of grace, an undo, and the purge.

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    http::{Answer, Client},
    platform::{Folder, Kind, Platform, Start, each_kind},
};

each_kind!(
    a_shop_that_leaves_is_gone_for_visitors_and_an_undo_brings_it_back,
    the_time_of_grace_outlives_a_crash_and_a_new_setting,
    an_undo_and_a_departure_that_meet_end_in_one_of_both,
);

pub(super) async fn offboard(operator: &Client, shop: &str) -> Answer {
    let path = format!("/v1/tenants/{shop}");
    operator.send(Method::DELETE, &path, String::new()).await
}

pub(super) async fn undo(operator: &Client, shop: &str) -> Answer {
    let path = format!("/v1/tenants/{shop}/undo");
    operator.post(&path, String::new()).await
}

fn now() -> i64 {
    tenancy_types::Clock::unix(&tenancy_types::SystemClock).get()
}

const DAY: i64 = 24 * 3600 * 1_000_000;

async fn a_shop_that_leaves_is_gone_for_visitors_and_an_undo_brings_it_back(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let csv = "Handle,Title,Variant Price\nlamp,Lamp,1\n";
    platform.import("acme", csv).await;
    let (operator, visitor) = (platform.operator(), platform.visitor("acme.localhost"));

    let before = now();
    let left = offboard(&operator, "acme").await.expect_status(202);
    assert_eq!(left["lifecycle"], "offboarding");
    let purge_after = left["purge_after"].as_i64().unwrap();
    assert!((before + 30 * DAY..=now() + 30 * DAY).contains(&purge_after));
    visitor.get("/").await.expect_error(410, "tenant_gone");
    // Everything is there, to look at.
    let product = operator.get("/v1/tenants/acme/products/lamp").await;
    assert_eq!(product.expect_status(200)["product"]["title"], "Lamp");
    let import = operator
        .post("/v1/tenants/acme/import", csv.to_owned())
        .await;
    import.expect_error(403, "tenant_suspended");
    // Only an undo keeps it.
    let resume = json!({"lifecycle": "active"});
    for lifecycle in [&resume, &json!({"lifecycle": "suspended"})] {
        let patch = operator.patch("/v1/tenants/acme", lifecycle.clone()).await;
        patch.expect_error(409, "transition_rejected");
    }
    let again = offboard(&operator, "acme").await.expect_status(202);
    assert_eq!(
        (&again["purge_after"], &again["epoch"]),
        (&left["purge_after"], &left["epoch"])
    );

    let kept = undo(&operator, "acme").await.expect_status(200);
    assert_eq!(
        (&kept["lifecycle"], &kept["purge_after"]),
        (&json!("suspended"), &Value::Null)
    );
    assert_eq!(undo(&operator, "acme").await.expect_status(200), kept);
    operator
        .patch("/v1/tenants/acme", resume)
        .await
        .expect_status(200);
    assert_eq!(visitor.get("/products/lamp").await.status, 200);
    undo(&operator, "acme")
        .await
        .expect_error(409, "transition_rejected");

    // The second time it leaves, the time begins anew.
    let later = offboard(&operator, "acme").await.expect_status(202);
    assert!(later["purge_after"].as_i64().unwrap() > purge_after);
    offboard(&operator, "nobody")
        .await
        .expect_error(404, "not_found");
    undo(&operator, "99").await.expect_error(404, "not_found");
}

async fn the_time_of_grace_outlives_a_crash_and_a_new_setting(kind: Kind) {
    let arguments = &["--no-demo", "--grace-days", "2"];
    let platform = Platform::start(Start {
        folder: Folder::of(kind).await,
        arguments,
    });
    platform.make_shop("acme").await;
    let left = offboard(&platform.operator(), "acme")
        .await
        .expect_status(202);
    let (_, folder) = platform.stop("-KILL");
    let arguments = &["--no-demo", "--grace-days", "9"];
    let platform = Platform::start(Start { folder, arguments });
    let shown = platform
        .operator()
        .get("/v1/tenants/acme")
        .await
        .expect_status(200);
    for field in ["lifecycle", "purge_after", "epoch"] {
        assert_eq!(shown[field], left[field], "{field}");
    }
    platform
        .visitor("acme.localhost")
        .get("/")
        .await
        .expect_error(410, "tenant_gone");
}

async fn an_undo_and_a_departure_that_meet_end_in_one_of_both(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    let operator = platform.operator();
    for _ in 0..12 {
        offboard(&operator, "acme").await.expect_status(202);
        let both = tokio::join!(undo(&operator, "acme"), offboard(&operator, "acme"));
        assert!([200, 409].contains(&both.0.status), "{}", both.0.body);
        assert!([202, 409].contains(&both.1.status), "{}", both.1.body);
        let shop = operator.get("/v1/tenants/acme").await.expect_status(200);
        let leaving = shop["lifecycle"] == "offboarding";
        assert!(leaving || shop["lifecycle"] == "suspended", "{shop}");
        assert_eq!(
            shop["purge_after"].is_i64(),
            leaving,
            "what leaves has a time: {shop}"
        );
    }
}
