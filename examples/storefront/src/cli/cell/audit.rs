use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use tenancy_core::isolation::audit::{
    Baseline, Ways, everything,
    output::{self, Format},
};

use super::{CliError, Exit, url};
use crate::{
    cli::{
        output::{Form, Output},
        values::CellName,
    },
    postgres::CellFiles,
};

/// Look whether a cell in Postgres isolates its shops
///
/// Reads the catalogs as the cell's auditor, and looks at what the shops are served through: the application's role,
/// a pooler, the key. With the prober's URL it also tries out, in transactions that are rolled back, what the application
/// can do to two canaries' rows; `storefront cell prober` prints what makes that role.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  storefront cell audit cell-1
  storefront cell audit cell-1 --probe-url postgres://shops_prober:…@db.example/shops
  storefront cell audit cell-1 --baseline known.toml --format sarif > audit.sarif

Exit codes: 0 nothing new, 1 findings or outdated entries of the baseline, 2 wrong usage or input, 3 the cell is not
known, or it or a part of it could not be audited: what was found is printed all the same")]
pub(in crate::cli) struct Audit {
    /// The cell: its name, or the application's URL
    #[arg(value_name = "NAME or URL")]
    cell: String,
    /// Data folder with the cell's file
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// The prober's URL, to try out what the application can do
    #[arg(
        long,
        value_name = "URL",
        env = "STOREFRONT_PROBER_URL",
        hide_env_values = true
    )]
    probe_url: Option<String>,
    /// Findings that are known, as TOML
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How the report is written
    #[arg(long, default_value = "text")]
    format: Format,
    /// Print JSON, like --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl Audit {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        let baseline = self.baseline.as_deref().map(baseline).transpose()?;
        let cell: CellName = self.cell.parse()?;
        let found = cell.credentials(&CellFiles::of(&self.data));
        let credentials = found.map_err(CliError::Unaudited)?;
        let probe = self.probe_url.as_deref().map(url).transpose()?;
        let ways = Ways {
            catalogs: Some(credentials.auditor.options()),
            app: Some(credentials.app.options()),
            prober: probe.map(|url| url.options()),
        };
        let key = credentials.key.key();
        let report = Box::pin(everything(ways, &credentials.isolation(), Some(key))).await;
        let judged = baseline.unwrap_or_default().judge(report);
        let format = if self.json { Format::Json } else { self.format };
        let text = output::write(&judged, format, MANIFEST);
        Output::new(Form::Text).note(&text)?;
        Ok(match (judged.failed.is_empty(), judged.is_clean()) {
            (true, true) => Exit::Ok,
            (true, false) => Exit::Failed,
            // The number that `tenancy-audit` has for it.
            (false, _) => Exit::NotFound,
        })
    }
}

/// Where the tables are declared, for reports that must name a file.
const MANIFEST: &str = "examples/storefront/src/shop/schema.rs";

fn baseline(path: &Path) -> Result<Baseline, CliError> {
    let of = |source: Box<dyn Error + Send + Sync>| CliError::Baseline {
        path: path.to_owned(),
        source,
    };
    let text = fs::read_to_string(path).map_err(|error| of(error.into()))?;
    Baseline::from_toml(&text).map_err(|error| of(error.into()))
}
