//! Certificates that come, change and go while they are served.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use http::StatusCode;
use rustls::AlertDescription;
use tenancy_cell_router::{CertFolder, CertSource as _};
use tenancy_types::{SystemClock, UnixMicros};
use tokio::time::timeout;

use super::{
    super::raw::PATIENCE,
    world::{AUTHORITY, TlsGateway, alert, ask, name, provider, shown},
};

fn folder() -> Arc<tempfile::TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

/// The only fault: of which file, and what.
#[track_caller]
fn fault(certificates: &CertFolder) -> (PathBuf, String) {
    let mut faults = certificates.status().faults;
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults.remove(0);
    (fault.path, fault.reason)
}

#[tokio::test]
async fn what_is_added_changed_and_removed_is_noticed() {
    let folder = folder();
    let old = AUTHORITY.issue(&["a.example"]);
    old.put(folder.path(), "a");
    let gateway = TlsGateway::over(&folder).await;
    let unknown = gateway.connect("b.example").await;
    assert_eq!(alert(unknown), AlertDescription::UnrecognisedName);
    let kept = gateway.connect("a.example").await.unwrap();

    AUTHORITY.issue(&["b.example"]).put(folder.path(), "b");
    let new = AUTHORITY.issue(&["a.example"]);
    new.put(folder.path(), "a");
    gateway.certificates.scan().unwrap();
    gateway.connect("b.example").await.unwrap();
    assert_eq!(shown(&gateway.connect("a.example").await.unwrap()), new.der);
    // A connection that is open stays as it is.
    assert_eq!(ask(kept, "a.example").await.0, StatusCode::OK);

    fs::remove_file(folder.path().join("b.crt")).unwrap();
    gateway.certificates.scan().unwrap();
    let gone = gateway.connect("b.example").await;
    assert_eq!(alert(gone), AlertDescription::UnrecognisedName);
    assert_eq!(gateway.certificates.status().certificates, 1);
}

#[tokio::test]
async fn a_watched_folder_is_looked_at_again_and_again() {
    let folder = folder();
    let gateway = TlsGateway::over(&folder).await;
    let watching = Arc::clone(&gateway.certificates).watch(Duration::from_millis(1));
    let watching = tokio::spawn(watching);
    AUTHORITY.issue(&["a.example"]).put(folder.path(), "a");
    let served = async {
        while gateway.connect("a.example").await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, served).await.expect("it is not noticed");
    watching.abort();
}

#[test]
fn what_is_no_good_leaves_what_was_there() {
    let folder = folder();
    let path = |file: &str| folder.path().join(file);
    let good = AUTHORITY.issue(&["a.example"]);
    good.put(folder.path(), "a");
    let certificates = CertFolder::open(folder.path(), provider(), SystemClock).unwrap();
    let before = certificates.certificate(Some(&name("a.example"))).unwrap();
    let other = AUTHORITY.issue(&["a.example"]);
    let half = &other.chain[..other.chain.len() / 2];
    let cases: [(&str, &str, &str); 8] = [
        (half, &other.key, "the chain is not whole PEM"),
        ("", &other.key, "there is no certificate"),
        ("no PEM at all", &other.key, "there is no certificate"),
        (&other.chain, &good.key, "key and certificate do not match"),
        (&other.chain, "", "the private key cannot be read"),
        (
            &other.chain,
            &other.key[..90],
            "the private key cannot be read",
        ),
        (&other.chain, &other.chain, "the private key cannot be read"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            &other.key,
            "the certificate is malformed",
        ),
    ];
    for (chain, key, reason) in cases {
        fs::write(path("a.crt"), chain).unwrap();
        fs::write(path("a.key"), key).unwrap();
        certificates.scan().unwrap();
        let (file, said) = fault(&certificates);
        assert_eq!(file, path("a.crt"));
        assert!(said.starts_with(reason), "{said}");
        assert!(
            !said.contains(&other.key[30..60]),
            "the key is told: {said}"
        );
        let after = certificates.certificate(Some(&name("a.example"))).unwrap();
        assert!(Arc::ptr_eq(&before, &after), "{reason}");
    }
    fs::write(path("a.crt"), &other.chain).unwrap();
    fs::remove_file(path("a.key")).unwrap();
    certificates.scan().unwrap();
    let (_, said) = fault(&certificates);
    assert!(
        said.starts_with(&format!("read {}", path("a.key").display())),
        "{said}"
    );

    fs::write(path("a.key"), &other.key).unwrap();
    certificates.scan().unwrap();
    assert!(certificates.status().faults.is_empty());
    let after = certificates.certificate(Some(&name("a.example"))).unwrap();
    assert!(!Arc::ptr_eq(&before, &after));
}

