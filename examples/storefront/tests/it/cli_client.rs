//! The commands that talk to a server, run as a process against a server that speaks the protocol.

mod leaving;
mod selling;
mod stub;

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use stub::{Asked, Prepared, Stub, TOKEN, folder, ok, refusal};

fn storefront(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    // A proxy from the environment would get the operator's token.
    command
        .args(arguments)
        .arg("--data")
        .arg(data)
        .env("http_proxy", "http://127.0.0.1:1");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(stub: &Stub, arguments: &[&str]) -> Output {
    storefront(stub.folder().path(), arguments)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// The command's output, which must have this exit code.
#[track_caller]
#[expect(
    clippy::needless_pass_by_value,
    reason = "each call makes the output that it checks"
)]
fn check(output: Output, exit: i32) -> (String, String) {
    let (stdout, stderr) = (
        text(&output.stdout).to_owned(),
        text(&output.stderr).to_owned(),
    );
    assert_eq!(
        output.status.code(),
        Some(exit),
        "stdout: {stdout}\nstderr: {stderr}"
    );
    assert_eq!(stderr.is_empty(), exit == 0, "{stderr}");
    (stdout, stderr)
}

fn shop() -> Value {
    json!({
        "tenant_id": 7, "slug": "nord", "plan": "basic", "cell": "cell-2", "epoch": "0.7",
        "lifecycle": "active", "region": null, "domains": ["nord.example"],
        "urls": ["http://nord.localhost:8080", "http://nord.example:8080"], "added_later": true,
    })
}

const CARD: &str = "\
id        7
slug      nord
plan      basic
state     active
cell      cell-2
epoch     0.7
urls      http://nord.localhost:8080
          http://nord.example:8080
";

/// What a request without a body looks like.
fn get(line: &str) -> Asked {
    Asked {
        line: line.to_owned(),
        authorization: Some(format!("Bearer {TOKEN}")),
        ..Asked::default()
    }
}

#[test]
fn a_shop_is_made_with_a_key_of_its_own() {
    let mut made = shop();
    made["provisioned_ms"] = json!(12);
    let stub = Stub::start([("POST /v1/tenants", ok(201, &made))]);
    let create = [
        "tenant",
        "create",
        "--slug",
        "nord",
        "--plan",
        "basic",
        "--domain",
        "Nord.Example",
    ];
    let (stdout, _) = check(run(&stub, &create), 0);
    assert_eq!(stdout, format!("{CARD}made in   12 ms\n"));
    check(run(&stub, &create), 0);
    let asked = stub.asked();
    assert_eq!(asked[0].content_type.as_deref(), Some("application/json"));
    let body: Value = serde_json::from_str(&asked[0].body).unwrap();
    assert_eq!(
        body,
        json!({"slug": "nord", "plan": "basic", "domains": ["nord.example"]})
    );
    let keys: Vec<_> = asked
        .iter()
        .map(|asked| asked.key.clone().unwrap())
        .collect();
    assert_eq!(keys.iter().map(String::len).collect::<Vec<_>>(), [32, 32]);
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn every_option_of_a_new_shop_is_sent() {
    let stub = Stub::start([("POST /v1/tenants", ok(201, shop()))]);
    let create = "tenant create --slug s --plan p --domain a.example --domain b.example --region eu \
                  --currency SEK --idempotency-key order-7";
    check(
        run(&stub, &create.split_whitespace().collect::<Vec<_>>()),
        0,
    );
    let asked = stub.asked().remove(0);
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let domains = ["a.example", "b.example"];
    let expect =
        json!({"slug": "s", "plan": "p", "domains": domains, "region": "eu", "currency": "SEK"});
    assert_eq!(body, expect);
    assert_eq!(asked.key.as_deref(), Some("order-7"));
}

#[test]
fn json_is_printed_unchanged() {
    // In another order and with other blanks than anything would write it again.
    let odd = r#"{ "urls":[], "tenant_id":7,"slug" : null, "plan":"basic","cell":"c",  "epoch":"0.7",
        "lifecycle":"purged","region":null,"domains":[], "new":1.50 }"#;
    let stub = Stub::start([("GET /v1/tenants/7", ok(200, odd))]);
    let (stdout, _) = check(run(&stub, &["tenant", "show", "7", "--json"]), 0);
    assert_eq!(stdout, format!("{odd}\n"));
    assert_eq!(stub.asked(), [get("GET /v1/tenants/7")]);
}

