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
    /// Which version of the cart was sent to be bought and has no answer yet.
    sent: Option<i64>,
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
            sent: None,
            checkout: None,
        }
    }

    /// The page of a cart. `totals` is what all of it costs now, `None` when that is no amount of money; the
    /// cart can be bought when the shop has all of it. A cart that was sent already may have its pieces reserved:
    /// then they are gone for all others, and its buyer can go on.
    #[must_use]
    pub fn new(
        frame: Frame,
        tenant: TenantId,
        secret: &CartSecret,
        contents: &Contents,
        totals: Option<Totals>,
    ) -> Self {
        let lines = CartLine::all(contents);
        let payable = totals.filter(|_| !lines.is_empty() && lines.iter().all(CartLine::is_there));
        Self {
            token: secret.form_token(tenant),
            lines,
            sums: totals.as_ref().map(Sums::new).unwrap_or_default(),
            checkout: payable.map(|totals| CheckoutForm {
                version: contents.version,
                total_minor: totals.total,
                items: contents.lines.iter().map(item).collect(),
                email: String::new(),
                declines: false,
            }),
            sent: contents.sent,
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
    /// All lines of a cart. Pieces of one that was sent may be reserved for it: it is not said that they are gone.
    fn all(contents: &Contents) -> Vec<Self> {
        let mut lines: Vec<Self> = contents.lines.iter().map(Self::new).collect();
        if contents.is_sent() {
            let articles = lines.iter_mut().filter_map(|line| line.article.as_mut());
            articles.for_each(|article| article.available = true);
        }
        lines
    }

    fn new(line: &Line) -> Self {
        Self {
            variant_id: line.variant,
            quantity: line.quantity,
            article: line.offer.as_ref().map(|offer| Article::new(line, offer)),
        }
    }

    fn is_there(&self) -> bool {
        let article = self.article.as_ref();
        article.is_some_and(|article| article.available)
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
