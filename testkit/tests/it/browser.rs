//! A browser of one's own.

use serde_json::json;
use tenancy_testkit::Browser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

const PAGE: &str = "<!doctype html><title>A shop</title><p id=host></p>\
    <script>document.getElementById('host').textContent = location.hostname</script>";

/// Answers every request with the one page; returns its port.
async fn serve_page() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // The browser may open connections that it then does not use.
            tokio::spawn(async move {
                let mut request = [0; 4096];
                let _request = stream.read(&mut request).await;
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}",
                    PAGE.len()
                );
                let _sent = stream
                    .write_all(format!("{head}\r\nconnection: close\r\n\r\n{PAGE}").as_bytes())
                    .await;
            });
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_runs_pages_below_localhost_at_every_width() {
    let port = serve_page().await;
    let browser = Browser::start().await.unwrap();
    let client = browser.client();
    client
        .goto(&format!("http://garden.localhost:{port}/"))
        .await
        .unwrap();
    assert_eq!(client.title().await.unwrap(), "A shop");
    let host = client
        .execute("return document.getElementById('host').textContent", vec![])
        .await
        .unwrap();
    assert_eq!(host, json!("garden.localhost"));

    for width in [360, 768, 1280] {
        browser.resize(width, 800).await.unwrap();
        let seen = client
            .execute("return [innerWidth, innerHeight]", vec![])
            .await
            .unwrap();
        assert_eq!(seen, json!([width, 800]));
    }

    let file = std::env::temp_dir().join(format!("tenancy-testkit-{}.png", std::process::id()));
    browser.screenshot(&file).await.unwrap();
    let image = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(image.starts_with(b"\x89PNG"), "{} bytes", image.len());
    browser.close().await.unwrap();
}
