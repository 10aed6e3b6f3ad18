//! Starting again: everything acknowledged is there, requests in flight are finished.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::platform::{Folder, Kind, Platform, Start, each_kind, output, serve, soon};

each_kind!(what_was_acknowledged_survives_a_stop_and_a_kill,);

#[tokio::test]
async fn a_fresh_folder_gets_two_demo_shops() {
    let platform = Platform::with_demo();
    let listed = platform
        .operator()
        .get("/v1/tenants")
        .await
        .expect_status(200);
    let shops = listed["tenants"].as_array().unwrap();
    assert_eq!(shops.len(), 2, "{listed}");
    let host = format!("{}.localhost", shops[0]["slug"].as_str().unwrap());
    let page = platform.visitor(&host).get("/").await;
    assert_eq!(page.status, 200);
    for shop in shops {
        let host = format!("{}.localhost", shop["slug"].as_str().unwrap());
        let products = platform
            .visitor(&host)
            .get("/api/products?limit=100")
            .await
            .expect_status(200);
        assert!(
            products["products"].as_array().unwrap().len() >= 20,
            "{host}"
        );
    }
}

async fn what_was_acknowledged_survives_a_stop_and_a_kill(kind: Kind) {
    let mut folder = Folder::of(kind).await;
    for (number, signal) in ["-TERM", "-KILL", "-INT"].into_iter().enumerate() {
        let platform = Platform::start(Start {
            folder,
            arguments: &["--no-demo"],
        });
        let slug = format!("shop-{number}");
        platform.make_shop(&slug).await;
        platform
            .import(&slug, "Handle,Title,Variant Price\na,A,1\nb,B,2\n")
            .await;
        platform
            .operator()
            .patch("/v1/tenants/shop-0", json!({"lifecycle": "suspended"}))
            .await
            .expect_status(200);
        let (status, left) = platform.stop(signal);
        assert_eq!(status.success(), signal != "-KILL", "{signal}: {status}");
        folder = left;
    }
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo"],
    });
    platform
        .visitor("shop-0.localhost")
        .get("/")
        .await
        .expect_error(403, "tenant_suspended");
    for slug in ["shop-1", "shop-2"] {
        let products = platform
            .visitor(&format!("{slug}.localhost"))
            .get("/api/products")
            .await
            .expect_status(200);
        assert_eq!(products["products"].as_array().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn other_settings_on_the_same_folder_are_taken_or_refused() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let (_, folder) = platform.stop("-TERM");
    // Another platform domain is a matter of the process, not of the data.
    let platform = Platform::start(Start {
        folder,
        arguments: &["--no-demo", "--platform-domain", "shops.example"],
    });
    assert_eq!(
        platform.visitor("acme.shops.example").get("/").await.status,
        200
    );
    platform
        .visitor("acme.localhost")
        .get("/")
        .await
        .expect_error(404, "unknown_domain");
    let (_, folder) = platform.stop("-TERM");
    let output = output(&mut serve(folder.path(), &["--no-demo", "--cells", "us:3"]));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && error.contains("stands in local"),
        "{error}"
    );
}

#[tokio::test]
async fn a_cell_without_shops_can_be_left_out_and_gets_none() {
    let three = Platform::empty();
    let (_, folder) = three.stop("-TERM");
    let one = Platform::start(Start {
        folder,
        arguments: &["--no-demo", "--cells", "1"],
    });
    for number in 0..4 {
        let made = one.make_shop(&format!("shop-{number}")).await;
        assert_eq!(made["cell"], "cell-1");
    }
    let (_, folder) = one.stop("-TERM");
    let again = Platform::start(Start {
        folder,
        arguments: &["--no-demo", "--cells", "1"],
    });
    assert_eq!(again.visitor("shop-3.localhost").get("/").await.status, 200);
}

#[tokio::test]
async fn a_stop_finishes_the_request_in_flight() {
    let platform = Platform::empty();
    platform.make_shop("acme").await;
    let rows = "a,A,1\n";
    let body = format!("Handle,Title,Variant Price\n{rows}");
    let mut stream = TcpStream::connect(&platform.ops).await.unwrap();
    let head = format!(
        "POST /v1/tenants/acme/import HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
        platform.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let (first, second) = body.split_at(body.len() / 2);
    stream.write_all(first.as_bytes()).await.unwrap();
    // The server has the request once it answers another one that came later on the same listener.
    assert_eq!(platform.operator().get("/readyz").await.status, 200);
    let (process, ops) = (platform.process_id(), platform.ops.clone());
    let ended = tokio::task::spawn_blocking(move || platform.stop("-TERM"));
    // It stops listening, and still takes the rest of the body.
    let deaf = async {
        while TcpStream::connect(&ops).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    soon("it stops listening", deaf).await;
    stream.write_all(second.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    soon("the request in flight is answered", read)
        .await
        .unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("\"created\":1"),
        "{answer}"
    );
    let (status, _folder) = ended.await.unwrap();
    assert!(status.success(), "process {process}: {status}");
}

/// Where servers of its own run, others may pass through the data folder.
#[tokio::test]
async fn what_is_written_can_be_read_by_its_user_alone() {
    let platform = Platform::with_demo();
    let mut files = 0;
    for entry in fs::read_dir(platform.data()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{:?} has {mode:o}", entry.file_name());
        files += 1;
    }
    assert!(files > 5, "only {files} files");
}

#[tokio::test]
async fn a_server_of_its_own_that_crashes_comes_back() {
    let (folder, arguments) = (Folder::new(), &["--no-demo", "--postgres"]);
    let platform = Platform::start(Start { folder, arguments });
    platform.make_shop("anna").await;
    let postmaster = platform.data().join("postgres/cell-1/data/postmaster.pid");
    let process = || {
        let lines = fs::read_to_string(&postmaster).ok()?;
        Some(lines.lines().next()?.to_owned())
    };
    let crashed = process().unwrap();
    let killed = Command::new("kill").args(["-KILL", &crashed]).status();
    assert!(killed.unwrap().success());
    let anna = platform.visitor("anna.localhost");
    let back = async {
        while process().is_none_or(|process| process == crashed) {
            tokio::task::yield_now().await;
        }
        loop {
            match anna.get("/").await.status {
                200 => break,
                // Its limit, since it is asked all the time.
                429 | 503 => tokio::task::yield_now().await,
                status => panic!("{status}"),
            }
        }
    };
    soon("the server and its shops are back", back).await;
    let (ended, _folder) = platform.stop("-TERM");
    assert!(ended.success());
    assert!(!postmaster.exists(), "the server still runs");
}
