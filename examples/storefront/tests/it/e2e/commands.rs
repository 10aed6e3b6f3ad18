//! The command line and the platform, from a shop's first product to its receipt.

use std::process::Command;

use super::{
    buying::{a_variant, buy, mugs},
    export::entries,
    platform::{Kind, Platform, each_kind, output},
};

each_kind!(a_shop_sells_and_leaves_by_commands,);

/// What `storefront ARGUMENTS` prints, which must go well.
#[track_caller]
fn storefront(platform: &Platform, arguments: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_storefront"));
    command.args(arguments.split_whitespace());
    let output = output(command.arg("--data").arg(platform.data()));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

async fn a_shop_sells_and_leaves_by_commands(kind: Kind) {
    let platform = Platform::empty_on(kind).await;
    let run = |arguments: &str| storefront(&platform, arguments);
    run("tenant create --slug nord --plan basic");
    let [products, archive] = ["products.csv", "nord.tar"].map(|name| platform.data().join(name));
    std::fs::write(&products, mugs(10)).unwrap();
    run(&format!("import --tenant nord {}", products.display()));

    let visitor = platform.visitor("nord.localhost");
    let mug = a_variant(&visitor).await;
    let body = serde_json::json!({
        "items": [{"variant_id": mug, "quantity": 2}], "email": "ann@example.com", "payment_token": "test",
    });
    let bought = buy(&visitor, "purchase-1", &body).await.expect_status(201);
    let token = bought["order_token"].as_str().unwrap();

    let orders = run("orders --tenant nord --state paid");
    assert!(orders.contains("paid   25.00 EUR"), "{orders}");
    let row =
        |on_hand, allocated, sold| format!("{on_hand}         0          {allocated}     {sold}");
    let stock = run("stock --tenant nord");
    assert!(stock.contains(&row(8, 2, 0)), "{stock}");
    let fulfilled = run(&format!("orders fulfil {token} --tenant nord"));
    assert!(fulfilled.contains("state     fulfilled\n"), "{fulfilled}");
    let stock = run("stock --tenant nord");
    assert!(stock.contains(&row(8, 0, 2)), "{stock}");
    run(&format!("stock receive {mug} 5 --tenant nord"));
    let events = run(&format!("stock events {mug} --tenant nord"));
    assert_eq!(events.matches("received").count(), 2, "{events}");
    let refund = run(&format!(
        "orders refund {token} --tenant nord --amount 5.00 --yes"
    ));
    assert!(
        refund.contains("amount    5.00 EUR\nstate     done\n"),
        "{refund}"
    );
    run("stock check --tenant nord");

    let orders = run("orders --tenant nord");
    run(&format!("tenant export nord -o {}", archive.display()));
    let entries = entries(&std::fs::read_to_string(&archive).unwrap());
    assert_eq!(entries["tables/shop_order.jsonl"].lines().count(), 1);
    run("tenant offboard nord --yes");
    visitor.get("/").await.expect_error(410, "tenant_gone");
    let back = run("tenant undo nord");
    assert!(back.contains("state     suspended\n"), "{back}");
    let replaced = run(&format!(
        "tenant import {} --replace nord --yes",
        archive.display()
    ));
    assert!(replaced.contains("state     active\n"), "{replaced}");
    assert_eq!(
        run("orders --tenant nord"),
        orders,
        "an order was lost or changed"
    );
    let copy = run(&format!("tenant import {} --slug west", archive.display()));
    assert!(
        copy.contains("slug      west\nplan      basic\nstate     active\n"),
        "{copy}"
    );
    assert_eq!(
        run("orders --tenant west"),
        orders,
        "the copy has another order"
    );
    run("tenant offboard nord --yes");
    let receipt = run("tenant purge nord --confirm nord --yes");
    assert!(receipt.contains("   1  shop_order\n"), "{receipt}");
    assert_eq!(run("tenant receipt 1"), receipt);
    visitor.get("/").await.expect_error(404, "unknown_domain");
    let audit = run("audit --tenant 1");
    assert!(audit.contains("POST /v1/tenants/{tenant}/purge"), "{audit}");
}