#[test]
fn a_shop_is_shown() {
    let stub = Stub::start([("GET /v1/tenants/nord", ok(200, shop()))]);
    let (stdout, _) = check(run(&stub, &["tenant", "show", "nord"]), 0);
    assert_eq!(stdout, CARD);
}

/// A page of shops with these numbers.
fn page(ids: std::ops::Range<u32>, next: Option<u32>) -> Prepared {
    let shop = |id| {
        let mut shop = shop();
        shop["tenant_id"] = json!(id);
        shop["slug"] = json!(format!("shop-{id}"));
        shop
    };
    ok(
        200,
        json!({"tenants": ids.map(shop).collect::<Vec<_>>(), "next": next}),
    )
}

const FIRST: &str = "GET /v1/tenants?limit=500";
const SECOND: &str = "GET /v1/tenants?limit=500&after=2";

#[test]
fn a_list_has_all_pages() {
    let (first, second) = (page(1..3, Some(2)), page(3..4, None));
    let json = format!("{}\n{}\n", first.json, second.json);
    let stub = Stub::start([(FIRST, first), (SECOND, second)]);
    let (stdout, _) = check(run(&stub, &["tenant", "list"]), 0);
    let expect = "\
ID  SLUG    PLAN   STATE   CELL    DOMAINS
 1  shop-1  basic  active  cell-2  nord.example
 2  shop-2  basic  active  cell-2  nord.example
 3  shop-3  basic  active  cell-2  nord.example
";
    assert_eq!(stdout, expect);
    assert_eq!(stub.asked(), [get(FIRST), get(SECOND)]);
    assert_eq!(check(run(&stub, &["tenant", "list", "--json"]), 0).0, json);
}

#[test]
fn a_list_is_printed_while_it_comes() {
    let held = Prepared {
        is_held: true,
        ..page(3..4, None)
    };
    let stub = Stub::start([(FIRST, page(1..3, Some(2))), (SECOND, held)]);
    let folder = stub.folder();
    let mut child = storefront(folder.path(), &["tenant", "list"])
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let first: Vec<_> = lines.by_ref().take(3).collect();
    assert!(first[2].contains("shop-2"), "{first:?}");
    stub.release();
    assert!(lines.next().unwrap().contains("shop-3"));
    assert!(child.wait().unwrap().success());
}

#[test]
fn pages_that_go_in_a_circle_end() {
    let stub = Stub::start([(FIRST, page(1..3, Some(2))), (SECOND, page(1..3, Some(2)))]);
    let (_, stderr) = check(run(&stub, &["tenant", "list"]), 1);
    assert!(
        stderr.contains("the next page is not a later one"),
        "{stderr}"
    );
    assert_eq!(stub.asked().len(), 2);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    // More than a pipe holds, so that the last page meets a closed one.
    let pages: Vec<_> = (0..100).map(|n| n * 100).collect();
    let line = |n: u32| {
        if n == 0 {
            FIRST.to_owned()
        } else {
            format!("{FIRST}&after={n}")
        }
    };
    let lines: Vec<_> = pages
        .iter()
        .map(|n| (line(*n), page(n + 1..n + 101, Some(n + 100))))
        .collect();
    let stub = Stub::start(
        lines
            .iter()
            .map(|(line, page)| (line.as_str(), page.clone())),
    );
    let folder = stub.folder();
    let mut child = storefront(folder.path(), &["tenant", "list"])
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    check(child.wait_with_output().unwrap(), 0);
    assert!(stub.asked().len() < 100, "it went on although nobody reads");
}

