//! `storefront stock …`: what there is, and what is done about it.

use clap::{Args, Subcommand};

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
    values::{IdempotencyKey, ReorderAt},
};
use crate::ops::{PatchStock, StockCheck, StockEvents, StockLines, StockRebuilt};

mod view;

/// `storefront stock`, alone or with a command for one variant.
pub(super) type StockCommand = Nested<List, VariantCommand>;

#[derive(Debug, Subcommand)]
pub(super) enum VariantCommand {
    Receive(Remote<Receive>),
    Count(Remote<Count>),
    Adjust(Remote<Adjust>),
    ReorderAt(Remote<SetReorderAt>),
    Events(Remote<Events>),
    Check(Remote<Check>),
    Rebuild(Remote<Rebuild>),
}

impl StockCommand {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::List(remote) => remote.execute().await,
            Self::Below(VariantCommand::Receive(remote)) => remote.execute().await,
            Self::Below(VariantCommand::Count(remote)) => remote.execute().await,
            Self::Below(VariantCommand::Adjust(remote)) => remote.execute().await,
            Self::Below(VariantCommand::ReorderAt(remote)) => remote.execute().await,
            Self::Below(VariantCommand::Events(remote)) => remote.execute().await,
            Self::Below(VariantCommand::Check(remote)) => remote.execute().await,
            Self::Below(VariantCommand::Rebuild(remote)) => remote.execute().await,
        }
    }
}

/// List a shop's stock; or receive, count, adjust, check, rebuild it
///
/// Each piece is at one of four places: on hand (free to be bought), reserved (its order is not paid yet), allocated
/// (paid for, and still here), sold (handed over). Variants that are not counted are not listed.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock --tenant nord
  storefront stock --tenant nord --low
  storefront stock receive 4611686018427387904 20 --tenant nord"))]
pub(super) struct List {
    #[command(flatten)]
    shop: ShopOption,
    /// Only what should be ordered, or has run out
    #[arg(long)]
    low: bool,
}

impl Task for List {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let mut list = view::List::new();
        let filter = if self.low { "low=true" } else { "" };
        let path = self.shop.path_of("stock");
        let render = |page: &StockLines| list.part(&page.stock);
        pages::print_all(client, output, (&path, filter), render).await?;
        Ok(Exit::Ok)
    }
}

/// Note that pieces came in
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock receive 4611686018427387904 20 --tenant nord
  storefront stock receive 4611686018427387904 20 --tenant nord --note 'second kiln' --idempotency-key delivery-7"))]
pub(super) struct Receive {
    #[command(flatten)]
    variant: VariantArgs,
    /// How many came in
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pieces: i64,
    #[command(flatten)]
    why: Why,
}

impl Task for Receive {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = PatchStock {
            received: Some(self.pieces),
            ..PatchStock::default()
        };
        self.variant.patch(patch, self.why, client, output).await
    }
}

/// Say how many pieces are on hand, whatever was thought
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock count 4611686018427387904 17 --tenant nord --note stocktaking"))]
pub(super) struct Count {
    #[command(flatten)]
    variant: VariantArgs,
    /// How many are on hand, without those that are reserved or paid for
    #[arg(value_parser = clap::value_parser!(i64).range(0..))]
    pieces: i64,
    #[command(flatten)]
    why: Why,
}

impl Task for Count {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = PatchStock {
            count: Some(self.pieces),
            ..PatchStock::default()
        };
        self.variant.patch(patch, self.why, client, output).await
    }
}

/// Say that there are more pieces than thought, or fewer
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock adjust 4611686018427387904 -1 --tenant nord --note broken"))]
pub(super) struct Adjust {
    #[command(flatten)]
    variant: VariantArgs,
    /// How many more are on hand; fewer, when it is negative
    #[arg(allow_negative_numbers = true)]
    pieces: i64,
    #[command(flatten)]
    why: Why,
}

impl Task for Adjust {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = PatchStock {
            adjust: Some(self.pieces),
            ..PatchStock::default()
        };
        self.variant.patch(patch, self.why, client, output).await
    }
}

/// Say from when on more should be ordered
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock reorder-at 4611686018427387904 5 --tenant nord
  storefront stock reorder-at 4611686018427387904 never --tenant nord"))]
pub(super) struct SetReorderAt {
    #[command(flatten)]
    variant: VariantArgs,
    /// So many pieces on hand or fewer are low; or never
    pieces: ReorderAt,
    #[command(flatten)]
    why: Why,
}

impl Task for SetReorderAt {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = PatchStock {
            reorder_at: Some(self.pieces.0),
            ..PatchStock::default()
        };
        self.variant.patch(patch, self.why, client, output).await
    }
}

/// List what happened to a variant's stock, the first event first
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock events 4611686018427387904 --tenant nord"))]
pub(super) struct Events {
    #[command(flatten)]
    variant: VariantArgs,
}

impl Task for Events {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let mut list = view::Events::new();
        let path = format!("{}/events", self.variant.path());
        let render = |page: &StockEvents| list.part(&page.events);
        pages::print_all(client, output, (&path, ""), render).await?;
        Ok(Exit::Ok)
    }
}

/// Compare all stock of a shop with the log of what happened to it
///
/// The exit code is 1 when something differs.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock check --tenant nord"))]
pub(super) struct Check {
    #[command(flatten)]
    shop: ShopOption,
}

impl Task for Check {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get(&self.shop.path_of("stock/check")).await?;
        let check: StockCheck = output.answer(&answer, view::check)?;
        Ok(match check.differences.as_slice() {
            [] => Exit::Ok,
            _ => Exit::Failed,
        })
    }
}

/// Make all stock of a shop what the log of what happened to it says
///
/// The exit code is 1 when stock was left alone because its log cannot be true.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront stock rebuild --tenant nord            says what would happen
  storefront stock rebuild --tenant nord --yes"))]
pub(super) struct Rebuild {
    #[command(flatten)]
    shop: ShopOption,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Rebuild {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let check = self.shop.path_of("stock/check");
        self.consent
            .check(client, &check, view::would_rebuild)
            .await?;
        let path = self.shop.path_of("stock/rebuild");
        let answer = client.post_at_length(&path, &()).await?;
        let rebuilt: StockRebuilt = output.answer(&answer, view::rebuilt)?;
        Ok(match rebuilt.left_alone.as_slice() {
            [] => Exit::Ok,
            _ => Exit::Failed,
        })
    }
}

#[derive(Debug, Args)]
struct VariantArgs {
    /// Number of the variant
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    variant: i64,
    #[command(flatten)]
    shop: ShopOption,
}

/// What goes with every change.
#[derive(Debug, Args)]
struct Why {
    /// Why, in a few words
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Key of the request: repeating it with the same key changes nothing twice; without it, a random one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
}

impl VariantArgs {
    fn path(&self) -> String {
        self.shop.path_of(&format!("stock/{}", self.variant))
    }

    /// Changes the stock and prints how it is afterwards.
    async fn patch(
        &self,
        patch: PatchStock,
        why: Why,
        client: &Client,
        output: &mut Output,
    ) -> Result<Exit, CliError> {
        let patch = PatchStock {
            note: why.note,
            ..patch
        };
        let key = why.idempotency_key.unwrap_or_else(IdempotencyKey::random);
        let answer = client.post(&self.path(), &key, &patch).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}
