//! `storefront orders …`: what was bought, and what is done about it.

use clap::{Args, Subcommand};
use http::Method;

use super::{
    client::Client,
    consent::Consent,
    error::CliError,
    exit::Exit,
    nested::Nested,
    output::Output,
    pages,
    remote::{Remote, Task},
    shop_arg::ShopOption,
    values::{self, IdempotencyKey, OrderName},
};
use crate::{
    money::{Currency, Money, MoneyError},
    ops::{OrderView, Orders, RefundOrder, RefundView},
    shop::order::OrderState,
};

mod preview;
mod view;

/// `storefront orders`, alone or with a command for one order.
pub(super) type OrdersCommand = Nested<List, OrderCommand>;

#[derive(Debug, Subcommand)]
pub(super) enum OrderCommand {
    Show(Remote<Show>),
    Fulfil(Remote<Fulfil>),
    Cancel(Remote<Cancel>),
    Refund(Remote<Refund>),
}

impl OrdersCommand {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::List(remote) => remote.execute().await,
            Self::Below(OrderCommand::Show(remote)) => remote.execute().await,
            Self::Below(OrderCommand::Fulfil(remote)) => remote.execute().await,
            Self::Below(OrderCommand::Cancel(remote)) => remote.execute().await,
            Self::Below(OrderCommand::Refund(remote)) => remote.execute().await,
        }
    }
}

/// List a shop's orders, the last one first; or show, fulfil, cancel, refund one of them
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront orders --tenant nord
  storefront orders --tenant nord --state paid
  storefront orders fulfil 4611686018427387904 --tenant nord"))]
pub(super) struct List {
    #[command(flatten)]
    shop: ShopOption,
    /// Only those in this state: pending, paid, declined, expired, cancelled, fulfilled, refunded
    #[arg(long, value_name = "STATE", value_parser = values::order_state)]
    state: Option<OrderState>,
}

impl Task for List {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let mut list = view::List::new();
        let filter = self.state.map(|state| format!("state={}", state.as_str()));
        let path = self.shop.path_of("orders");
        let render = |page: &Orders| list.part(&page.orders);
        pages::print_all(
            client,
            output,
            (&path, filter.as_deref().unwrap_or("")),
            render,
        )
        .await?;
        Ok(Exit::Ok)
    }
}

/// Show an order with everything that was bought
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront orders show 4611686018427387904 --tenant nord
  storefront orders show 0123456789abcdef0123456789abcdef --tenant nord --json"))]
pub(super) struct Show {
    #[command(flatten)]
    order: OrderArgs,
}

impl Task for Show {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get(&self.order.path()).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Note that a paid order was handed over
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront orders fulfil 4611686018427387904 --tenant nord"))]
pub(super) struct Fulfil {
    #[command(flatten)]
    order: OrderArgs,
}

impl Task for Fulfil {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client
            .act(Method::POST, &self.order.path_of("fulfil"))
            .await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Call off an order that is not paid; what it held can be bought again
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront orders cancel 4611686018427387904 --tenant nord            says what would happen
  storefront orders cancel 4611686018427387904 --tenant nord --yes"))]
pub(super) struct Cancel {
    #[command(flatten)]
    order: OrderArgs,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Cancel {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        self.consent
            .check(client, &self.order.path(), preview::cancel)
            .await?;
        let answer = client
            .act(Method::POST, &self.order.path_of("cancel"))
            .await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Give the money of a paid order back, all that is left or a part
///
/// An order whose money was all given back is refunded, and what it took can be bought again; of an order that was
/// handed over only with --restock. The exit code is 1 when the payment provider refuses.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront orders refund 4611686018427387904 --tenant nord            says what would happen
  storefront orders refund 4611686018427387904 --tenant nord --yes
  storefront orders refund 4611686018427387904 --tenant nord --amount 5.00 --reason 'a scratch' --yes
  storefront orders refund 4611686018427387904 --tenant nord --restock --yes"))]
pub(super) struct Refund {
    #[command(flatten)]
    order: OrderArgs,
    /// How much, in the order's currency, like 12.50; without it, all that is left
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// What was handed over has come back: it can be bought again when all of the money is given back
    #[arg(long)]
    restock: bool,
    /// Key of the request: repeating it with the same key gives nothing twice; without it, a random one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Refund {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        // Amounts are read and written in the order's currency.
        let order: OrderView = client.get(&self.order.path()).await?.read()?;
        let amount = self.amount.as_deref().map(|text| minor(text, &order));
        let amount = amount.transpose()?;
        self.consent.given(|| preview::refund(&order, amount))?;
        let refund = RefundOrder {
            amount_minor: amount,
            reason: self.reason,
            restock: self.restock.then_some(true),
        };
        let key = self.idempotency_key.unwrap_or_else(IdempotencyKey::random);
        let path = self.order.path_of("refund");
        let answer = client.post(&path, &key, &refund).await?;
        let render = |refund: &RefundView| view::refund(refund, &order);
        let refund = output.answer(&answer, render)?;
        Ok(match refund.state.as_str() {
            "refused" => Exit::Failed,
            _ => Exit::Ok,
        })
    }
}

/// An amount of an order's currency in minor units.
fn minor(text: &str, order: &OrderView) -> Result<i64, MoneyError> {
    let currency = Currency::from_code(&order.currency)?;
    Ok(Money::parse_price(text, currency)?.minor())
}

#[derive(Debug, Args)]
struct OrderArgs {
    /// Number or token of the order
    order: OrderName,
    #[command(flatten)]
    shop: ShopOption,
}

impl OrderArgs {
    fn path(&self) -> String {
        self.shop.path_of(&format!("orders/{}", self.order))
    }

    fn path_of(&self, act: &str) -> String {
        format!("{}/{act}", self.path())
    }
}