#[test]
fn changes_are_patches() {
    for (arguments, patch) in [
        ("suspend nord --yes", json!({"lifecycle": "suspended"})),
        ("resume nord", json!({"lifecycle": "active"})),
        (
            "set-plan nord professional",
            json!({"plan": "professional"}),
        ),
        (
            "add-domain nord bücher.example",
            json!({"add_domains": ["xn--bcher-kva.example"]}),
        ),
        (
            "remove-domain nord Nord.Example --yes",
            json!({"remove_domains": ["nord.example"]}),
        ),
    ] {
        let stub = Stub::start([("PATCH /v1/tenants/nord", ok(200, shop()))]);
        let arguments: Vec<_> = ["tenant"].into_iter().chain(arguments.split(' ')).collect();
        assert_eq!(check(run(&stub, &arguments), 0).0, CARD);
        let asked = stub.asked();
        assert_eq!(asked.len(), 1, "{arguments:?}");
        assert_eq!(
            serde_json::from_str::<Value>(&asked[0].body).unwrap(),
            patch
        );
        assert_eq!(asked[0].content_type.as_deref(), Some("application/json"));
    }
}

#[test]
fn nothing_is_taken_away_without_consent() {
    for (arguments, would) in [
        (
            &["suspend", "nord"][..],
            "this would suspend nord (tenant 7): http://nord.localhost:8080",
        ),
        (
            &["remove-domain", "nord", "NORD.example"],
            "this would take nord.example from nord (tenant 7)",
        ),
        (
            &["remove-domain", "nord", "x.example"],
            "change nothing: nord (tenant 7) has no domain x.example",
        ),
    ] {
        let stub = Stub::start([("GET /v1/tenants/nord", ok(200, shop()))]);
        let (stdout, stderr) = check(run(&stub, &[&["tenant"], arguments].concat()), 2);
        assert!(
            stderr.contains(would) && stderr.contains("--yes"),
            "{stderr}"
        );
        assert_eq!(stdout, "");
        assert_eq!(stub.asked(), [get("GET /v1/tenants/nord")]);
    }
    let stub = Stub::start([]);
    check(run(&stub, &["tenant", "suspend", "nobody"]), 3);
}

#[test]
fn cells_are_listed() {
    let cells =
        json!({"cells": [{"cell": "cell-1", "region": "eu", "tenants": 3, "capacity": 10}]});
    let stub = Stub::start([("GET /v1/cells", ok(200, cells))]);
    let expect = "CELL    REGION  SHOPS  CAPACITY  FREE\ncell-1  eu          3        10     7\n";
    assert_eq!(check(run(&stub, &["cells"]), 0).0, expect);
}

#[test]
fn a_host_is_looked_up_in_the_route_table() {
    let table = json!({
        "revision": 9, "incarnation": 0, "contact": "live", "age_seconds": 0.0, "tenants": 3, "names": 5,
        "bytes": 640, "load": 0.25, "generation": 2,
    });
    let answer = |host: serde_json::Value| {
        let mut answer = table.clone();
        answer["host"] = host;
        ok(200, answer)
    };
    let known = json!({
        "host": "acme.localhost", "tenant": 7, "cell": "cell-1", "lifecycle": "active", "moving": true, "epoch": "0.2",
        "probes": [
            {"name": "acme", "finding": "tenant", "lines": 1},
            {"name": "acme.localhost", "finding": "unknown", "lines": 2},
        ],
    });
    let stub = Stub::start([("GET /debug/routes?host=ACME.localhost", answer(known))]);
    let expect = "\
acme.localhost: shop 7 in cell-1, active, moving at 0.2
LOOKED FOR      FOUND    LINES
acme            tenant       1
acme.localhost  unknown      2
5 names of 3 shops, revision 9, directory live; 640 bytes, load 0.25, generation 2
";
    assert_eq!(
        check(run(&stub, &["routes", "ACME.localhost"]), 0).0,
        expect
    );

    let unknown = json!({"host": "a.example", "probes": []});
    let stub = Stub::start([("GET /debug/routes?host=a.example", answer(unknown))]);
    let (stdout, _) = check(run(&stub, &["routes", "a.example"]), 0);
    assert!(stdout.starts_with("a.example: nobody's\n"), "{stdout}");
}

