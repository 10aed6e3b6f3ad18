//! Shops that leave: a time of grace, then nothing but a receipt.

use clap::Args;
use http::Method;
use tenancy_types::Slug;

use super::{preview, view};
use crate::{
    cli::{
        client::Client, consent::Consent, error::CliError, exit::Exit, output::Output,
        remote::Task, shop_arg::ShopArg,
    },
    ops::ConfirmPurge,
};

/// Let a shop leave: nobody is served, and after a time of grace it is purged
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant offboard nord            says what would happen
  storefront tenant offboard nord --yes"))]
pub(in crate::cli) struct Offboard {
    #[command(flatten)]
    shop: ShopArg,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Offboard {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let path = self.shop.path();
        self.consent.check(client, &path, preview::offboard).await?;
        let answer = client.act(Method::DELETE, &path).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Take back that a shop leaves; it is suspended then, as nothing is served by mistake
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant undo nord
  storefront tenant resume nord"))]
pub(in crate::cli) struct Undo {
    #[command(flatten)]
    shop: ShopArg,
}

impl Task for Undo {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.act(Method::POST, &self.shop.path_of("undo")).await?;
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

/// Delete everything of a shop that is leaving, for good, without waiting for its time of grace
///
/// The slug confirms that this shop is meant. What the command prints, and `tenant receipt` prints again, proves that
/// nothing is left. Asked again, it gives the same receipt; a purge that was interrupted is gone on with by itself.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant purge nord                              says what would happen
  storefront tenant purge nord --confirm nord --yes"))]
pub(in crate::cli) struct Purge {
    #[command(flatten)]
    shop: ShopArg,
    /// The shop's slug, to confirm that this shop is meant
    #[arg(long, value_name = "SLUG", required_if_eq("yes", "true"))]
    confirm: Option<Slug>,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Purge {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        self.consent
            .check(client, &self.shop.path(), preview::purge)
            .await?;
        let confirm = self.confirm.map(|slug| slug.as_str().to_owned());
        let confirm = ConfirmPurge {
            confirm: confirm.unwrap_or_default(),
        };
        let answer = client
            .post_at_length(&self.shop.path_of("purge"), &confirm)
            .await?;
        output.answer(&answer, view::receipt)?;
        Ok(Exit::Ok)
    }
}

/// Show what is left of a purged shop
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant receipt 7
  storefront tenant receipt 7 --json | jq -r .text > receipt-7.txt"))]
pub(in crate::cli) struct ShowReceipt {
    #[command(flatten)]
    shop: ShopArg,
}

impl Task for ShowReceipt {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get(&self.shop.path_of("receipt")).await?;
        output.answer(&answer, view::receipt)?;
        Ok(Exit::Ok)
    }
}
