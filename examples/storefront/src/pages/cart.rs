//! The cart's page, with the form to buy what is in it.

mod notice;

use askama::Template;
use tenancy_types::TenantId;

use super::{Frame, Sums, frame::initial};
use crate::{
    money::Money,
    shop::{
        cart::{CartSecret, Contents, Line, Offer},
        order::Totals,
    },
};

/// The test payment that is declined.
const DECLINES: &str = "test-decline";

/// A visitor's cart.
#[derive(Debug, Template)]
#[template(path = "cart.html")]
pub struct CartPage {
    frame: Frame,
    notice: Option<Notice>,
    /// What proves that a form came from this page.
    token: String,
    lines: Vec<CartLine>,
    sums: Sums,
    checkout: Option<CheckoutForm>,
}

/// What the visitor must know before anything else: in a few words, and in sentences.
#[derive(Debug)]
struct Notice {
    title: String,
    texts: Vec<String>,
}

#[derive(Debug)]
struct CartLine {
    variant_id: i64,
    quantity: i64,
    article: Option<Article>,
}

/// What the shop says of a line.
#[derive(Debug)]
struct Article {
    href: String,
    title: String,
    options: String,
    price: String,
    /// What one cost when it was put in, when that was something else.
    price_then: Option<String>,
    sum: String,
    available: bool,
    picture: Option<String>,
    initial: String,
}

/// What is sent to buy exactly what the page shows.
#[derive(Debug)]
struct CheckoutForm {
    key: String,
    version: i64,
    total_minor: i64,
    /// `VARIANT:QUANTITY`.
    items: Vec<String>,
    email: String,
    declines: bool,
}

impl CartPage {
    /// The page of a cart with nothing in it.
    #[must_use]
    pub fn empty(frame: Frame) -> Self {
        let nothing = Totals {
            currency: frame.currency,
            items: 0,
            shipping: 0,
            tax: 0,
            total: 0,
        };
        Self {
            frame,
            notice: None,
            token: String::new(),
            lines: Vec::new(),
            sums: Sums::new(&nothing),
            checkout: None,
        }
    }

    /// The page of a cart. `totals` is what all of it costs now, `None` when that is no amount of money; the
    /// cart can be bought when the shop has all of it.
    #[must_use]
    pub fn new(
        frame: Frame,
        tenant: TenantId,
        secret: &CartSecret,
        contents: &Contents,
        totals: Option<Totals>,
    ) -> Self {
        let has = |line: &Line| line.offer.as_ref().is_some_and(|offer| offer.available);
        let payable = totals.filter(|_| contents.lines.iter().all(has));
        Self {
            token: secret.form_token(tenant),
            lines: contents.lines.iter().map(CartLine::new).collect(),
            sums: totals.as_ref().map(Sums::new).unwrap_or_default(),
            checkout: payable.map(|totals| CheckoutForm {
                key: contents.purchase_key(secret, tenant),
                version: contents.version,
                total_minor: totals.total,
                items: contents.lines.iter().map(item).collect(),
                email: String::new(),
                declines: false,
            }),
            notice: None,
            frame,
        }
    }

    /// The page with the form filled in as it was before.
    #[must_use]
    pub fn filled_in(mut self, email: &str, payment_token: &str) -> Self {
        if let Some(form) = &mut self.checkout {
            email.clone_into(&mut form.email);
            form.declines = payment_token == DECLINES;
        }
        self
    }
}

impl CartLine {
    fn new(line: &Line) -> Self {
        Self {
            variant_id: line.variant,
            quantity: line.quantity,
            article: line.offer.as_ref().map(|offer| Article::new(line, offer)),
        }
    }
}

impl Article {
    fn new(line: &Line, offer: &Offer) -> Self {
        let changed = offer.price != line.price_then;
        let sum = offer.price.minor().checked_mul(line.quantity);
        let sum = sum.map(|sum| Money::new(sum, offer.price.currency()));
        Self {
            href: format!("/products/{}?variant={}", offer.handle, line.variant),
            title: offer.title.clone(),
            options: offer.options.join(" / "),
            price: offer.price.pretty().to_string(),
            price_then: changed.then(|| line.price_then.pretty().to_string()),
            sum: sum.map(|sum| sum.pretty().to_string()).unwrap_or_default(),
            available: offer.available,
            picture: offer.image_src.clone(),
            initial: initial(&offer.title),
        }
    }
}

fn item(line: &Line) -> String {
    format!("{}:{}", line.variant, line.quantity)
}