#[test]
fn refusals_have_exit_codes() {
    for (status, code, exit) in [
        (400, "invalid_request", 2),
        (403, "tenant_suspended", 1),
        (404, "not_found", 3),
        (409, "slug_taken", 4),
        (422, "idempotency_mismatch", 4),
        (429, "rate_limited", 5),
        (503, "directory_unavailable", 5),
    ] {
        let refused = refusal(status, code);
        let json = format!("{}\n", refused.json);
        let stub = Stub::start([("POST /v1/tenants", refused)]);
        let create = ["tenant", "create", "--slug", "nord", "--plan", "basic"];
        let keyed = [&create[..], &["--idempotency-key", "k"]].concat();
        let (stdout, stderr) = check(run(&stub, &keyed), exit);
        let again = match exit {
            5 => "; repeat the command with --idempotency-key k",
            _ => "",
        };
        assert_eq!(
            (stdout.as_str(), stderr),
            ("", format!("error: it is {code} ({code}){again}\n"))
        );
        let (stdout, _) = check(run(&stub, &[&create[..], &["--json"]].concat()), exit);
        assert_eq!(stdout, json);
    }
}

#[test]
fn a_wrong_token_is_told() {
    let stub = Stub::start([("GET /v1/cells", ok(200, json!({"cells": []})))]);
    let wrong = folder(&stub.url(), "another-token-another-token-another");
    let (_, stderr) = check(storefront(wrong.path(), &["cells"]).output().unwrap(), 1);
    assert_eq!(stderr, "error: it is unauthorized (unauthorized)\n");
}

#[test]
fn a_server_can_be_named() {
    let stub = Stub::start([("GET /v1/cells", ok(200, json!({"cells": []})))]);
    let folder = stub.folder();
    let run = |url: &str, token: &Path| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
        command
            .args(["cells", "--ops", url, "--token-file"])
            .arg(token)
            .output()
            .unwrap()
    };
    check(run(&stub.url(), &folder.path().join("operator.token")), 0);
    let (_, stderr) = check(run(&stub.url(), &folder.path().join("missing")), 5);
    assert!(stderr.contains("missing: No such file"), "{stderr}");
}

#[test]
fn no_server_is_told_clearly() {
    let empty = tempfile::tempdir().unwrap();
    let (_, stderr) = check(storefront(empty.path(), &["cells"]).output().unwrap(), 5);
    assert!(
        stderr.contains("there is no ops.json; start one with `storefront serve"),
        "{stderr}"
    );

    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let gone = folder(&url, TOKEN);
    let (_, stderr) = check(storefront(gone.path(), &["cells"]).output().unwrap(), 5);
    let expect = format!("error: no server answers at {url}; is `storefront serve` running?: ");
    assert!(
        stderr.starts_with(&expect) && stderr.contains("Connection refused"),
        "{stderr}"
    );
}

#[test]
fn something_else_that_answers_is_told() {
    let stub = Stub::start([
        ("GET /v1/cells", ok(200, "<html>")),
        ("GET /v1/tenants/a", ok(502, "<html>")),
    ]);
    let (_, stderr) = check(run(&stub, &["cells"]), 1);
    assert!(
        stderr.contains("is no operator API that this program knows: status 200"),
        "{stderr}"
    );
    check(run(&stub, &["cells", "--json"]), 1);
    check(run(&stub, &["tenant", "show", "a"]), 5);
}

/// A server that hangs up once it has the head of a request.
fn hang_up() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
            head.push(byte[0]);
        }
    });
    url
}

#[test]
fn an_unknown_outcome_is_told_with_the_way_to_learn_it() {
    let lost = folder(&hang_up(), TOKEN);
    let create = [
        "tenant",
        "create",
        "--slug",
        "a",
        "--plan",
        "b",
        "--idempotency-key",
        "order-7",
    ];
    let (_, stderr) = check(storefront(lost.path(), &create).output().unwrap(), 5);
    assert!(
        stderr.contains("may have been done: repeat the command with --idempotency-key order-7"),
        "{stderr}"
    );

    let lost = folder(&hang_up(), TOKEN);
    let (_, stderr) = check(
        storefront(lost.path(), &["tenant", "resume", "a"])
            .output()
            .unwrap(),
        5,
    );
    assert!(
        stderr.contains("may have been done, and repeating the command does no harm"),
        "{stderr}"
    );
}

/// A report of an import with so many rejected rows.
fn report(rejected: u64) -> Value {
    let finding = json!({
        "line": 7, "character": 3, "column": "Variant Price", "handle": "mug\u{1b}[2J", "code": "bad_price",
        "message": "it is no price",
    });
    json!({
        "rows": 9, "products_seen": 4, "created": 3, "updated": 0, "unchanged": 0, "products_rejected": rejected,
        "rejected": vec![finding; rejected as usize], "rejected_count": rejected, "warnings": [],
        "warnings_count": 0, "unknown_columns": [], "ignored_columns": [], "stopped": null,
    })
}

