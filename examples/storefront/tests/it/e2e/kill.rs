//! Clients that go away, and `kill -9`, while shops are made and products imported: nothing acknowledged is lost, nothing half done is
//! visible, and the next start goes on.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, net::TcpStream, sync::mpsc};

use super::platform::{Folder, Kind, Platform, Start, each_kind, eventually};

each_kind!(
    an_import_that_was_killed_leaves_whole_products_and_goes_on,
    a_client_that_goes_away_leaves_no_half_made_shop,
    shops_that_were_acknowledged_are_whole_after_a_kill_and_the_others_go_on,
    a_client_that_goes_away_leaves_no_shop_between_two_epochs,
);

const ARGUMENTS: &[&str] = &["--no-demo"];

/// Two products whose rows belong together: both variants or none.
fn products(count: usize) -> String {
    let mut csv = "Handle,Title,Option1 Name,Option1 Value,Variant Price\n".to_owned();
    for number in 0..count {
        csv += &format!("p-{number},Product {number},Size,S,1\np-{number},,,L,2\n");
    }
    csv
}

/// Makes shops at once and kills the process after `acknowledged` of them were acknowledged.
async fn kill_while_making(
    folder: Folder,
    round: usize,
    acknowledged: usize,
) -> (Folder, BTreeMap<String, Value>) {
    let platform = Arc::new(Platform::start(Start {
        folder,
        arguments: ARGUMENTS,
    }));
    let (sender, mut answers) = mpsc::unbounded_channel();
    let requests = (0..16).map(|number| {
        let (platform, sender) = (Arc::clone(&platform), sender.clone());
        tokio::spawn(async move {
            let slug = format!("shop-{round}-{number}");
            let body =
                json!({"slug": slug, "plan": "basic", "domains": [format!("{slug}.example")]})
                    .to_string();
            let client = platform.operator().header("idempotency-key", &slug);
            if let Ok(answer) = client
                .try_send(reqwest::Method::POST, "/v1/tenants", body)
                .await
            {
                let _ = sender.send((slug, answer.expect_status(201)));
            }
        })
    });
    let requests: Vec<_> = requests.collect();
    drop(sender);
    let mut made = BTreeMap::new();
    while made.len() < acknowledged {
        let (slug, answer) = answers.recv().await.expect("more shops were asked for");
        made.insert(slug, answer);
    }
    std::process::Command::new("kill")
        .args(["-KILL", &platform.process_id().to_string()])
        .status()
        .unwrap();
    join_all(requests).await;
    while let Some((slug, answer)) = answers.recv().await {
        made.insert(slug, answer);
    }
    let platform = Arc::into_inner(platform).expect("all requests have ended");
    (platform.stop("-KILL").1, made)
}

async fn shops_that_were_acknowledged_are_whole_after_a_kill_and_the_others_go_on(kind: Kind) {
    let (mut folder, mut made) = (Folder::of(kind).await, BTreeMap::new());
    for (round, acknowledged) in [1, 5, 11].into_iter().enumerate() {
        let (left, round_made) = kill_while_making(folder, round, acknowledged).await;
        folder = left;
        made.extend(round_made);
    }
    let platform = Platform::start(Start {
        folder,
        arguments: ARGUMENTS,
    });
    for (slug, answer) in &made {
        let found = platform
            .operator()
            .get(&format!("/v1/tenants/{slug}"))
            .await
            .expect_status(200);
        assert_eq!(
            (&found["tenant_id"], &found["epoch"]),
            (&answer["tenant_id"], &answer["epoch"])
        );
        for host in [format!("{slug}.localhost"), format!("{slug}.example")] {
            assert_eq!(platform.visitor(&host).get("/").await.status, 200, "{host}");
        }
    }
    // Every shop is whole: what was not acknowledged was finished at the start or never begun.
    let listed = platform
        .operator()
        .get("/v1/tenants?limit=1000")
        .await
        .expect_status(200);
    for shop in listed["tenants"].as_array().unwrap() {
        assert_eq!(shop["lifecycle"], "active", "{shop}");
        let host = format!("{}.localhost", shop["slug"].as_str().unwrap());
        assert_eq!(platform.visitor(&host).get("/").await.status, 200, "{host}");
    }
    // The same requests again: the same shops, each once.
    for round in 0..3 {
        for number in 0..16 {
            let slug = format!("shop-{round}-{number}");
            let body =
                json!({"slug": slug, "plan": "basic", "domains": [format!("{slug}.example")]})
                    .to_string();
            let answer = platform
                .operator()
                .header("idempotency-key", &slug)
                .post("/v1/tenants", body)
                .await;
            let answer = answer.expect_status(201);
            if let Some(before) = made.get(&slug) {
                assert_eq!(
                    &answer, before,
                    "an acknowledged answer is kept, to the letter"
                );
            }
        }
    }
    let listed = platform
        .operator()
        .get("/v1/tenants?limit=1000")
        .await
        .expect_status(200);
    assert_eq!(listed["tenants"].as_array().unwrap().len(), 48);
}

