use std::path::PathBuf;

use clap::Args;
use reqwest::Body;
use tenancy_types::Slug;

use super::{preview, view};
use crate::{
    cli::{
        client::{Client, File},
        consent::Consent,
        error::CliError,
        exit::Exit,
        output::Output,
        remote::Task,
        upload::Upload,
        values::IdempotencyKey,
    },
    ops::Shop,
};

/// Make a shop of an archive, or give a shop back what is in one
///
/// The archive, which `tenant export` wrote, is checked wholly before anything is made or deleted. A new shop has what
/// is in the archive but its own domains; slug, plan and region are as in the archive unless they are given. With
/// --replace, a shop that is suspended or leaving loses what it has, gets what is in an archive of it, and is served
/// again.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront tenant import nord.tar --slug west --plan basic
  storefront tenant import nord.tar --slug west --cell 2 --idempotency-key order-8
  storefront tenant import nord.tar --replace nord            says what would happen
  storefront tenant import nord.tar --replace nord --yes"))]
pub(in crate::cli) struct Import {
    /// The archive; `-` is standard input
    file: PathBuf,
    #[command(flatten)]
    new: NewShopArgs,
    /// Slug of the shop that shall have what is in the archive, and nothing else
    #[arg(long, value_name = "SLUG")]
    replace: Option<Slug>,
    #[command(flatten)]
    consent: Consent,
}

/// What shall be otherwise with a new shop than the archive says.
#[derive(Debug, Args)]
struct NewShopArgs {
    /// Short name of the new shop
    #[arg(long, conflicts_with = "replace")]
    slug: Option<Slug>,
    /// Name of its plan
    #[arg(long, conflicts_with = "replace")]
    plan: Option<String>,
    /// Number of the cell that shall take it; without it, the platform chooses
    #[arg(long, value_name = "N", conflicts_with = "replace")]
    cell: Option<u16>,
    /// Region in which its data must stay
    #[arg(long, conflicts_with = "replace")]
    region: Option<String>,
    /// Key of the request: repeating it with the same key makes no second shop; without it, a random one
    #[arg(long, value_name = "KEY", conflicts_with = "replace")]
    idempotency_key: Option<IdempotencyKey>,
}

impl NewShopArgs {
    /// The address that makes it, with what is known of it.
    fn path(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.slug.as_ref().map(|slug| ("slug", slug.as_str())));
        query.extend_pairs(self.plan.as_ref().map(|plan| ("plan", plan)));
        query.extend_pairs(self.cell.map(|cell| ("cell", cell.to_string())));
        query.extend_pairs(self.region.as_ref().map(|region| ("region", region)));
        match query.finish().as_str() {
            "" => "/v1/archives".to_owned(),
            query => format!("/v1/archives?{query}"),
        }
    }
}

impl Task for Import {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let upload = Upload::open(&self.file).await?;
        let answer = match &self.replace {
            Some(slug) => {
                let path = format!("/v1/tenants/{slug}");
                let preview = |shop: &Shop| preview::replace(shop, &self.file);
                self.consent.check(client, &path, preview).await?;
                // Who writes the slug means this shop.
                let path = format!("{path}/archive?confirm={slug}");
                let send = async |body| client.put_file(&path, archive(body)).await;
                upload.send(send).await?
            }
            None => {
                let path = self.new.path();
                let key = self.new.idempotency_key;
                let key = key.unwrap_or_else(IdempotencyKey::random);
                let send = async |body| client.post_file(&path, &key, archive(body)).await;
                upload.send(send).await?
            }
        };
        output.answer(&answer, view::card)?;
        Ok(Exit::Ok)
    }
}

fn archive(body: Body) -> File {
    File {
        media_type: "application/x-tar",
        body,
    }
}
