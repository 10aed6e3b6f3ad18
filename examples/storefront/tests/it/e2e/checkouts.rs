//! `kill -9` under a crowd of buyers: nobody who was told something was told wrong, nothing is sold twice,
//! and every piece and every payment has its order. `cargo xtask soak checkout` does it a hundred times more.

use std::{path::Path, sync::Arc};

use fastrand::Rng;
use sqlx::Connection as _;

use super::{
    books::{self, Books},
    buyers::Market,
    platform::{Folder, Kind, each_kind},
};

each_kind!(killed_checkouts_are_finished_once_and_the_books_agree);

async fn killed_checkouts_are_finished_once_and_the_books_agree(kind: Kind) {
    let mut random = Rng::with_seed(3);
    let mut platform = Market::platform(Folder::of(kind).await);
    let market = Arc::new(Market::open(&platform, 3).await);
    for answered in [3, 20, 45] {
        let folder = market
            .until_killed(platform, &mut random, market.has_answered(answered))
            .await;
        // From the second start on the worker ends orders, while buyers go on with them.
        if answered > 3 {
            books::let_orders_expire(folder.path()).await;
        }
        platform = Market::platform(folder);
        market.ask_what_is_answered(&platform, 3).await;
    }
    market.ask_what_is_open(&platform).await;
    market.ask_otherwise(&platform, 5).await;
    let (_, folder) = platform.stop("-TERM");
    let books = Books::read(folder.path()).await;
    assert_eq!(books.findings(&market), [""; 0]);
    assert!(books.paid() > 20, "{} orders are few", books.paid());
    if kind == Kind::Postgres {
        // The books are read by the same statements, and a file is easier to copy.
        return;
    }
    for planted in ERRORS {
        check_planted(&folder, &market, planted).await;
    }
}

/// Errors of which the books would not be in order any more, and what is said of them.
const ERRORS: [(&str, &str, &str); 12] = [
    (CELL, "delete from shop_order where state = 'paid'", "there are 0 orders"),
    (CELL, "delete from checkout_key where status = 402", "its key is gone"),
    (CELL, "update checkout_key set status = 402 where status = 201", "is recorded"),
    (
        CELL,
        "insert into shop_order (tenant_id, order_id, token, payment_key, state, email, currency, items_total,
            shipping, tax, total, refunded, created_at, updated_at, expires_at, next_try)
        select tenant_id, -order_id, '-' || token, '-' || payment_key, state, email, currency,
            items_total, shipping, tax, total, refunded, created_at, updated_at, expires_at, next_try
        from shop_order where state = 'paid'",
        "there are 2 orders",
    ),
    (CELL, "update order_line set quantity = quantity + 1", "its order is paid or another"),
    (CELL, "update shop_order set token = '-' || token where state = 'paid'", "its order is paid or another"),
    (CELL, "update stock set on_hand = on_hand + 1 where received = 1000000", "1000000 came in, now"),
    (
        CELL,
        "update stock set on_hand = on_hand - 1, reserved = reserved + 1 where received = 1000000",
        "the events do not lead to",
    ),
    (CELL, "delete from stock_event where kind = 'allocated'", "the events do not lead to"),
    (CELL, "update order_line set from_stock = from_stock + 1 where from_stock > 0", "pieces are paid for"),
    (
        PAYMENTS,
        "insert into payments select key || '-again', amount, currency, outcome, at from payments",
        "a charge without an order",
    ),
    (PAYMENTS, "delete from payments where outcome = 'charged'", "None charged"),
];

/// How the names of the files begin that the error is planted in.
const CELL: &str = "cell-";
const PAYMENTS: &str = "payments";

/// With the error in a copy of the files, it is found.
async fn check_planted(
    folder: &Folder,
    market: &Market,
    (files, error, finding): (&str, &'static str, &str),
) {
    let copy = Folder::new();
    let mut planted = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if path.is_dir() {
            continue;
        }
        std::fs::copy(&path, copy.path().join(&name)).unwrap();
        let name = name.to_str().unwrap();
        if name.starts_with(files) && name.ends_with(".db") {
            planted += plant(&copy.path().join(name), error).await;
        }
    }
    assert!(planted > 0, "{error} changes nothing");
    let found = Books::read(copy.path()).await.findings(market);
    assert!(
        found.iter().any(|found| found.contains(finding)),
        "{error}: {found:?}"
    );
}

async fn plant(file: &Path, error: &'static str) -> u64 {
    let mut file = books::open(file).await;
    let unchecked = "pragma ignore_check_constraints = on";
    sqlx::query(unchecked).execute(&mut file).await.unwrap();
    let planted = sqlx::query(error).execute(&mut file).await.unwrap();
    file.close().await.unwrap();
    planted.rows_affected()
}
