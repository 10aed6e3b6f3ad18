//! Orders, stock and the audit log.

use serde_json::{Value, json};

use super::{
    check, get, hang_up, run, shop, storefront,
    stub::{Prepared, Stub, TOKEN, folder, ok, refusal},
};

fn order(state: &str) -> Value {
    json!({
        "order_id": "4611", "token": "f00d", "state": state, "email": "ada@example.com", "currency": "EUR",
        "items_minor": 2500, "shipping_minor": 0, "tax_minor": 0, "total_minor": 2500, "refunded_minor": 0,
        "created_at": 1_795_352_709_000_000_i64, "updated_at": 1_795_352_709_000_000_i64,
        "expires_at": 1_795_353_609_000_000_i64, "added_later": true,
        "lines": [{
            "variant_id": "42", "title": "Mug", "options": "", "sku": "MUG-1", "unit_price_minor": 1250,
            "quantity": 2, "from_stock": 2,
        }],
    })
}

fn numbers(on_hand: i64) -> Value {
    json!({
        "variant_id": "42", "received": on_hand, "on_hand": on_hand, "reserved": 0, "allocated": 0, "sold": 0,
        "seq": 2,
    })
}

fn words(arguments: &str) -> Vec<&str> {
    arguments.split_whitespace().collect()
}

const ORDER: &str = "/v1/tenants/nord/orders/4611";
const SHOWN: &str = "GET /v1/tenants/nord/orders/4611";
const VARIANT: &str = "POST /v1/tenants/nord/stock/42";

#[test]
fn orders_are_listed_page_by_page_downwards() {
    let page = |ids: &[i64], next: Option<&str>| {
        let orders: Vec<_> = ids
            .iter()
            .map(|id| {
                let mut order = order("paid");
                order["order_id"] = json!(id.to_string());
                order
            })
            .collect();
        ok(200, json!({"orders": orders, "next": next}))
    };
    let first = "GET /v1/tenants/nord/orders?state=paid&limit=500";
    let [second, third] = [8, 5].map(|after| format!("{first}&after={after}"));
    let stub = Stub::start([
        (first, page(&[9, 8], Some("8"))),
        (&second, page(&[5], Some("5"))),
        (&third, page(&[], None)),
    ]);
    let list = words("orders --tenant nord --state paid");
    let expect = "\
ORDER  STATE      TOTAL  MADE                  BUYER
    9  paid   25.00 EUR  2026-11-22T13:05:09Z  ada@example.com
    8  paid   25.00 EUR  2026-11-22T13:05:09Z  ada@example.com
    5  paid   25.00 EUR  2026-11-22T13:05:09Z  ada@example.com
";
    assert_eq!(check(run(&stub, &list), 0).0, expect);
    assert_eq!(stub.asked(), [get(first), get(&second), get(&third)]);

    let second = format!("{first}&after=8");
    let stub = Stub::start([
        (first, page(&[9, 8], Some("8"))),
        (&second, page(&[9, 8], Some("8"))),
    ]);
    let (_, stderr) = check(run(&stub, &list), 1);
    assert!(
        stderr.contains("the next page is not a later one"),
        "{stderr}"
    );
}

#[test]
fn an_order_is_shown_and_handed_over() {
    let fulfil = format!("POST {ORDER}/fulfil");
    let stub = Stub::start([
        (SHOWN, ok(200, order("paid"))),
        (&fulfil, ok(200, order("fulfilled"))),
    ]);
    let (stdout, _) = check(run(&stub, &words("orders show 4611 --tenant nord")), 0);
    assert!(
        stdout.contains("state     paid\n") && stdout.contains("MUG-1"),
        "{stdout}"
    );
    let (stdout, _) = check(run(&stub, &words("orders fulfil 4611 --tenant nord")), 0);
    assert!(stdout.contains("state     fulfilled\n"), "{stdout}");
    assert_eq!(stub.asked(), [get(SHOWN), get(&fulfil)]);
}

#[test]
fn an_order_is_called_off_with_consent() {
    let cancel = format!("POST {ORDER}/cancel");
    let stub = Stub::start([
        (SHOWN, ok(200, order("pending"))),
        (&cancel, ok(200, order("cancelled"))),
    ]);
    let arguments = words("orders cancel 4611 --tenant nord");
    let (stdout, stderr) = check(run(&stub, &arguments), 2);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("this would cancel order 4611 of ada@example.com: 2 reserved pieces"),
        "{stderr}"
    );
    assert_eq!(stub.asked(), [get(SHOWN)], "it was called off");
    let (stdout, _) = check(run(&stub, &[&arguments[..], &["--yes"]].concat()), 0);
    assert!(stdout.contains("state     cancelled\n"), "{stdout}");
    assert_eq!(stub.asked(), [get(&cancel)]);
}

fn refunded(state: &str) -> Prepared {
    ok(
        200,
        json!({"refund_id": "9", "order_id": "4611", "amount_minor": 500, "state": state}),
    )
}

