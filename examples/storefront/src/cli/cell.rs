//! `storefront cell …`: making cells of Postgres databases, auditing them, and serving one in a process of its own.

mod audit;
mod init;
mod prober;

use clap::Subcommand;

use super::{
    error::CliError,
    exit::Exit,
    processes::{CellArgs, run_cell},
};
use crate::postgres::CellUrl;

use audit::Audit;
use init::InitArgs;
use prober::Prober;

/// Make cells of Postgres databases, audit them, and serve one in a process of its own
#[derive(Debug, Subcommand)]
#[command(after_help = help!("
  storefront cell init postgres://postgres:…@db.example/shops
  storefront serve --cell cell-1
  storefront cell audit cell-1"))]
pub(super) enum CellCommand {
    Init(InitArgs),
    Serve(CellArgs),
    Audit(Audit),
    Prober(Prober),
}

impl CellCommand {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::Init(args) => args.execute().await,
            Self::Serve(args) => run_cell(args).await,
            Self::Audit(audit) => audit.execute().await,
            Self::Prober(prober) => prober.execute(),
        }
    }
}

/// Reads a URL that may hold a password. clap would repeat one that it cannot read.
fn url(text: &str) -> Result<CellUrl, CliError> {
    text.parse().map_err(CliError::Url)
}
