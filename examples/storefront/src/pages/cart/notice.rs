//! What the cart's page says after an attempt to buy that bought nothing.

use super::{CartPage, Notice};
use crate::{
    money::{Currency, Money},
    shop::checkout::{CheckoutError, Refused, ShortItem},
};

impl CartPage {
    /// The page with why nothing was bought, for good.
    #[must_use]
    pub fn refused(self, refused: &Refused) -> Self {
        let (title, texts) = match refused.code.as_str() {
            "out_of_stock" => (
                "Not everything is there any more",
                self.short(refused.items.as_deref().unwrap_or_default()),
            ),
            "price_changed" => ("The total has changed", vec![self.new_total(refused)]),
            "payment_declined" => (
                "The payment was declined",
                sentence("Nothing was charged. Your cart is as it was, and you can try again."),
            ),
            "unknown_variant" => (
                "Something is no longer sold",
                sentence("Nothing was charged. Remove it to go on."),
            ),
            "checkout_ended" => (
                "That attempt was called off",
                sentence("Nothing was charged. You can try again."),
            ),
            _ => ("That did not work", vec![refused.message.clone()]),
        };
        self.notice(title, texts)
    }

    /// The page with why it is not known yet what became of the attempt, or why it could not be one.
    #[must_use]
    pub fn unanswered(self, error: &CheckoutError) -> Self {
        use tenancy_types::Problem;
        let (title, texts) = match error {
            CheckoutError::PaymentUnknown(_) => (
                "It is not known yet whether you have paid",
                sentence(match self.checkout {
                    Some(_) => {
                        "Press the button again with the same details: you will not pay twice."
                    }
                    None => "Ask again in a moment: you will not pay twice.",
                }),
            ),
            CheckoutError::IdempotencyMismatch => (
                "This cart has been sent before",
                sentence(
                    "It was sent with another address, payment or total. Send it again as it was \
                     to see its order, or change the cart to place another one.",
                ),
            ),
            error => ("That did not work", vec![error.client_text().into_owned()]),
        };
        self.notice(title, texts)
    }

    fn notice(mut self, title: &str, texts: Vec<String>) -> Self {
        let title = title.to_owned();
        self.notice = Some(Notice { title, texts });
        self
    }

    /// A sentence for each line of which there is not enough.
    fn short(&self, items: &[ShortItem]) -> Vec<String> {
        let text = |item: &ShortItem| {
            let title = self.title_of(&item.variant_id);
            match item.available {
                0 => format!("{title} is sold out."),
                available => {
                    format!(
                        "Of {title} there are only {available}; you asked for {}.",
                        item.requested
                    )
                }
            }
        };
        let nothing_charged = "Nothing was charged. Change your cart to go on.".to_owned();
        items.iter().map(text).chain([nothing_charged]).collect()
    }

    fn title_of(&self, variant: &str) -> String {
        let mut lines = self.lines.iter();
        let line = lines.find(|line| line.variant_id.to_string() == variant);
        match line.and_then(|line| line.article.as_ref()) {
            None => "an article".to_owned(),
            Some(article) if article.options.is_empty() => article.title.clone(),
            Some(article) => format!("{} ({})", article.title, article.options),
        }
    }

    fn new_total(&self, refused: &Refused) -> String {
        let currency = refused
            .currency
            .as_deref()
            .and_then(|code| Currency::from_code(code).ok());
        let total = refused.total_minor.zip(currency);
        let total = total.map(|(minor, currency)| Money::new(minor, currency).pretty().to_string());
        let now = total
            .map(|total| format!(" It is {total} now."))
            .unwrap_or_default();
        format!("Nothing was charged.{now} Look through your cart before you pay.")
    }
}

fn sentence(text: &str) -> Vec<String> {
    vec![text.to_owned()]
}