#[test]
fn money_is_given_back_with_consent() {
    let refund = format!("POST {ORDER}/refund");
    let stub = Stub::start([(SHOWN, ok(200, order("paid"))), (&refund, refunded("done"))]);
    let all = words("orders refund 4611 --tenant nord");
    let (_, stderr) = check(run(&stub, &all), 2);
    assert!(
        stderr.contains("give 25.00 EUR of the 25.00 EUR left of order 4611 back"),
        "{stderr}"
    );
    assert_eq!(stub.asked(), [get(SHOWN)], "money was given back");
    let part = "--amount 5.00 --reason scratch --idempotency-key k --yes";
    let (stdout, _) = check(run(&stub, &[all.clone(), words(part)].concat()), 0);
    let expect = "refund    9\norder     4611\namount    5.00 EUR\nstate     done\n";
    assert_eq!(stdout, expect);
    let asked = stub.asked();
    assert_eq!(asked[1].line, refund);
    assert_eq!(asked[1].key.as_deref(), Some("k"));
    let body: Value = serde_json::from_str(&asked[1].body).unwrap();
    assert_eq!(body, json!({"amount_minor": 500, "reason": "scratch"}));

    check(
        run(&stub, &[all.clone(), words("--restock --yes")].concat()),
        0,
    );
    let body: Value = serde_json::from_str(&stub.asked()[1].body).unwrap();
    assert_eq!(body, json!({"restock": true}));

    let wrong = words("--amount 5.001 --yes");
    let (_, stderr) = check(run(&stub, &[all.clone(), wrong].concat()), 2);
    assert!(stderr.contains("5.001"), "{stderr}");
    assert_eq!(stub.asked(), [get(SHOWN)], "money was given back");

    let stub = Stub::start([
        (SHOWN, ok(200, order("paid"))),
        (&refund, refunded("refused")),
    ]);
    let output = run(&stub, &[&all[..], &["--yes"]].concat());
    assert_eq!(output.status.code(), Some(1), "the provider refused");
    assert_eq!(stub.asked()[1].body, "{}", "all that is left");
}

#[test]
fn a_refund_that_may_have_been_made_names_its_key() {
    let refund = format!("POST {ORDER}/refund");
    let stub = Stub::start([
        (SHOWN, ok(200, order("paid"))),
        (&refund, refusal(503, "payment_unknown")),
    ]);
    let arguments = words("orders refund 4611 --tenant nord --yes");
    let (_, stderr) = check(run(&stub, &arguments), 5);
    let key = stub.asked()[1].key.clone().unwrap();
    let expect = format!(
        "error: it is payment_unknown (payment_unknown); repeat the command with --idempotency-key {key}\n"
    );
    assert_eq!(stderr, expect);
}

#[test]
fn stock_is_listed() {
    let mut line = numbers(3);
    line["handle"] = json!("mug");
    line["title"] = json!("Mug");
    line["options"] = json!("Oat");
    line["sku"] = json!("MUG-1");
    line["reorder_at"] = json!(5);
    let page = ok(200, json!({"stock": [line], "next": null}));
    let [all, low] = ["limit=500", "low=true&limit=500"]
        .map(|query| format!("GET /v1/tenants/nord/stock?{query}"));
    let stub = Stub::start([(all.as_str(), page.clone()), (&low, page)]);
    let expect = "\
VARIANT  SKU    ON HAND  RESERVED  ALLOCATED  SOLD  REORDER AT  TITLE
     42  MUG-1        3         0          0     0           5  Mug, Oat
";
    assert_eq!(
        check(run(&stub, &words("stock --tenant nord")), 0).0,
        expect
    );
    check(run(&stub, &words("stock --tenant nord --low")), 0);
    assert_eq!(stub.asked(), [get(&all), get(&low)]);
}

#[test]
fn stock_is_changed() {
    for (arguments, body) in [
        (
            "receive 42 20 --note delivery",
            json!({"received": 20, "note": "delivery"}),
        ),
        ("count 42 0", json!({"count": 0})),
        ("adjust 42 -1", json!({"adjust": -1})),
        ("adjust 42 2", json!({"adjust": 2})),
        ("reorder-at 42 5", json!({"reorder_at": 5})),
        ("reorder-at 42 never", json!({"reorder_at": null})),
    ] {
        let stub = Stub::start([(VARIANT, ok(200, numbers(23)))]);
        let arguments = format!("stock {arguments} --tenant nord");
        let (stdout, _) = check(run(&stub, &words(&arguments)), 0);
        assert!(
            stdout.starts_with("variant   42\non hand   23\n"),
            "{stdout}"
        );
        let asked = stub.asked();
        let sent: Value = serde_json::from_str(&asked[0].body).unwrap();
        assert_eq!(sent, body, "{arguments}");
        assert_eq!(
            asked[0].key.as_ref().map(String::len),
            Some(32),
            "{arguments}"
        );
    }
}

#[test]
fn pieces_that_may_have_come_in_name_their_key() {
    let lost = folder(&hang_up(), TOKEN);
    let arguments = words("stock receive 42 20 --tenant nord --idempotency-key delivery-7");
    let output = storefront(lost.path(), &arguments).output().unwrap();
    let (_, stderr) = check(output, 5);
    assert!(
        stderr.contains("repeat the command with --idempotency-key delivery-7"),
        "{stderr}"
    );
}

