use std::{fs, path::PathBuf};

use clap::{Args, ValueEnum};
use tenancy_core::isolation::audit::{Baseline, Judged, output};

use super::{CliError, Exit, url};
use crate::{
    cli::{
        output::{Form, Output},
        values::CellName,
    },
    postgres::{AuditRequest, CellFiles, audit},
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

Exit codes: 0 nothing new, 1 findings, 2 wrong usage, 3 the cell is not known or could not be audited")]
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

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

impl Audit {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        let baseline = match &self.baseline {
            Some(path) => Baseline::from_toml(&read(path)?)?,
            None => Baseline::default(),
        };
        let request = AuditRequest {
            credentials: self
                .cell
                .parse::<CellName>()?
                .credentials(&CellFiles::of(&self.data))?,
            probe: self.probe_url.as_deref().map(url).transpose()?,
        };
        let report = Box::pin(audit(&request)).await?;
        let judged = baseline.judge(report);
        let format = if self.json { Format::Json } else { self.format };
        Output::new(Form::Text).note(&written(&judged, format))?;
        Ok(if judged.is_clean() {
            Exit::Ok
        } else {
            Exit::Failed
        })
    }
}

/// Where the tables are declared, for reports that must name a file.
const MANIFEST: &str = "examples/storefront/src/shop/schema.rs";

fn read(path: &PathBuf) -> Result<String, CliError> {
    fs::read_to_string(path).map_err(|source| CliError::Read {
        path: path.clone(),
        source,
    })
}

fn written(judged: &Judged, format: Format) -> String {
    match format {
        Format::Text => output::text(judged),
        Format::Json => output::json(judged) + "\n",
        Format::Sarif => output::sarif(judged, MANIFEST) + "\n",
    }
}
