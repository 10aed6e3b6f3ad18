//! Archives, and shops that leave.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    thread,
};

use serde_json::{Value, json};

use super::{
    CARD, check, get, run, shop, storefront,
    stub::{Asked, Prepared, Stub, TOKEN, folder, ok, refusal},
};

const SHOWN: &str = "GET /v1/tenants/nord";
const EXPORT: &str = "POST /v1/tenants/nord/export";

#[test]
fn an_export_has_its_name_only_when_it_is_whole() {
    let content = "not a tar, but many bytes\n".repeat(10_000);
    let stub = Stub::start([(EXPORT, ok(200, &content))]);
    let folder = stub.folder();
    let file = folder.path().join("nord.tar");
    fs::write(&file, "an older one").unwrap();
    let name = file.to_str().unwrap();
    let (stdout, _) = check(run(&stub, &["tenant", "export", "nord", "-o", name]), 0);
    assert_eq!(stdout, format!("{name}: {} bytes\n", content.len()));
    assert!(fs::read_to_string(&file).unwrap() == content);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600, "customers are nobody else's to read");
    let part = folder.path().join("nord.tar.part");
    assert!(!part.exists());
    // Not even where an earlier attempt has left one for all to read.
    fs::write(&part, "a part").unwrap();
    assert_ne!(mode(&part), 0o600);
    check(run(&stub, &["tenant", "export", "nord", "-o", name]), 0);
    assert_eq!(mode(&file), 0o600);
    let json = ["tenant", "export", "nord", "-o", name, "--json"];
    assert_eq!(check(run(&stub, &json), 0).0, "");

    let stub = Stub::start([(EXPORT, refusal(410, "tenant_gone"))]);
    check(run(&stub, &["tenant", "export", "nord", "-o", name]), 3);
    assert!(
        fs::read_to_string(&file).unwrap() == content,
        "a refusal replaced the older file"
    );
    assert!(!part.exists());
}

#[test]
fn an_export_goes_to_standard_output() {
    let stub = Stub::start([(EXPORT, ok(200, "a tar\u{1b}"))]);
    let (stdout, _) = check(run(&stub, &["tenant", "export", "nord", "-o", "-"]), 0);
    assert_eq!(stdout, "a tar\u{1b}", "a file's bytes stay as they are");
}

/// A server that promises a file, and hangs up in its midst.
fn cut_off() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
        let answer = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this";
        stream.write_all(answer.as_bytes()).unwrap();
    });
    url
}

