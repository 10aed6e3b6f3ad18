//! The books of a platform that is not running: what its cells and files say of orders, stock and money, and whether it
//! agrees with itself and with what buyers were told. Reads them directly and shares no code with what
//! is checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use serde_json::Value;
use sqlx::{
    Connection as _, FromRow, PgConnection, SqliteConnection, postgres::PgRow,
    sqlite::SqliteConnectOptions, sqlite::SqliteRow,
};
use storefront::postgres::CellFiles;

use super::buyers::{Market, Purchase};

#[derive(Default)]
pub(crate) struct Books {
    stock: Vec<Stock>,
    events: Vec<Event>,
    orders: Vec<Order>,
    lines: Vec<Line>,
    keys: Vec<Key>,
    payments: Vec<Payment>,
}

#[derive(FromRow)]
struct Stock {
    tenant_id: i64,
    variant_id: i64,
    received: i64,
    on_hand: i64,
    reserved: i64,
    allocated: i64,
    sold: i64,
    seq: i64,
}

#[derive(FromRow)]
struct Event {
    tenant_id: i64,
    variant_id: i64,
    seq: i64,
    kind: String,
    quantity: i64,
}

#[derive(FromRow)]
struct Order {
    tenant_id: i64,
    order_id: i64,
    token: String,
    payment_key: String,
    state: String,
    email: String,
    total: i64,
}

#[derive(FromRow)]
struct Line {
    tenant_id: i64,
    order_id: i64,
    variant_id: i64,
    quantity: i64,
    from_stock: i64,
}

#[derive(FromRow)]
struct Key {
    tenant_id: i64,
    key: String,
    order_id: Option<i64>,
    status: Option<i64>,
}

#[derive(FromRow)]
struct Payment {
    key: String,
    amount: i64,
    outcome: String,
}

/// A tenant and one of its variants or orders.
type Of = (i64, i64);

impl Books {
    /// Reads the files of all cells and of the payment provider.
    pub(crate) async fn read(folder: &Path) -> Self {
        let mut books = Self::default();
        for path in cells(folder) {
            let mut file = open(&path).await;
            books.read_cell(&mut file).await;
            file.close().await.unwrap();
        }
        for known in CellFiles::of(folder).all().unwrap() {
            let mut database = PgConnection::connect_with(&known.mover.options())
                .await
                .unwrap();
            books.read_cell(&mut database).await;
            database.close().await.unwrap();
        }
        let mut file = open(&folder.join("payments.db")).await;
        books.payments = file.all("select * from payments").await;
        file.close().await.unwrap();
        books
    }

    async fn read_cell<C: Cell>(&mut self, cell: &mut C)
    where
        Stock: for<'r> FromRow<'r, C::Row>,
        Event: for<'r> FromRow<'r, C::Row>,
        Order: for<'r> FromRow<'r, C::Row>,
        Line: for<'r> FromRow<'r, C::Row>,
        Key: for<'r> FromRow<'r, C::Row>,
    {
        self.stock.extend(cell.all("select * from stock").await);
        let events = "select * from stock_event order by tenant_id, variant_id, seq";
        self.events.extend(cell.all(events).await);
        self.orders
            .extend(cell.all("select * from shop_order").await);
        self.lines
            .extend(cell.all("select * from order_line").await);
        self.keys
            .extend(cell.all("select * from checkout_key").await);
    }

    /// Everything that does not add up once all is settled; empty when the books are in order.
    pub(crate) fn findings(&self, market: &Market) -> Vec<String> {
        let mut found = Vec::new();
        self.check_stock(market, &mut found);
        self.check_payments(&mut found);
        self.check_purchases(market, &mut found);
        found
    }

    /// How many orders were paid.
    pub(crate) fn paid(&self) -> usize {
        self.orders
            .iter()
            .filter(|order| order.state == "paid")
            .count()
    }