async fn an_import_that_was_killed_leaves_whole_products_and_goes_on(kind: Kind) {
    // So many that it is killed in the middle, and so few that it ends while its client waits.
    let (count, step) = match kind {
        Kind::Sqlite => (400, 60),
        Kind::Postgres => (120, 30),
    };
    let mut folder = Folder::of(kind).await;
    for round in 0..3 {
        let platform = Arc::new(Platform::start(Start {
            folder,
            arguments: ARGUMENTS,
        }));
        if round == 0 {
            platform.make_shop("acme").await;
        }
        let visitor = platform.visitor("acme.localhost");
        let import = {
            let platform = Arc::clone(&platform);
            tokio::spawn(async move {
                platform
                    .operator()
                    .try_send(
                        reqwest::Method::POST,
                        "/v1/tenants/acme/import",
                        products(count),
                    )
                    .await
            })
        };
        // Further than the last round got, and then in the middle of it.
        while visitor
            .get(&format!("/api/products/p-{}", round * step + 20))
            .await
            .status
            != 200
        {
            assert!(
                !import.is_finished(),
                "the import ended before it was killed"
            );
        }
        std::process::Command::new("kill")
            .args(["-KILL", &platform.process_id().to_string()])
            .status()
            .unwrap();
        let _ = import.await.unwrap();
        folder = Arc::into_inner(platform)
            .expect("the import has ended")
            .stop("-KILL")
            .1;
    }
    let platform = Platform::start(Start {
        folder,
        arguments: ARGUMENTS,
    });
    let listed = platform
        .visitor("acme.localhost")
        .get("/api/products?limit=100")
        .await
        .expect_status(200);
    let listed = listed["products"].as_array().unwrap();
    assert!(listed.len() >= 20);
    for product in listed {
        assert_eq!(
            product["variants"].as_array().unwrap().len(),
            2,
            "half a product: {product}"
        );
    }
    let report = platform.import("acme", &products(count)).await;
    let whole = report["created"].as_u64().unwrap() + report["unchanged"].as_u64().unwrap();
    assert_eq!(whole, count as u64, "{report}");
    assert!(report["unchanged"].as_u64().unwrap() >= 20, "{report}");
    let again = platform.import("acme", &products(count)).await;
    assert_eq!(again["unchanged"], count, "{again}");
}

/// Sends a request and closes the connection after so many microseconds, without reading.
async fn send_and_go(platform: &Platform, request: &str, body: &str, micros: u64) {
    let mut stream = TcpStream::connect(&platform.ops).await.unwrap();
    let head = format!(
        "{request} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        platform.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The moment at which the client goes is what the case is about; nothing is waited for.
    tokio::time::sleep(Duration::from_micros(micros)).await;
    drop(stream);
}

async fn a_client_that_goes_away_leaves_no_half_made_shop(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    for (number, micros) in (0..24).map(|number| (number, number * 900)) {
        let body =
            json!({"slug": format!("left-{number}"), "plan": "basic", "domains": []}).to_string();
        send_and_go(&platform, "POST /v1/tenants", &body, micros).await;
    }
    // The same process, later: each shop that was begun gets finished.
    let operator = platform.operator();
    let shops = eventually(async || {
        let listed = operator.get("/v1/tenants?limit=1000").await;
        let shops = listed.expect_status(200)["tenants"].take();
        let shops = shops.as_array().unwrap();
        let all = shops.iter().all(|shop| shop["lifecycle"] == "active");
        all.then(|| shops.clone())
    });
    let shops = shops.await.expect("all that was begun is finished");
    assert!(shops.len() > 4, "too few requests got through: {shops:?}");
    for shop in shops {
        let slug = shop["slug"].as_str().unwrap();
        let visitor = platform.visitor(&format!("{slug}.localhost"));
        // Its cell opens it after the directory says that it is active.
        let served = eventually(async || (visitor.get("/").await.status == 200).then_some(()));
        served.await.unwrap_or_else(|| panic!("{slug} is served"));
    }
}

async fn a_client_that_goes_away_leaves_no_shop_between_two_epochs(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    platform.make_shop("acme").await;
    for round in 0..24 {
        let lifecycle = if round % 2 == 0 {
            "suspended"
        } else {
            "active"
        };
        let body = json!({"lifecycle": lifecycle}).to_string();
        send_and_go(&platform, "PATCH /v1/tenants/acme", &body, round * 400).await;
    }
    let visitor = platform.visitor("acme.localhost");
    let operator = platform.operator();
    let agreed = eventually(async || {
        let status = visitor.get("/").await.status;
        let shop = operator.get("/v1/tenants/acme").await.expect_status(200);
        let expect = if shop["lifecycle"] == "active" {
            200
        } else {
            403
        };
        (status == expect).then_some(())
    });
    agreed.await.expect("what is served is what was decided");
}
