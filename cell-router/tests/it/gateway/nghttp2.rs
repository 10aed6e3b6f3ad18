//! The server and the proxy as nghttp2 sees them: a client and a load generator of other people's making.

use std::process::Stdio;

use tokio::{process::Command, time::timeout};

use super::{
    raw::PATIENCE,
    world::{Gateway, Setting, upstream},
};

/// The summary of a run of h2load, all requests answered with 200.
async fn h2load(arguments: &[&str], url: &str, requests: usize) -> String {
    let requests_text = requests.to_string();
    let run = Command::new("h2load")
        .args(["-n", &requests_text, "-c", "8", "-m", "16", "-t", "1"])
        .args(arguments)
        .arg(url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await.expect("h2load does not end");
    let output = output.expect("h2load is there: `cargo xtask test --install` gets it");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    let all = format!(
        "{requests} total, {requests} started, {requests} done, {requests} succeeded, 0 failed, 0 errored, 0 timeout"
    );
    assert!(said.contains(&all), "{said}");
    assert!(
        said.contains(&format!("{requests} 2xx, 0 3xx, 0 4xx, 0 5xx")),
        "{said}"
    );
    said
}

fn answers() -> axum::Router {
    let page = "x".repeat(1024);
    axum::Router::new()
        .route("/", axum::routing::get(async move || page))
        .route("/echo", axum::routing::post(async |body: String| body))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_of_h2load_fails_without_tls() {
    let gateway = Gateway::with(Setting::default(), upstream(answers()).await).await;
    let said = h2load(&[], &gateway.url("/"), 1_000).await;
    assert!(said.contains("Application protocol: h2c"), "{said}");
    let said = h2load(&["--h1"], &gateway.url("/"), 500).await;
    assert!(said.contains("Application protocol: http/1.1"), "{said}");
    // Bodies of clients, larger than a window of HTTP/2.
    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(body.path(), "y".repeat(200_000)).unwrap();
    let data = format!("--data={}", body.path().display());
    h2load(&[&data], &gateway.url("/echo"), 20).await;
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_of_h2load_fails_by_tls() {
    use super::tls::world::{AUTHORITY, TlsGateway};

    let folder = tempfile::tempdir().unwrap();
    AUTHORITY.issue(&["a.example"]).put(folder.path(), "a");
    let gateway = TlsGateway::over(&std::sync::Arc::new(folder)).await;
    let to = format!("--connect-to={}", gateway.address);
    let said = h2load(&[&to], "https://a.example/", 1_000).await;
    assert!(said.contains("Application protocol: h2\n"), "{said}");
    let said = h2load(&["--h1", &to], "https://a.example/", 500).await;
    assert!(said.contains("Application protocol: http/1.1"), "{said}");
}

/// A client that is strict about frames, with trailers and a body of its own.
#[tokio::test]
async fn nghttp_is_content_with_every_frame() {
    let gateway = Gateway::with(Setting::default(), upstream(answers()).await).await;
    let body = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(body.path(), "a body").unwrap();
    let run = Command::new("nghttp")
        .args(["-v", "-n", "--no-dep", "--trailer=x-end: 1"])
        .arg(format!("--data={}", body.path().display()))
        .arg(gateway.url("/echo"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = timeout(PATIENCE, run).await.expect("nghttp does not end");
    let output = output.expect("nghttp is there: `cargo xtask test --install` gets it");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(":status: 200"), "{said}");
    assert!(said.contains("error_code=NO_ERROR"), "{said}");
    for broken in [
        "PROTOCOL_ERROR",
        "INTERNAL_ERROR",
        "[INVALID;",
        "RST_STREAM",
    ] {
        assert!(!said.contains(broken), "{broken}: {said}");
    }
}