    /// Every piece is at one place: by the row, by its events, and by the orders that hold it.
    fn check_stock(&self, market: &Market, found: &mut Vec<String>) {
        let opening: BTreeMap<Of, i64> = market
            .shops
            .iter()
            .flat_map(|shop| {
                shop.opening
                    .iter()
                    .map(|(variant, pieces)| ((shop.tenant, *variant), *pieces))
            })
            .collect();
        let mut told = self.stock_by_events(found);
        let mut allocated = self.allocated_by_orders();
        let rows: BTreeSet<Of> = self
            .stock
            .iter()
            .map(|row| (row.tenant_id, row.variant_id))
            .collect();
        for variant in opening.keys().filter(|variant| !rows.contains(variant)) {
            found.push(format!("the stock of {variant:?} is gone"));
        }
        for row in &self.stock {
            let variant = (row.tenant_id, row.variant_id);
            let places = [row.on_hand, row.reserved, row.allocated, row.sold];
            if places.iter().any(|pieces| *pieces < 0) || places.iter().sum::<i64>() != row.received
            {
                found.push(format!(
                    "{variant:?}: {} came in, now {places:?}",
                    row.received
                ));
            }
            if opening.get(&variant) != Some(&row.received) {
                found.push(format!(
                    "{variant:?}: {:?} came in, not {}",
                    opening.get(&variant),
                    row.received
                ));
            }
            if told.remove(&variant) != Some((places, row.seq)) {
                found.push(format!("{variant:?}: the events do not lead to {places:?}"));
            }
            let by_orders = allocated.remove(&variant).unwrap_or(0);
            if [row.reserved, row.allocated, row.sold] != [0, by_orders, 0] {
                found.push(format!(
                    "{variant:?}: {by_orders} pieces are paid for, the stock says {places:?}"
                ));
            }
        }
        found.extend(
            told.keys()
                .map(|variant| format!("{variant:?}: events without stock")),
        );
        found.extend(
            allocated
                .keys()
                .map(|variant| format!("{variant:?}: sold and not in stock")),
        );
    }

    /// On hand, reserved, allocated and sold of each variant, and the number of its last event.
    fn stock_by_events(&self, found: &mut Vec<String>) -> BTreeMap<Of, ([i64; 4], i64)> {
        let mut stock: BTreeMap<Of, ([i64; 4], i64)> = BTreeMap::new();
        for event in &self.events {
            let variant = (event.tenant_id, event.variant_id);
            let (places, seq) = stock.entry(variant).or_default();
            let signs = match event.kind.as_str() {
                "received" | "adjusted" => [1, 0, 0, 0],
                "reserved" => [-1, 1, 0, 0],
                "released" => [1, -1, 0, 0],
                "allocated" => [0, -1, 1, 0],
                "deallocated" => [1, 0, -1, 0],
                "sold" => [0, 0, -1, 1],
                "returned" => [1, 0, 0, -1],
                other => panic!("an event of the kind {other}"),
            };
            for (place, sign) in places.iter_mut().zip(signs) {
                *place += sign * event.quantity;
            }
            *seq += 1;
            if *seq != event.seq || places.iter().any(|pieces| *pieces < 0) {
                found.push(format!(
                    "{variant:?}: event {} leads to {places:?}",
                    event.seq
                ));
            }
        }
        stock
    }

    fn allocated_by_orders(&self) -> BTreeMap<Of, i64> {
        let paid: BTreeSet<Of> = self
            .orders
            .iter()
            .filter(|order| order.state == "paid")
            .map(|order| (order.tenant_id, order.order_id))
            .collect();
        let mut allocated = BTreeMap::new();
        for line in &self.lines {
            if line.from_stock > 0 && paid.contains(&(line.tenant_id, line.order_id)) {
                *allocated
                    .entry((line.tenant_id, line.variant_id))
                    .or_default() += line.from_stock;
            }
        }
        allocated
    }

    /// No charge without a paid order, no paid order without its charge, and none with two.
    fn check_payments(&self, found: &mut Vec<String>) {
        let mut charges: BTreeMap<&str, &Payment> = self
            .payments
            .iter()
            .filter(|payment| payment.outcome == "charged")
            .map(|payment| (payment.key.as_str(), payment))
            .collect();
        for order in &self.orders {
            let charged = charges
                .remove(order.payment_key.as_str())
                .map(|payment| payment.amount);
            let due = (order.state == "paid").then_some(order.total);
            if charged != due {
                found.push(format!(
                    "order {} is {}: {charged:?} charged, {due:?} due",
                    order.order_id, order.state
                ));
            }
            if !matches!(order.state.as_str(), "paid" | "declined" | "expired") {
                found.push(format!("order {} is still {}", order.order_id, order.state));
            }
        }
        found.extend(
            charges
                .keys()
                .map(|key| format!("a charge without an order: {key}")),
        );
    }