const IMPORT: &str = "POST /v1/tenants/nord/import";

fn import_stub(rejected: u64) -> Stub {
    Stub::start([
        ("GET /v1/tenants/nord", ok(200, shop())),
        (IMPORT, ok(200, report(rejected))),
        (
            "POST /v1/tenants/nord/import?dry_run=true",
            ok(200, report(rejected)),
        ),
    ])
}

#[test]
fn a_file_is_imported() {
    let stub = import_stub(0);
    let file = stub.folder().keep().join("products.csv");
    // More than one chunk.
    let content = "Handle,Title\n".to_owned() + &"mug,Mug\n".repeat(30_000);
    fs::write(&file, &content).unwrap();
    let file = file.to_str().unwrap();
    let (stdout, _) = check(
        run(
            &stub,
            &["import", "--tenant", "nord", file, "--idempotency-key", "k"],
        ),
        0,
    );
    assert_eq!(
        stdout,
        "9 rows, 4 products: 3 created, 0 updated, 0 unchanged, 0 rejected\n"
    );
    let asked = stub.asked();
    let expect = Asked {
        key: Some("k".to_owned()),
        content_type: Some("text/csv".to_owned()),
        body: content,
        ..get(IMPORT)
    };
    assert!(
        asked == [get("GET /v1/tenants/nord"), expect],
        "something else was sent"
    );
    let (stdout, _) = check(
        run(&stub, &["import", "--tenant", "nord", file, "--dry-run"]),
        0,
    );
    assert!(
        stdout.starts_with("dry run, nothing was changed\n9 rows"),
        "{stdout}"
    );
}

#[test]
fn rejected_rows_make_an_import_fail() {
    let stub = import_stub(1);
    let output = run(&stub, &["import", "--tenant", "nord", "-"]);
    assert_eq!(output.status.code(), Some(1));
    let expect = "\
9 rows, 4 products: 3 created, 0 updated, 0 unchanged, 1 rejected
rejected: 1
  line 7, character 3, Variant Price (mug\\u{1b}[2J): it is no price
";
    assert_eq!(text(&output.stdout), expect);
    let output = run(&stub, &["import", "--tenant", "nord", "-", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        serde_json::from_slice::<Value>(&output.stdout).unwrap(),
        report(1)
    );
}

#[test]
fn a_file_is_sent_while_it_is_read() {
    let stub = import_stub(0);
    let folder = stub.folder();
    let mut command = storefront(folder.path(), &["import", "--tenant", "nord", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for part in ["Handle,Title\n", "mug,Mug\n"] {
        stdin.write_all(part.as_bytes()).unwrap();
        stdin.flush().unwrap();
        let arrived = stub.chunks.recv_timeout(Duration::from_secs(10));
        assert_eq!(
            arrived.as_deref(),
            Ok(part),
            "the server must see it before the file ends"
        );
    }
    drop(stdin);
    check(child.wait_with_output().unwrap(), 0);
    assert_eq!(stub.asked()[1].body, "Handle,Title\nmug,Mug\n");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let stub = import_stub(0);
    let (_, stderr) = check(
        run(&stub, &["import", "--tenant", "nord", "/no/such.csv"]),
        3,
    );
    assert!(
        stderr.starts_with("error: read /no/such.csv: No such file"),
        "{stderr}"
    );
    assert_eq!(
        stub.asked(),
        [],
        "the file is opened before the server is asked"
    );
    let (_, stderr) = check(run(&stub, &["import", "--tenant", "nord", "/"]), 1);
    assert!(
        stderr.starts_with("error: read /: Is a directory"),
        "{stderr}"
    );
}

#[test]
fn a_wrong_shop_is_told_before_anything_is_sent() {
    let stub = import_stub(0);
    let folder = stub.folder();
    let mut command = storefront(folder.path(), &["import", "--tenant", "nobody", "-"]);
    // Its input stays open: the command must not wait for its end.
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let stdin = child.stdin.take();
    check(child.wait_with_output().unwrap(), 3);
    drop(stdin);
    assert_eq!(stub.asked(), [get("GET /v1/tenants/nobody")]);
}
