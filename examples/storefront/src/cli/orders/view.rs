//! Orders as text.

use tenancy_types::UnixMicros;

use crate::{
    cli::{
        amount::amount,
        table::{self, Align, Table},
    },
    ops::{OrderLineView, OrderView, RefundView},
    pages::rfc3339,
};

/// A list of orders that is printed page by page.
pub(super) struct List(Table<5>);

impl List {
    pub(super) fn new() -> Self {
        Self(Table::new([
            ("ORDER", Align::Right),
            ("STATE", Align::Left),
            ("TOTAL", Align::Right),
            ("MADE", Align::Left),
            ("BUYER", Align::Left),
        ]))
    }

    pub(super) fn part(&mut self, orders: &[OrderView]) -> String {
        let rows: Vec<_> = orders.iter().map(row).collect();
        self.0.part(&rows)
    }
}

fn row(order: &OrderView) -> [String; 5] {
    [
        order.order_id.clone(),
        order.state.clone(),
        amount(order.total_minor, &order.currency),
        moment(order.created_at),
        order.email.clone(),
    ]
}

/// Everything about an order.
pub(super) fn card(order: &OrderView) -> String {
    let money = |minor| amount(minor, &order.currency);
    let unless_none = |minor| {
        if minor == 0 {
            String::new()
        } else {
            money(minor)
        }
    };
    let expires = if order.state == "pending" {
        moment(order.expires_at)
    } else {
        String::new()
    };
    let card = table::card(&[
        ("order", order.order_id.clone()),
        ("token", order.token.clone()),
        ("state", order.state.clone()),
        ("buyer", order.email.clone()),
        ("made", moment(order.created_at)),
        ("changed", moment(order.updated_at)),
        ("expires", expires),
        ("items", money(order.items_minor)),
        ("shipping", money(order.shipping_minor)),
        ("tax", unless_none(order.tax_minor)),
        ("total", money(order.total_minor)),
        ("refunded", unless_none(order.refunded_minor)),
    ]);
    format!("{card}\n{}", lines(&order.lines, &order.currency))
}

fn lines(lines: &[OrderLineView], currency: &str) -> String {
    let mut table = Table::new([
        ("PIECES", Align::Right),
        ("EACH", Align::Right),
        ("SKU", Align::Left),
        ("VARIANT", Align::Right),
        ("TITLE", Align::Left),
    ]);
    let rows: Vec<_> = lines
        .iter()
        .map(|line| {
            [
                line.quantity.to_string(),
                amount(line.unit_price_minor, currency),
                line.sku.clone(),
                line.variant_id.clone(),
                title(line),
            ]
        })
        .collect();
    table.part(&rows)
}

fn title(line: &OrderLineView) -> String {
    match line.options.as_str() {
        "" => line.title.clone(),
        options => format!("{}, {options}", line.title),
    }
}

/// Money of an order that was given back.
pub(super) fn refund(refund: &RefundView, order: &OrderView) -> String {
    table::card(&[
        ("refund", refund.refund_id.clone()),
        ("order", refund.order_id.clone()),
        ("amount", amount(refund.amount_minor, &order.currency)),
        ("state", refund.state.clone()),
    ])
}

fn moment(micros: i64) -> String {
    rfc3339(UnixMicros::new(micros))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::cli::orders) fn order() -> OrderView {
        OrderView {
            order_id: "7".to_owned(),
            token: "f00d".to_owned(),
            state: "paid".to_owned(),
            email: "ada@example.com".to_owned(),
            currency: "EUR".to_owned(),
            items_minor: 2_500,
            shipping_minor: 0,
            tax_minor: 0,
            total_minor: 2_500,
            refunded_minor: 500,
            created_at: 1_795_352_709_000_000,
            updated_at: 1_795_352_710_000_000,
            expires_at: 1_795_353_609_000_000,
            lines: vec![OrderLineView {
                variant_id: "42".to_owned(),
                title: "Mug".to_owned(),
                options: "Oat / 300 ml".to_owned(),
                sku: "MUG-1".to_owned(),
                unit_price_minor: 1_250,
                quantity: 2,
                from_stock: 2,
            }],
        }
    }

    #[test]
    fn orders_stand_below_each_other() {
        let pending = OrderView {
            order_id: "12".to_owned(),
            state: "pending".to_owned(),
            currency: "JPY".to_owned(),
            ..order()
        };
        let expect = "\
ORDER  STATE        TOTAL  MADE                  BUYER
   12  pending   2500 JPY  2026-11-22T13:05:09Z  ada@example.com
    7  paid     25.00 EUR  2026-11-22T13:05:09Z  ada@example.com
";
        assert_eq!(List::new().part(&[pending, order()]), expect);
    }

    #[test]
    fn a_card_tells_all() {
        let expect = "\
order     7
token     f00d
state     paid
buyer     ada@example.com
made      2026-11-22T13:05:09Z
changed   2026-11-22T13:05:10Z
items     25.00 EUR
shipping  0.00 EUR
total     25.00 EUR
refunded  5.00 EUR

PIECES       EACH  SKU    VARIANT  TITLE
     2  12.50 EUR  MUG-1       42  Mug, Oat / 300 ml
";
        assert_eq!(card(&order()), expect);
        let pending = OrderView {
            state: "pending".to_owned(),
            ..order()
        };
        assert!(card(&pending).contains("\nexpires   2026-11-22T13:20:09Z\n"));
    }

    #[test]
    fn a_refund_is_told_in_the_orders_currency() {
        let given = RefundView {
            refund_id: "9".to_owned(),
            order_id: "7".to_owned(),
            amount_minor: 500,
            state: "done".to_owned(),
        };
        let expect = "refund    9\norder     7\namount    5.00 EUR\nstate     done\n";
        assert_eq!(refund(&given, &order()), expect);
    }
}