#[test]
fn a_folder_that_cannot_be_listed_leaves_everything() {
    let folder = folder();
    let inside = folder.path().join("certificates");
    fs::create_dir(&inside).unwrap();
    AUTHORITY.issue(&["a.example"]).put(&inside, "a");
    let certificates = CertFolder::open(&inside, provider(), SystemClock).unwrap();
    fs::remove_dir_all(&inside).unwrap();
    assert!(certificates.scan().is_err());
    assert!(certificates.certificate(Some(&name("a.example"))).is_some());
    assert!(CertFolder::open(&inside, provider(), SystemClock).is_err());
}

#[tokio::test]
async fn what_has_expired_is_reported_and_served() {
    let folder = folder();
    AUTHORITY
        .issue_until(&["old.example"], 2020)
        .put(folder.path(), "old");
    AUTHORITY
        .issue_until(&["new.example"], 2090)
        .put(folder.path(), "new");
    let gateway = TlsGateway::over(&folder).await;
    let status = gateway.certificates.status();
    assert_eq!(status.expired, [folder.path().join("old.crt")]);
    assert!(status.faults.is_empty());
    // 2090-01-01, in seconds.
    assert_eq!(
        status.next_expiry,
        Some(UnixMicros::new(3_786_912_000_000_000))
    );
    let refused = gateway.connect("old.example").await.unwrap_err();
    assert!(refused.to_string().contains("expired"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_handshake_fails_while_files_change() {
    let folder = folder();
    AUTHORITY.issue(&["a.example"]).put(folder.path(), "a");
    let gateway = Arc::new(TlsGateway::over(&folder).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..4)
        .map(|_| {
            let (gateway, is_over) = (Arc::clone(&gateway), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut seen = std::collections::HashSet::new();
                while !is_over.load(Relaxed) {
                    let stream = gateway.connect("a.example").await.unwrap();
                    seen.insert(shown(&stream));
                    assert_eq!(ask(stream, "a.example").await.0, StatusCode::OK);
                }
                seen.len()
            })
        })
        .collect();
    for _ in 0..20 {
        let next = AUTHORITY.issue(&["a.example"]);
        // First the chain, then the key: in between they do not match.
        fs::write(folder.path().join("a.crt"), &next.chain).unwrap();
        gateway.certificates.scan().unwrap();
        fs::write(folder.path().join("a.key"), &next.key).unwrap();
        gateway.certificates.scan().unwrap();
        let stream = gateway.connect("a.example").await.unwrap();
        assert_eq!(shown(&stream), next.der);
    }
    is_over.store(true, Relaxed);
    for visitor in visitors {
        assert!(visitor.await.unwrap() > 1, "a visitor saw no change");
    }
    let _ = gateway.stop.send_replace(tenancy_cell_router::Stop::Now);
}

#[tokio::test]
async fn a_thousand_names_have_a_certificate_each() {
    const NAMES: usize = 1_000;
    let folder = folder();
    let issued: Vec<_> = (0..NAMES)
        .map(|n| {
            let name = format!("shop-{n}.example");
            let issued = AUTHORITY.issue(&[&name]);
            issued.put(folder.path(), &name);
            issued
        })
        .collect();
    let gateway = TlsGateway::over(&folder).await;
    let status = gateway.certificates.status();
    assert_eq!((status.certificates, status.faults.len()), (NAMES, 0));
    for n in (0..NAMES).step_by(97) {
        let stream = gateway.connect(&format!("shop-{n}.example")).await.unwrap();
        assert_eq!(shown(&stream), issued[n].der);
    }
}
