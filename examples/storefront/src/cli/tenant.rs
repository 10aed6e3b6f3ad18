//! `storefront tenant …`: making, showing, changing, copying and removing shops.

use clap::{Args, Subcommand};
use tenancy_types::DomainName;

use super::{
    client::Client,
    consent::Consent,
    error::CliError,
    exit::Exit,
    output::Output,
    pages,
    remote::{Remote, Task},
    shop_arg::ShopArg,
    values::{self, IdempotencyKey},
};
use crate::ops::{NewShop, PatchLifecycle, Shop, ShopPatch, Shops};

mod export;
mod import;
mod leaving;
mod preview;
mod view;

use export::Export;
use import::Import;
use leaving::{Offboard, Purge, ShowReceipt, Undo};

/// Make, show, change, copy and remove shops
#[derive(Debug, Subcommand)]
#[command(after_help = help!("
  storefront tenant create --slug nord --plan basic --domain nord.example
  storefront tenant list
  storefront tenant suspend nord --yes"))]
pub(super) enum TenantCommand {
    Create(Remote<Create>),
    List(Remote<List>),
    Show(Remote<Show>),
    Suspend(Remote<Suspend>),
    Resume(Remote<Resume>),
    SetPlan(Remote<SetPlan>),
    AddDomain(Remote<AddDomain>),
    RemoveDomain(Remote<RemoveDomain>),
    Export(Remote<Export>),
    Import(Remote<Import>),
    Offboard(Remote<Offboard>),
    Undo(Remote<Undo>),
    Purge(Remote<Purge>),
    Receipt(Remote<ShowReceipt>),
}

impl TenantCommand {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::Create(remote) => remote.execute().await,
            Self::List(remote) => remote.execute().await,
            Self::Show(remote) => remote.execute().await,
            Self::Suspend(remote) => remote.execute().await,
            Self::Resume(remote) => remote.execute().await,
            Self::SetPlan(remote) => remote.execute().await,
            Self::AddDomain(remote) => remote.execute().await,
            Self::RemoveDomain(remote) => remote.execute().await,
            Self::Export(remote) => remote.execute().await,
            Self::Import(remote) => remote.execute().await,
            Self::Offboard(remote) => remote.execute().await,
            Self::Undo(remote) => remote.execute().await,
            Self::Purge(remote) => remote.execute().await,
            Self::Receipt(remote) => remote.execute().await,
        }
    }
}

/// Make a shop; it can be visited when the command is done
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant create --slug nord --plan basic
  storefront tenant create --slug sud --plan professional --domain sud.example --domain www.sud.example
  storefront tenant create --slug west --plan basic --region us --currency USD --idempotency-key order-7"))]
pub(super) struct Create {
    /// Short name, also its label below the platform's domain
    #[arg(long)]
    slug: String,
    /// Name of its plan
    #[arg(long)]
    plan: String,
    /// A domain of the merchant's own; can be given several times
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = values::domain)]
    domains: Vec<DomainName>,
    /// Region in which its data must stay; without it, any
    #[arg(long)]
    region: Option<String>,
    /// ISO 4217 code of its currency; without it, EUR
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Key of the request: repeating it with the same key makes no second shop; without it, a random one
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<IdempotencyKey>,
}

impl Task for Create {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let key = self.idempotency_key.unwrap_or_else(IdempotencyKey::random);
        let shop = NewShop {
            slug: self.slug,
            plan: self.plan,
            domains: self.domains.iter().map(ToString::to_string).collect(),
            region: self.region,
            currency: self.currency,
        };
        let answer = client.post("/v1/tenants", &key, &shop).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// List all shops
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant list
  storefront tenant list --json | jq '.tenants[].slug'"))]
pub(super) struct List {}

impl Task for List {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let mut list = view::List::new();
        let render = |page: &Shops| list.part(&page.tenants);
        pages::print_all(client, output, ("/v1/tenants", ""), render).await?;
        Ok(Exit::Ok)
    }
}

/// Show a shop
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant show nord
  storefront tenant show 1 --json"))]
pub(super) struct Show {
    #[command(flatten)]
    shop: ShopArg,
}

impl Task for Show {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get(&self.shop.path()).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Stop serving a shop; everything is kept
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant suspend nord            says what would happen
  storefront tenant suspend nord --yes"))]
pub(super) struct Suspend {
    #[command(flatten)]
    shop: ShopArg,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Suspend {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        self.consent
            .check(client, &self.shop.path(), preview::suspend)
            .await?;
        let patch = ShopPatch {
            lifecycle: Some(PatchLifecycle::Suspended),
            ..ShopPatch::default()
        };
        change(&self.shop, &patch, client, output).await
    }
}

/// Serve a suspended shop again
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant resume nord"))]
pub(super) struct Resume {
    #[command(flatten)]
    shop: ShopArg,
}

impl Task for Resume {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = ShopPatch {
            lifecycle: Some(PatchLifecycle::Active),
            ..ShopPatch::default()
        };
        change(&self.shop, &patch, client, output).await
    }
}

/// Put a shop on another plan; it counts from the next request
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant set-plan nord professional"))]
pub(super) struct SetPlan {
    #[command(flatten)]
    shop: ShopArg,
    /// Name of the plan
    plan: String,
}

impl Task for SetPlan {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = ShopPatch {
            plan: Some(self.plan),
            ..ShopPatch::default()
        };
        change(&self.shop, &patch, client, output).await
    }
}

/// Let a domain lead to a shop
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant add-domain nord www.nord.example"))]
pub(super) struct AddDomain {
    #[command(flatten)]
    shop: ShopArg,
    /// The domain
    #[arg(value_parser = values::domain)]
    domain: DomainName,
}

impl Task for AddDomain {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let patch = ShopPatch {
            add_domains: vec![self.domain.to_string()],
            ..ShopPatch::default()
        };
        change(&self.shop, &patch, client, output).await
    }
}

/// Take a domain from a shop; another shop may have it afterwards
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant remove-domain nord www.nord.example            says what would happen
  storefront tenant remove-domain nord www.nord.example --yes"))]
pub(super) struct RemoveDomain {
    #[command(flatten)]
    shop: ShopArg,
    /// The domain
    #[arg(value_parser = values::domain)]
    domain: DomainName,
    #[command(flatten)]
    consent: Consent,
}

impl Task for RemoveDomain {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let preview = |shop: &Shop| preview::remove_domain(shop, &self.domain);
        self.consent
            .check(client, &self.shop.path(), preview)
            .await?;
        let patch = ShopPatch {
            remove_domains: vec![self.domain.to_string()],
            ..ShopPatch::default()
        };
        change(&self.shop, &patch, client, output).await
    }
}

/// Changes a shop and prints how it is afterwards.
async fn change(
    shop: &ShopArg,
    patch: &ShopPatch,
    client: &Client,
    output: &mut Output,
) -> Result<Exit, CliError> {
    let answer = client.patch(&shop.path(), patch).await?;
    output.answer(&answer, view::card)?;
    Ok(Exit::Ok)
}