    /// Each purchase is there once, as its buyer was told.
    fn check_purchases(&self, market: &Market, found: &mut Vec<String>) {
        let mut orders: BTreeMap<(i64, String), Vec<&Order>> = BTreeMap::new();
        for order in &self.orders {
            orders
                .entry((order.tenant_id, order.email.clone()))
                .or_default()
                .push(order);
        }
        let keys: BTreeMap<(i64, &str), &Key> = self
            .keys
            .iter()
            .map(|key| ((key.tenant_id, key.key.as_str()), key))
            .collect();
        for purchase in market.purchases() {
            let tenant = market.shops[purchase.shop].tenant;
            let orders = orders
                .remove(&(tenant, purchase.email()))
                .unwrap_or_default();
            let key = keys.get(&(tenant, purchase.key.as_str())).copied();
            if let Some(finding) = self.misfit(&purchase, key, &orders) {
                found.push(format!("{}: {finding}", purchase.key));
            }
        }
        found.extend(
            orders
                .keys()
                .map(|(_, email)| format!("nobody asked for the order of {email}")),
        );
    }

    fn misfit(&self, purchase: &Purchase, key: Option<&Key>, orders: &[&Order]) -> Option<String> {
        let Some((status, body)) = &purchase.answer else {
            return Some("it was never answered".to_owned());
        };
        let Some(key) = key else {
            return Some(format!("{status} was acknowledged, its key is gone"));
        };
        if key.status != Some(i64::from(*status)) {
            return Some(format!(
                "{status} was acknowledged, {:?} is recorded",
                key.status
            ));
        }
        let body: Value = serde_json::from_str(body).unwrap();
        let expect = match (status, body["error"]["code"].as_str()) {
            (201, None) => Some("paid"),
            (402, Some("payment_declined")) => Some("declined"),
            (409, Some("out_of_stock")) => None,
            (409, Some("checkout_ended")) => Some("expired"),
            _ => return Some(format!("nobody expects {status} {body}")),
        };
        match (expect, orders) {
            (None, []) => None,
            (Some(expect), [order]) => {
                let total = purchase.total();
                let (token, state) = (body["order_token"].as_str(), order.state.as_str());
                let is_whole = state == expect
                    && key.order_id == Some(order.order_id)
                    && order.total == total
                    && self.items_of(order) == purchase.items
                    && (*status != 201
                        || token == Some(&order.token) && body["total_minor"] == total);
                (!is_whole)
                    .then(|| format!("{body} was acknowledged, its order is {state} or another"))
            }
            (_, orders) => Some(format!(
                "{status} was acknowledged, there are {} orders",
                orders.len()
            )),
        }
    }

    fn items_of(&self, order: &Order) -> BTreeMap<i64, i64> {
        self.lines
            .iter()
            .filter(|line| (line.tenant_id, line.order_id) == (order.tenant_id, order.order_id))
            .map(|line| (line.variant_id, line.quantity))
            .collect()
    }
}

/// Lets the time of all orders be over that are pending in a platform that is not running.
pub(crate) async fn let_orders_expire(folder: &Path) {
    let sql = "update shop_order set expires_at = 1 where state = 'pending'";
    for path in cells(folder) {
        let mut file = open(&path).await;
        sqlx::query(sql).execute(&mut file).await.unwrap();
        file.close().await.unwrap();
    }
    for known in CellFiles::of(folder).all().unwrap() {
        let mut database = PgConnection::connect_with(&known.mover.options())
            .await
            .unwrap();
        sqlx::query(sql).execute(&mut database).await.unwrap();
        database.close().await.unwrap();
    }
}

/// The files of the cells.
fn cells(folder: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_cell = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("cell-") && name.ends_with(".db")
    };
    paths.filter(is_cell).collect()
}

/// Opens a file for reading, and for planting errors.
pub(crate) async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// A cell's database.
trait Cell {
    type Row: sqlx::Row;

    async fn all<R: for<'r> FromRow<'r, Self::Row> + Send + Unpin>(
        &mut self,
        sql: &'static str,
    ) -> Vec<R>;
}

impl Cell for SqliteConnection {
    type Row = SqliteRow;

    async fn all<R: for<'r> FromRow<'r, SqliteRow> + Send + Unpin>(
        &mut self,
        sql: &'static str,
    ) -> Vec<R> {
        sqlx::query_as(sql).fetch_all(self).await.unwrap()
    }
}

impl Cell for PgConnection {
    type Row = PgRow;

    async fn all<R: for<'r> FromRow<'r, PgRow> + Send + Unpin>(
        &mut self,
        sql: &'static str,
    ) -> Vec<R> {
        sqlx::query_as(sql).fetch_all(self).await.unwrap()
    }
}
