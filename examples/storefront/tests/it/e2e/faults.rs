//! Bad input: a clear error, and nothing lost.

use reqwest::Method;
use serde_json::json;

use super::{
    http::raw,
    platform::{Folder, Platform, output, serve},
};

#[tokio::test]
async fn malformed_hosts_are_refused_with_a_reason() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let ask = async |head: &str| {
        raw(
            &platform.shops,
            format!("GET / HTTP/1.1\r\n{head}Connection: close\r\n\r\n").as_bytes(),
        )
        .await
    };
    for (head, status, code) in [
        (
            "Host: acme.localhost\r\nHost: acme.localhost\r\n",
            "400",
            "invalid_request",
        ),
        (
            "Host: acme.localhost, other.localhost\r\n",
            "400",
            "invalid_request",
        ),
        ("Host: acme..localhost\r\n", "400", "invalid_request"),
        ("Host: evil@acme.localhost\r\n", "400", "invalid_request"),
        ("Host: \r\n", "400", "invalid_request"),
        ("Host: acme.localhost:99999\r\n", "400", "invalid_request"),
        ("Host: nobody.localhost\r\n", "404", "unknown_domain"),
        ("Host: 127.0.0.1\r\n", "404", "unknown_domain"),
        ("", "400", "invalid_request"),
    ] {
        let answer = ask(head).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{head:?}: {answer}"
        );
        assert!(answer.contains(code), "{head:?}: {answer}");
    }
    let conflict = raw(
        &platform.shops,
        b"GET http://acme.localhost/ HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n",
    );
    assert!(conflict.await.contains("invalid_request"));
    // Still there.
    assert_eq!(
        platform.visitor("acme.localhost").get("/").await.status,
        200
    );
}

