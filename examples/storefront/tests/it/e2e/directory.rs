//! The directory's log, and a directory that was restored.

use std::process::Command;

use serde_json::{Value, json};

use super::platform::{Folder, Platform, Start, output};

/// Exit code, standard output and standard error of `storefront directory ARGUMENTS`.
fn directory(data: &std::path::Path, arguments: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command.arg("directory").args(arguments.split_whitespace());
    let output = output(command.arg("--data").arg(data));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// What the command answers with JSON.
#[track_caller]
fn answer(data: &std::path::Path, arguments: &str) -> Value {
    let (code, answer, error) = directory(data, &format!("{arguments} --json"));
    assert_eq!(code, 0, "{arguments}: {error}");
    serde_json::from_str(&answer).unwrap()
}

#[tokio::test]
async fn the_log_is_shortened_when_somebody_agrees() {
    let platform = Platform::empty();
    for slug in ["first", "second", "third"] {
        platform.make_shop(slug).await;
    }
    let data = platform.data();
    let before = answer(&data, "status");
    let newest = before["newest"].as_u64().unwrap();
    assert!(newest > 6, "{before}");
    assert_eq!(before["floor"], 0);
    assert_eq!(before["entries"], newest);
    assert_eq!(before["routes"]["revision"], newest);
    assert_eq!(before["routes"]["behind"], 0);
    assert_eq!(before["routes"]["contact"], "live");

    let (code, _, told) = directory(&data, "compact --keep 4");
    assert_eq!(code, 2, "{told}");
    let would = format!("remove up to {} entries", newest - 4);
    assert!(told.contains(&would), "{told}");
    assert_eq!(answer(&data, "status"), before);

    let done = answer(&data, "compact --keep 4 --yes");
    assert_eq!(done, json!({"removed": newest - 4, "floor": newest - 4}));
    let again = answer(&data, "compact --keep 4 --yes");
    assert_eq!(again, json!({"removed": 0, "floor": newest - 4}));
    let after = answer(&data, "status");
    assert_eq!(
        (&after["newest"], &after["entries"]),
        (&json!(newest), &json!(4))
    );

    // Revisions go on, and so do the routes.
    platform.make_shop("fourth").await;
    assert_eq!(
        platform.visitor("fourth.localhost").get("/").await.status,
        200
    );
    let all = answer(&data, "compact --keep 0 --yes");
    let end = answer(&data, "status");
    assert_eq!(
        (&all["floor"], &end["entries"]),
        (&end["newest"], &json!(0))
    );
    assert_eq!(end["routes"]["behind"], 0);

    for wrong in ["compact", "compact --keep -1", "compact --keep many"] {
        assert_eq!(directory(&data, wrong).0, 2, "{wrong}");
    }
    let operator = platform.operator();
    for body in [
        json!({}),
        json!({"keep": -1}),
        json!({"keep": 1, "more": 2}),
    ] {
        let refused = operator
            .post("/v1/directory/compact", body.to_string())
            .await;
        refused.expect_error(400, "invalid_request");
    }
    let stranger = super::http::Client::new(&platform.ops);
    stranger
        .get("/v1/directory")
        .await
        .expect_error(401, "unauthorized");
}

#[tokio::test]
async fn a_restored_directory_begins_a_new_history_once() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let data = platform.data();
    let (code, _, told) = directory(&data, "raise-incarnation --yes");
    assert_eq!(code, 4, "it is served: {told}");

    let (_, folder) = platform.stop("-TERM");
    let (code, _, told) = directory(&data, "raise-incarnation");
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("begin the incarnation behind 0"), "{told}");
    let raised = answer(&data, "raise-incarnation --from 0 --yes");
    assert_eq!(raised["incarnation"], 1);
    let (code, _, told) = directory(&data, "raise-incarnation --from 0 --yes");
    assert_eq!(code, 4, "{told}");

    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    let status = answer(&data, "status");
    assert_eq!(status["incarnation"], 1);
    assert_eq!(status["directory"], raised["directory"]);
    assert_eq!(status["routes"]["contact"], "live");
    assert_eq!(
        platform.visitor("acme.localhost").get("/").await.status,
        200
    );
    let operator = platform.operator();
    let change = json!({"lifecycle": "suspended"});
    let changed = operator
        .patch("/v1/tenants/acme", change)
        .await
        .expect_status(200);
    assert_eq!(
        changed["epoch"], "1.1",
        "the first epoch of the new incarnation"
    );
}

#[test]
fn without_a_directory_nothing_is_made() {
    let folder = Folder::new();
    let elsewhere = folder.path().join("elsewhere");
    let (code, _, told) = directory(&elsewhere, "raise-incarnation --yes");
    assert_eq!(code, 3, "{told}");
    assert!(told.contains("--data"), "{told}");
    assert!(!elsewhere.exists());
}