#[test]
fn half_an_export_is_none() {
    let lost = folder(&cut_off(), TOKEN);
    let file = lost.path().join("nord.tar");
    let export = ["tenant", "export", "nord", "-o", file.to_str().unwrap()];
    let output = storefront(lost.path(), &export).output().unwrap();
    let (_, stderr) = check(output, 5);
    assert!(stderr.contains("broke the file off"), "{stderr}");
    let left: Vec<_> = fs::read_dir(lost.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .filter(|name| name.to_str().unwrap().contains("nord"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn an_export_that_cannot_be_written_is_not_asked_for() {
    let stub = Stub::start([(EXPORT, ok(200, ""))]);
    let (_, stderr) = check(
        run(&stub, &["tenant", "export", "nord", "-o", "/no/such/x.tar"]),
        1,
    );
    assert!(
        stderr.starts_with("error: write /no/such/x.tar.part: No such file"),
        "{stderr}"
    );
    assert_eq!(stub.asked(), []);
}

fn leaving() -> Value {
    let mut leaving = shop();
    leaving["lifecycle"] = json!("offboarding");
    leaving["purge_after"] = json!(1_795_352_709_000_000_i64);
    leaving
}

#[test]
fn a_shop_leaves_with_consent_and_can_come_back() {
    let (delete, undo) = ("DELETE /v1/tenants/nord", "POST /v1/tenants/nord/undo");
    let mut suspended = shop();
    suspended["lifecycle"] = json!("suspended");
    let stub = Stub::start([
        (SHOWN, ok(200, shop())),
        (delete, ok(202, leaving())),
        (undo, ok(200, suspended)),
    ]);
    let offboard = ["tenant", "offboard", "nord"];
    let (stdout, stderr) = check(run(&stub, &offboard), 2);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("this would let nord (tenant 7) leave: http://nord.localhost:8080"),
        "{stderr}"
    );
    assert_eq!(stub.asked(), [get(SHOWN)], "it leaves");
    let (stdout, _) = check(run(&stub, &[&offboard[..], &["--yes"]].concat()), 0);
    assert!(
        stdout.contains("state      offboarding\n")
            && stdout.ends_with("undo until 2026-11-22T13:05:09Z\n"),
        "{stdout}"
    );
    let (stdout, _) = check(run(&stub, &["tenant", "undo", "nord"]), 0);
    assert!(stdout.contains("state     suspended\n"), "{stdout}");
    assert_eq!(stub.asked(), [get(delete), get(undo)]);
}

/// A stub with an archive in its folder, and the archive's name.
fn with_archive<'a>(answers: impl IntoIterator<Item = (&'a str, Prepared)>) -> (Stub, String) {
    let stub = Stub::start(answers);
    let file = stub.folder().keep().join("nord.tar");
    fs::write(&file, "a tar").unwrap();
    (stub, file.to_str().unwrap().to_owned())
}

#[test]
fn an_archive_becomes_a_new_shop() {
    let line = "POST /v1/archives?slug=west&plan=basic&cell=2&region=eu";
    let (stub, file) = with_archive([(line, ok(201, shop()))]);
    let import = [
        "tenant",
        "import",
        &file,
        "--slug",
        "west",
        "--plan",
        "basic",
        "--cell",
        "2",
        "--region",
        "eu",
        "--idempotency-key",
        "k",
    ];
    assert_eq!(check(run(&stub, &import), 0).0, CARD);
    let expect = Asked {
        key: Some("k".to_owned()),
        content_type: Some("application/x-tar".to_owned()),
        body: "a tar".to_owned(),
        ..get(line)
    };
    assert_eq!(stub.asked(), [expect]);
}

#[test]
fn a_new_shop_is_as_its_archive_says() {
    let line = "POST /v1/archives";
    let (stub, file) = with_archive([(line, ok(201, shop()))]);
    check(run(&stub, &["tenant", "import", &file]), 0);
    let asked = stub.asked();
    assert_eq!(asked[0].line, line);
    assert_eq!(asked[0].key.as_ref().map(String::len), Some(32));
}

#[test]
fn an_archive_replaces_a_shop_with_consent() {
    let line = "PUT /v1/tenants/nord/archive?confirm=nord";
    let (stub, file) = with_archive([(line, ok(200, shop())), (SHOWN, ok(200, leaving()))]);
    let import = ["tenant", "import", &file, "--replace", "nord"];
    let (stdout, stderr) = check(run(&stub, &import), 2);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("this would delete everything of nord (tenant 7)")
            && stderr.contains(&file),
        "{stderr}"
    );
    assert_eq!(stub.asked(), [get(SHOWN)], "something was replaced");
    assert_eq!(
        check(run(&stub, &[&import[..], &["--yes"]].concat()), 0).0,
        CARD
    );
    let expect = Asked {
        content_type: Some("application/x-tar".to_owned()),
        body: "a tar".to_owned(),
        ..get(line)
    };
    assert_eq!(stub.asked(), [expect]);
}

fn receipt() -> Value {
    json!({
        "tenant_id": 7, "epoch": "0.9", "began": 1_795_352_709_000_000_i64, "ended": 1_795_352_710_000_000_i64,
        "rows": {"product": 12, "cart": 0}, "blake3": "f00d", "text": "a text",
    })
}

const RECEIPT: &str = "\
id        7
epoch     0.9
began     2026-11-22T13:05:09Z
ended     2026-11-22T13:05:10Z
blake3    f00d

ROWS  DELETED FROM
   0  cart
  12  product
";

#[test]
fn a_purge_needs_consent_and_the_slug() {
    let line = "POST /v1/tenants/nord/purge";
    let stub = Stub::start([(SHOWN, ok(200, leaving())), (line, ok(200, receipt()))]);
    let purge = ["tenant", "purge", "nord"];
    for confirm in [&[][..], &["--confirm", "nord"]] {
        let (stdout, stderr) = check(run(&stub, &[&purge[..], confirm].concat()), 2);
        assert_eq!(stdout, "");
        assert!(
            stderr.contains("this would delete everything of nord (tenant 7) in cell-2 for good"),
            "{stderr}"
        );
        assert_eq!(stub.asked(), [get(SHOWN)], "it was purged");
    }
    let (_, stderr) = check(run(&stub, &[&purge[..], &["--yes"]].concat()), 2);
    assert!(stderr.contains("--confirm <SLUG>"), "{stderr}");
    assert_eq!(stub.asked(), [], "it was purged");

    let confirmed = [&purge[..], &["--confirm", "nord", "--yes"]].concat();
    assert_eq!(check(run(&stub, &confirmed), 0).0, RECEIPT);
    let asked = stub.asked();
    assert_eq!((asked.len(), asked[0].line.as_str()), (1, line));
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(body, json!({"confirm": "nord"}));
}

#[test]
fn a_receipt_is_shown() {
    let stub = Stub::start([("GET /v1/tenants/7/receipt", ok(200, receipt()))]);
    let (stdout, _) = check(run(&stub, &["tenant", "receipt", "7"]), 0);
    assert_eq!(stdout, RECEIPT);
    check(run(&stub, &["tenant", "receipt", "nord"]), 3);
}
