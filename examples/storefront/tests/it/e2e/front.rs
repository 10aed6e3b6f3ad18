//! How visitors reach shops: by TLS, by way of load balancers, and while processes follow each other.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::platform::{Folder, Platform, Start, serve, soon};

/// A certificate that is its own authority.
fn certificate(folder: &Path, name: &str) -> RootCertStore {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    roots
}

async fn connect(address: &str, roots: RootCertStore, name: &str) -> TlsStream<TcpStream> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = name.to_owned().try_into().unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    soon("a handshake", connector.connect(name, stream))
        .await
        .unwrap()
}

/// The whole answer for a host's first page.
async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin, host: &str) -> String {
    let request =
        format!("GET /api/products HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = soon("an answer", stream.read_to_end(&mut answer)).await;
    // Whoever closes without a word more than the answer says all the same.
    if let Err(error) = read {
        assert!(!answer.is_empty(), "{error}");
    }
    String::from_utf8(answer).unwrap()
}

/// A platform that a test starts by itself, on addresses that it chooses.
struct Started {
    child: Child,
    shops: String,
    ops: String,
}

impl Started {
    fn with(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = |prefix: &str| {
            let said = lines.find_map(|line| {
                let line = line.unwrap();
                let at = line.strip_prefix(prefix)?.split_once("://")?.1;
                Some(at.to_owned())
            });
            said.expect("it ended before it said where it listens")
        };
        let (shops, ops) = (said("listening "), said("ops "));
        // What it says further is let go by.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, shops, ops }
    }

    async fn ended_well(mut self) {
        let ended = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        let status = soon("the end", ended).await.unwrap();
        assert!(status.success(), "{status}");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn shops_are_visited_by_tls() {
    let (folder, certificates) = (Folder::new(), tempfile::tempdir().unwrap());
    let roots = certificate(certificates.path(), "a.localhost");
    let path = certificates.path().to_str().unwrap();
    let started = Started::with(serve(folder.path(), &["--no-demo", "--tls-certs", path]));
    for slug in ["a", "b"] {
        make_shop(&started.ops, folder.path(), slug).await;
    }
    let stream = connect(&started.shops, roots.clone(), "a.localhost").await;
    let answer = ask(stream, "a.localhost").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let stream = connect(&started.shops, roots, "a.localhost").await;
    let answer = ask(stream, "b.localhost").await;
    assert!(answer.starts_with("HTTP/1.1 421 "), "{answer}");
    assert!(answer.contains("connection_misdirected"), "{answer}");
    // A shop's certificate comes while it is served.
    let roots = certificate(certificates.path(), "b.localhost");
    let stream = soon("the new certificate", async {
        loop {
            let stream = TcpStream::connect(&started.shops).await.unwrap();
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            let name = "b.localhost".try_into().unwrap();
            let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
            if let Ok(stream) = connecting.await {
                return stream;
            }
        }
    })
    .await;
    let answer = ask(stream, "b.localhost").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

async fn make_shop(ops: &str, folder: &Path, slug: &str) {
    let token = fs::read_to_string(folder.join("operator.token")).unwrap();
    let operator =
        super::http::Client::new(ops).header("authorization", &format!("Bearer {}", token.trim()));
    let new = serde_json::json!({"slug": slug, "plan": "enterprise", "domains": []});
    operator
        .post("/v1/tenants", new.to_string())
        .await
        .expect_status(201);
}

#[tokio::test]
async fn a_load_balancer_says_who_visits() {
    let platform = Platform::start(Start {
        folder: Folder::new(),
        arguments: &["--no-demo", "--proxy-protocol-from", "127.0.0.0/8"],
    });
    platform.make_shop("a").await;
    let mut told = TcpStream::connect(&platform.shops).await.unwrap();
    let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    header.extend([192, 0, 2, 1, 198, 51, 100, 7, 0xdc, 0x04, 0x01, 0xbb]);
    told.write_all(&header).await.unwrap();
    let answer = ask(told, "a.localhost").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut untold = TcpStream::connect(&platform.shops).await.unwrap();
    let sent = untold.write_all(b"GET / HTTP/1.1\r\nhost: a.localhost\r\n\r\n");
    sent.await.unwrap();
    let mut answer = Vec::new();
    let _ = soon("the end", untold.read_to_end(&mut answer)).await;
    assert!(answer.is_empty(), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_visitor_fails_while_processes_follow_each_other() {
    let (folder, run) = (Folder::new(), tempfile::tempdir().unwrap());
    let path = run.path().join("handover");
    let path = path.to_str().unwrap();
    let mut running = Started::with(serve(folder.path(), &["--no-demo", "--handover", path]));
    make_shop(&running.ops, folder.path(), "a").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
            let address = running.shops.clone();
            tokio::spawn(async move {
                while !is_over.load(Relaxed) {
                    let stream = TcpStream::connect(&address).await.unwrap();
                    let answer = ask(stream, "a.localhost").await;
                    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
                    answered.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..2 {
        let before = answered.load(Relaxed);
        let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
        command
            .args(["serve", "--no-demo", "--handover", path])
            .args(["--listen", &running.shops, "--ops-listen", &running.ops])
            .arg("--data")
            .arg(folder.path())
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null());
        let next = tokio::task::spawn_blocking(move || Started::with(command));
        let next = soon("the next process", next).await.unwrap();
        running.ended_well().await;
        running = next;
        soon("visits of the next process", async {
            while answered.load(Relaxed) < before + 20 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    is_over.store(true, Relaxed);
    for visitor in visitors {
        visitor.await.expect("a visit failed");
    }
}
