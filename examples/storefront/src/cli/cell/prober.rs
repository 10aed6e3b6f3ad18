use std::path::PathBuf;

use clap::Args;
use tenancy_core::isolation::audit;

use super::{CliError, Exit};
use crate::{
    cli::{
        output::{Form, Output},
        values::CellName,
    },
    postgres::CellFiles,
};

/// Print what makes the role that an audit tries out with
///
/// It is as powerful as the mover, and no superuser. An administrator runs it once for each cell, and gives the role a
/// password.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront cell prober cell-1 | psql postgres://postgres:…@db.example/shops
  storefront cell audit cell-1 --probe-url postgres://shops_prober:…@db.example/shops"))]
pub(in crate::cli) struct Prober {
    /// The cell: its name, or the application's URL
    #[arg(value_name = "NAME or URL")]
    cell: String,
    /// Data folder with the cell's file
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
}

impl Prober {
    pub(super) fn execute(self) -> Result<Exit, CliError> {
        let credentials = self
            .cell
            .parse::<CellName>()?
            .credentials(&CellFiles::of(&self.data))?;
        let mut output = Output::new(Form::Text);
        for statement in audit::prober(&credentials.isolation()) {
            output.note(&format!("{statement}\n"))?;
        }
        Ok(Exit::Ok)
    }
}