#[tokio::test]
async fn oversized_heads_and_bodies_are_refused() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let head = format!(
        "GET / HTTP/1.1\r\nHost: acme.localhost\r\nX-Big: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let answer = raw(&platform.shops, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let many: String = (0..500).map(|n| format!("X-{n}: 1\r\n")).collect();
    let answer = raw(
        &platform.shops,
        format!("GET / HTTP/1.1\r\nHost: acme.localhost\r\n{many}\r\n").as_bytes(),
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let announced = b"POST / HTTP/1.1\r\nHost: acme.localhost\r\nContent-Length: 99999999999\r\nConnection: close\r\n\r\n";
    let answer = raw(&platform.shops, announced).await;
    assert!(
        answer.starts_with("HTTP/1.1 413") && answer.contains("body_too_large"),
        "{answer}"
    );
    let large = " ".repeat(2 << 20);
    platform
        .operator()
        .post("/v1/tenants", large)
        .await
        .expect_error(413, "body_too_large");
}

#[tokio::test]
async fn bad_operator_requests_say_what_is_wrong_and_where() {
    let platform = Platform::empty();
    for (body, part) in [
        ("", "EOF while parsing"),
        ("{\"slug\":\"a\"", "line 1 column 11"),
        (
            r#"{"slug":"a","plan":"basic","colour":1}"#,
            "unknown field `colour`",
        ),
        (r#"{"slug":"A","plan":"basic"}"#, "byte 0"),
        (r#"{"slug":"a--b","plan":"basic"}"#, "byte 2"),
        (r#"{"slug":"www","plan":"basic"}"#, "reserved"),
        (
            r#"{"slug":"1","plan":"basic"}"#,
            "could be taken for a shop's number",
        ),
        (
            r#"{"slug":"a","plan":"gold"}"#,
            "there are basic, professional, enterprise",
        ),
        (
            r#"{"slug":"a","plan":"basic","domains":["no spaces.example"]}"#,
            "no spaces.example",
        ),
        (
            r#"{"slug":"a","plan":"basic","domains":["x.localhost"]}"#,
            "given by slug",
        ),
        (r#"{"slug":"a","plan":"basic","currency":"ECU"}"#, "ECU"),
        (r#"{"slug":"a","plan":"basic","region":"mars"}"#, "mars"),
    ] {
        let message = platform
            .operator()
            .post("/v1/tenants", body.to_owned())
            .await
            .expect_error(400, "invalid_request");
        assert!(message.contains(part), "{body}: {message}");
    }
    let invalid_utf8 = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\nAuthorization: Bearer ";
    let request = [
        invalid_utf8,
        platform.token().as_bytes(),
        b"\r\n\r\n\xff\xfe",
    ]
    .concat();
    assert!(
        raw(&platform.ops, &request)
            .await
            .contains("invalid_request")
    );

    let operator = platform.operator();
    for path in [
        "/v1/tenants?limit=0",
        "/v1/tenants?limit=1001",
        "/v1/tenants?limit=x",
        "/v1/tenants?colour=1",
    ] {
        operator
            .get(path)
            .await
            .expect_error(400, "invalid_request");
    }
    operator
        .get("/v1/nothing")
        .await
        .expect_error(404, "not_found");
    operator
        .send(Method::DELETE, "/v1/cells", String::new())
        .await
        .expect_error(405, "method_not_allowed");
    operator
        .clone()
        .header("idempotency-key", "")
        .post("/v1/tenants", "{}".into())
        .await
        .expect_error(400, "invalid_request");
    operator
        .get("/v1/tenants/%ff")
        .await
        .expect_error(400, "invalid_request");
    let many: Vec<_> = (0..101)
        .map(|number| format!("d{number}.example"))
        .collect();
    let many = json!({"slug": "many", "plan": "basic", "domains": many});
    let message = platform
        .make_shop_from(many)
        .await
        .expect_error(400, "invalid_request");
    assert!(message.contains("at most 100 domains"), "{message}");
    let page = operator
        .clone()
        .header("accept", "text/html")
        .get("/v1/nothing")
        .await;
    assert!(
        page.header("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"))
    );
    let none = operator.get("/v1/tenants").await.expect_status(200);
    assert_eq!(none["tenants"], json!([]), "none of this made a shop");
}

#[tokio::test]
async fn two_shops_that_claim_one_domain_at_once_are_one_shop_and_one_conflict() {
    let platform = Platform::empty();
    let claims = (0..12).map(|number| {
        platform.make_shop_from(
            json!({"slug": format!("shop-{number}"), "plan": "basic", "domains": ["one.example"]}),
        )
    });
    let answers = futures_util::future::join_all(claims).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        refused.expect_error(409, "domain_taken");
    }
    let listed = platform
        .operator()
        .get("/v1/tenants")
        .await
        .expect_status(200);
    let living = listed["tenants"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|shop| shop["lifecycle"] != "gone")
        .count();
    assert_eq!(living, 1, "a refused shop leaves nothing behind: {listed}");
}

#[tokio::test]
async fn the_same_slug_twice_is_a_conflict() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let again = platform
        .make_shop_from(json!({"slug": "acme", "plan": "basic", "domains": []}))
        .await;
    let message = again.expect_error(409, "slug_taken");
    assert_eq!(message, "the slug acme is taken");
}

#[test]
fn a_second_server_on_the_folder_is_refused() {
    let platform = Platform::empty();
    let output = output(&mut serve(&platform.data(), &["--no-demo"]));
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("is served by another process"), "{error}");
}

#[test]
fn what_serve_cannot_use_is_named() {
    let folder = Folder::new();
    for (arguments, code, part) in [
        (&["--cells", "0"][..], 2, "is not a number of cells"),
        (&["--platform-domain", "no spaces"], 2, "no spaces"),
        (
            &["--plans", "/nonexistent/plans.toml"],
            1,
            "/nonexistent/plans.toml",
        ),
    ] {
        let output = output(&mut serve(folder.path(), arguments));
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn an_address_that_is_taken_is_named() {
    let platform = Platform::empty();
    let folder = Folder::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_storefront"));
    command
        .args(["serve", "--no-demo", "--listen", &platform.shops, "--data"])
        .arg(folder.path());
    let output = output(&mut command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&platform.shops), "{error}");
}

#[tokio::test]
async fn a_refused_import_of_a_large_file_still_gets_its_answer() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    platform
        .operator()
        .patch("/v1/tenants/acme", json!({"lifecycle": "suspended"}))
        .await
        .expect_status(200);
    let mut csv = "Handle,Title,Variant Price\n".to_owned();
    for number in 0..500_000 {
        csv += &format!("handle-{number},Title,1\n");
    }
    for _ in 0..3 {
        platform
            .operator()
            .post("/v1/tenants/acme/import", csv.clone())
            .await
            .expect_error(403, "tenant_suspended");
    }
}

#[tokio::test]
async fn a_broken_product_file_is_reported_by_line_and_column_and_the_rest_is_imported() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let csv = "Handle,Title,Variant Price,Colour of the sky\n\
               good,Good,12.50,blue\n\
               bad,Bad,-1,blue\n\
               worse,Worse,twelve,blue\n\
               fine,Fine,3,blue\n";
    let report = platform.import("acme", csv).await;
    assert_eq!(
        (&report["created"], &report["rejected_count"]),
        (&json!(2), &json!(2)),
        "{report}"
    );
    assert_eq!(report["unknown_columns"], json!(["Colour of the sky"]));
    let lines: Vec<_> = report["rejected"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["line"].as_u64(), row["column"].as_str()))
        .collect();
    assert_eq!(
        lines,
        [
            (Some(3), Some("Variant Price")),
            (Some(4), Some("Variant Price"))
        ]
    );
    let visitor = platform.visitor("acme.localhost");
    assert_eq!(visitor.get("/products/good").await.status, 200);
    visitor
        .get("/products/bad")
        .await
        .expect_error(404, "not_found");

    let again = platform.import("acme", csv).await;
    assert_eq!(
        (&again["created"], &again["updated"], &again["unchanged"]),
        (&json!(0), &json!(0), &json!(2))
    );

    let dry = platform
        .operator()
        .post(
            "/v1/tenants/acme/import?dry_run=true",
            csv.replace("good", "new"),
        )
        .await;
    assert_eq!(dry.expect_status(200)["created"], 1);
    visitor
        .get("/products/new")
        .await
        .expect_error(404, "not_found");
}
