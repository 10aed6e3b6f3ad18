//! What a connection is good for.

use std::sync::Arc;

use http::StatusCode;
use rustls::AlertDescription;

use super::{
    super::proxy_protocol,
    world::{
        AUTHORITY, TlsGateway, alert, ask, ask_for, client, connect, connect_as, name, provider,
        serve, shown,
    },
};

fn folder(certificates: &[&[&str]]) -> Arc<tempfile::TempDir> {
    let folder = tempfile::tempdir().unwrap();
    for names in certificates {
        AUTHORITY.issue(names).put(folder.path(), names[0]);
    }
    Arc::new(folder)
}

#[tokio::test]
async fn both_versions_of_http_come_by_tls() {
    let gateway = TlsGateway::over(&folder(&[&["a.example"]])).await;
    let cases: [(&[&str], &str); 4] = [
        (&["h2", "http/1.1"], "HTTP/2.0"),
        (&["h2"], "HTTP/2.0"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ];
    for (alpn, version) in cases {
        let stream = connect(gateway.address, "a.example", alpn).await.unwrap();
        let (status, told) = ask(stream, "a.example").await;
        assert_eq!(status, StatusCode::OK);
        let expect =
            format!("{version} Tls 127.0.0.1 https for=127.0.0.1;host=\"a.example\";proto=https");
        assert_eq!(told, expect);
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_too() {
    let gateway = TlsGateway::over(&folder(&[&["a.example"]])).await;
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(AUTHORITY.roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let stream = connect_as(config, gateway.address, "a.example")
        .await
        .unwrap();
    assert_eq!(ask(stream, "a.example").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_name_gets_its_own_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let exact = AUTHORITY.issue(&["a.brand.example"]);
    exact.put(folder.path(), "a.brand.example");
    let wildcard = AUTHORITY.issue(&["*.brand.example", "brand.example"]);
    let nested = folder.path().join("brand.example");
    std::fs::create_dir(&nested).unwrap();
    std::fs::write(nested.join("fullchain.pem"), &wildcard.chain).unwrap();
    std::fs::write(nested.join("privkey.pem"), &wildcard.key).unwrap();
    let gateway = TlsGateway::over(&Arc::new(folder)).await;
    for (asked, expect) in [
        ("a.brand.example", &exact),
        ("b.brand.example", &wildcard),
        ("brand.example", &wildcard),
        ("A.Brand.Example", &exact),
    ] {
        let stream = gateway.connect(asked).await.unwrap();
        assert_eq!(shown(&stream), expect.der, "{asked}");
    }
    let deeper = gateway.connect("x.a.brand.example").await;
    assert_eq!(alert(deeper), AlertDescription::UnrecognisedName);
}

#[tokio::test]
async fn who_asks_for_an_unknown_name_or_none_is_told_so() {
    let folder = folder(&[&["a.example"]]);
    let gateway = TlsGateway::over(&folder).await;
    let unknown = gateway.connect("b.example").await;
    assert_eq!(alert(unknown), AlertDescription::UnrecognisedName);
    let mut nameless = client(&[]);
    nameless.enable_sni = false;
    let none = connect_as(nameless.clone(), gateway.address, "a.example").await;
    assert_eq!(alert(none), AlertDescription::UnrecognisedName);

    let with_fallback =
        TlsGateway::with(&folder, |it| it.with_fallback(name("a.example")), |it| it).await;
    let none = connect_as(nameless, with_fallback.address, "a.example").await;
    assert_eq!(ask(none.unwrap(), "a.example").await.0, StatusCode::OK);
    // It is shown, which the client does not believe.
    let unknown = with_fallback.connect("b.example").await.unwrap_err();
    assert!(
        unknown.to_string().contains("not valid for name"),
        "{unknown}"
    );
}

#[tokio::test]
async fn a_request_for_a_host_that_the_certificate_does_not_cover_is_misdirected() {
    let names: &[&str] = &["a.example", "www.a.example", "*.brand.example"];
    let gateway = TlsGateway::over(&folder(&[names, &["b.example"]])).await;
    let cases = [
        ("a.example", StatusCode::OK),
        ("www.a.example", StatusCode::OK),
        ("x.brand.example", StatusCode::OK),
        ("a.example:8443", StatusCode::OK),
        ("A.EXAMPLE", StatusCode::OK),
        ("b.example", StatusCode::MISDIRECTED_REQUEST),
        ("B.example:443", StatusCode::MISDIRECTED_REQUEST),
        ("x.y.brand.example", StatusCode::MISDIRECTED_REQUEST),
        ("127.0.0.1", StatusCode::MISDIRECTED_REQUEST),
    ];
    let hosts = cases.map(|(host, _)| host);
    for alpn in ["h2", "http/1.1"] {
        let stream = connect(gateway.address, "a.example", &[alpn])
            .await
            .unwrap();
        let answers = ask_for(stream, &hosts).await;
        for ((host, expect), (status, said)) in cases.iter().zip(answers) {
            assert_eq!(status, *expect, "{host} by {alpn}: {said}");
            let is_refused = said.contains("\"code\":\"connection_misdirected\"");
            assert_eq!(is_refused, status != StatusCode::OK, "{said}");
        }
    }
    // The same host by its own connection.
    let stream = gateway.connect("b.example").await.unwrap();
    assert_eq!(ask(stream, "b.example").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_resumed_connection_is_good_for_the_same_names() {
    let gateway = TlsGateway::over(&folder(&[&["a.example"], &["b.example"]])).await;
    let config = client(&["h2"]);
    let mut resumed = 0;
    for _ in 0..3 {
        let connected = connect_as(config.clone(), gateway.address, "a.example").await;
        let stream = connected.unwrap();
        let kind = stream.get_ref().1.handshake_kind();
        resumed += usize::from(kind == Some(rustls::HandshakeKind::Resumed));
        let answers = ask_for(stream, &["a.example", "b.example"]).await;
        assert_eq!(answers[0].0, StatusCode::OK);
        assert_eq!(answers[1].0, StatusCode::MISDIRECTED_REQUEST);
    }
    assert_eq!(resumed, 2);
}

#[tokio::test]
async fn behind_a_proxy_that_passes_tls_through_the_client_is_known() {
    use tenancy_cell_router::{CertFolder, ProxyProtocol, TlsAcceptor};

    let folder = folder(&[&["a.example"]]);
    let certificates =
        CertFolder::open(folder.path(), provider(), tenancy_types::SystemClock).unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let told = ProxyProtocol::new(listener, "127.0.0.0/8".parse().unwrap());
    let _stop = serve(TlsAcceptor::new(told, certificates, provider()).unwrap());
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let header = proxy_protocol::header(0x21, 0x11, &proxy_protocol::V4);
    tokio::io::AsyncWriteExt::write_all(&mut stream, &header)
        .await
        .unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client(&["h2"])));
    let asked = "a.example".try_into().unwrap();
    let stream = connector.connect(asked, stream).await.unwrap();
    let (status, told) = ask(stream, "a.example").await;
    assert_eq!(status, StatusCode::OK);
    let expect = "HTTP/2.0 Tls 192.0.2.1 https for=192.0.2.1;host=\"a.example\";proto=https";
    assert_eq!(told, expect);
}