#[test]
fn what_happened_to_stock_is_listed() {
    let event = json!({
        "seq": 1, "kind": "received", "quantity": 20, "order_id": null, "note": "first",
        "at": 1_795_352_709_000_000_i64,
    });
    let line = "GET /v1/tenants/nord/stock/42/events?limit=500";
    let stub = Stub::start([(line, ok(200, json!({"events": [event], "next": null})))]);
    let expect = "\
EVENT  AT                    KIND      PIECES  ORDER  NOTE
    1  2026-11-22T13:05:09Z  received      20      -  first
";
    let events = words("stock events 42 --tenant nord");
    assert_eq!(check(run(&stub, &events), 0).0, expect);
}

#[test]
fn stock_that_is_not_what_the_log_says_is_a_failure() {
    let line = "GET /v1/tenants/nord/stock/check";
    let stub = Stub::start([(line, ok(200, json!({"differences": []})))]);
    let arguments = words("stock check --tenant nord");
    let (stdout, _) = check(run(&stub, &arguments), 0);
    assert_eq!(stdout, "the stock is what the log says\n");

    let differences = json!([{"projected": numbers(3), "logged": numbers(2)}]);
    let stub = Stub::start([(line, ok(200, json!({ "differences": differences })))]);
    let output = run(&stub, &arguments);
    assert_eq!(output.status.code(), Some(1));
    let expect = "\
VARIANT  SAYS   ON HAND  RESERVED  ALLOCATED  SOLD  RECEIVED  EVENTS
     42  stock        3         0          0     0         3       2
     42  log          2         0          0     0         2       2
";
    assert_eq!(super::text(&output.stdout), expect);
}

#[test]
fn stock_is_rebuilt_with_consent() {
    let (check_line, rebuild) = (
        "GET /v1/tenants/nord/stock/check",
        "POST /v1/tenants/nord/stock/rebuild",
    );
    let differs = json!({"projected": numbers(3), "logged": numbers(2)});
    let broken = json!({"projected": numbers(3), "logged": null});
    let answers = |corrected: &[&Value], left_alone: &[&Value]| {
        let differences: Vec<_> = [corrected, left_alone].concat();
        Stub::start([
            (check_line, ok(200, json!({ "differences": differences }))),
            (
                rebuild,
                ok(
                    200,
                    json!({"corrected": corrected, "left_alone": left_alone}),
                ),
            ),
        ])
    };
    let arguments = words("stock rebuild --tenant nord");
    let consenting = words("stock rebuild --tenant nord --yes");
    let stub = answers(&[&differs], &[&broken]);
    let (stdout, stderr) = check(run(&stub, &arguments), 2);
    assert_eq!(stdout, "");
    assert!(
        stderr.contains("this would make the stock of 1 variant what its log says"),
        "{stderr}"
    );
    assert_eq!(stub.asked(), [get(check_line)], "it was rebuilt");
    let output = run(&stub, &consenting);
    assert_eq!(output.status.code(), Some(1), "some of it was left alone");
    let expect = "\
VARIANT  SAYS   ON HAND  RESERVED  ALLOCATED  SOLD  RECEIVED  EVENTS
     42  stock        3         0          0     0         3       2
     42  log          2         0          0     0         2       2
     42  stock        3         0          0     0         3       2
     42  log          ?         ?          ?     ?         ?       ?
corrected 1, left alone 1 whose log cannot be true
";
    assert_eq!(super::text(&output.stdout), expect);
    let asked = stub.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, rebuild);

    let stub = answers(&[], &[]);
    let (_, stderr) = check(run(&stub, &arguments), 2);
    assert!(stderr.contains("this would change nothing"), "{stderr}");
    let (stdout, _) = check(run(&stub, &consenting), 0);
    assert_eq!(stdout, "the stock is what the log says\n");
}

#[test]
fn acts_are_listed_also_of_shops_that_are_gone() {
    let act = json!({
        "seq": 3, "at": 1_795_352_709_000_000_i64, "operator": "operator-1", "action": "POST /v1/tenants",
        "tenant_id": 7, "detail": "", "status": 201,
    });
    let page = ok(200, json!({"entries": [act], "next": null}));
    let [all, of_one] =
        ["limit=500", "tenant=7&limit=500"].map(|query| format!("GET /v1/audit?{query}"));
    let known = "GET /v1/tenants/nord";
    let stub = Stub::start([
        (all.as_str(), page.clone()),
        (&of_one, page),
        (known, ok(200, shop())),
    ]);
    let expect = "\
ACT  AT                    BY          SHOP  STATUS  ACTION            DETAIL
  3  2026-11-22T13:05:09Z  operator-1     7     201  POST /v1/tenants
";
    assert_eq!(check(run(&stub, &["audit"]), 0).0, expect);
    check(run(&stub, &words("audit --tenant nord")), 0);
    check(run(&stub, &words("audit --tenant 7")), 0);
    let asked = stub.asked();
    assert_eq!(
        asked,
        [get(&all), get(known), get(&of_one), get(&of_one)],
        "a number is not looked up: the shop may be gone"
    );
}
