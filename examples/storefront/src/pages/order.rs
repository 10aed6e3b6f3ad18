//! An order's page, for whoever has its address.

use askama::Template;

use super::{Frame, Sums, date};
use crate::{
    money::Money,
    shop::order::{Order, OrderLine, OrderState},
};

/// An order as its buyer sees it.
#[derive(Debug, Template)]
#[template(path = "order.html")]
pub struct OrderPage {
    frame: Frame,
    state: State,
    lines: Vec<Line>,
    sums: Sums,
    refunded: Option<String>,
    ordered: Ordered,
    email: String,
}

/// A state in the buyer's words.
#[derive(Clone, Copy, Debug)]
struct State {
    word: &'static str,
    /// The class of the word's colour.
    tone: &'static str,
    title: &'static str,
    text: &'static str,
}

#[derive(Debug)]
struct Line {
    title: String,
    options: String,
    quantity: i64,
    price: String,
    sum: String,
}

#[derive(Debug)]
struct Ordered {
    machine: String,
    people: String,
}

impl OrderPage {
    /// The page of an order.
    #[must_use]
    pub fn new(frame: Frame, order: &Order) -> Self {
        let currency = order.totals.currency;
        let refunded = Money::new(order.refunded, currency);
        Self {
            frame,
            state: State::of(order.state),
            lines: order
                .lines
                .iter()
                .map(|line| Line::new(line, currency))
                .collect(),
            sums: Sums::new(&order.totals),
            refunded: (order.refunded > 0).then(|| refunded.pretty().to_string()),
            ordered: Ordered {
                machine: date::rfc3339(order.created_at),
                people: date::in_words(order.created_at),
            },
            email: masked(&order.email),
        }
    }
}

impl State {
    const fn of(state: OrderState) -> Self {
        let (word, tone, title, text) = match state {
            OrderState::Pending => (
                "Pending",
                "tone-wait",
                "We are waiting for your payment",
                "Your articles are held for you. Look in again in a moment.",
            ),
            OrderState::Paid => (
                "Paid",
                "tone-good",
                "Thank you for your order",
                "Your payment has arrived, and the shop gets everything ready.",
            ),
            OrderState::Fulfilled => (
                "Handed over",
                "tone-good",
                "Your order is on its way",
                "The shop has handed everything over. Enjoy it!",
            ),
            OrderState::Declined => (
                "Declined",
                "tone-bad",
                "The payment was declined",
                "Nothing was charged, and nothing is held for you. Your cart is as it was.",
            ),
            OrderState::Expired => (
                "Expired",
                "tone-bad",
                "This order was not paid in time",
                "Nothing was charged, and nothing is held for you any more.",
            ),
            OrderState::Cancelled => (
                "Cancelled",
                "tone-bad",
                "This order was cancelled",
                "Nothing was charged, and nothing is held for you any more.",
            ),
            OrderState::Refunded => (
                "Refunded",
                "tone-wait",
                "This order was refunded",
                "You have got all of your money back.",
            ),
        };
        Self {
            word,
            tone,
            title,
            text,
        }
    }
}

impl Line {
    fn new(line: &OrderLine, currency: crate::money::Currency) -> Self {
        let pretty = |minor| Money::new(minor, currency).pretty().to_string();
        let sum = line.unit_price.checked_mul(line.quantity);
        Self {
            title: line.title.clone(),
            options: line.options.clone(),
            quantity: line.quantity,
            price: pretty(line.unit_price),
            sum: sum.map(pretty).unwrap_or_default(),
        }
    }
}

/// An address of which only its owner knows the rest: `a***@example.com`.
#[must_use]
pub fn masked(email: &str) -> String {
    let (name, host) = email.rsplit_once('@').unwrap_or((email, ""));
    let first: String = name.chars().take(1).collect();
    format!("{first}***@{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_by_its_first_letter_and_its_host() {
        for (email, expect) in [
            ("ann@example.com", "a***@example.com"),
            ("a@example.com", "a***@example.com"),
            ("émile@exämple.fr", "é***@exämple.fr"),
            ("", "***@"),
        ] {
            assert_eq!(masked(email), expect);
        }
    }
}
