//! Isolating a database.

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Args;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::isolation::{Installed, Isolation, SealKey, install, install_key};

use crate::{
    Failed,
    cell::{CellArguments, Mode},
    input::{self, Unusable, options},
};

/// Isolates a database, as its administrator.
///
/// In one transaction: roles, the schema tenancy, row security and rights of the declared tables. The tables
/// become the owner role's; other roles than the cell's keep what they have. It is refused, and nothing is
/// changed, when the tables are not as declared. It can be run again, and then says what was changed.
///
/// The roles that log in get no passwords: ALTER ROLE ... PASSWORD, or psql's \\password, is yours.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tenancy-audit install --manifest tables.toml --roles shop --mode plain --dry-run
  tenancy-audit install --manifest tables.toml --roles shop --mode sealed --key-file seal.key \\
      --admin-url postgres://postgres@db/cell1

Exit codes: 0 isolated, 2 wrong usage or input, 3 the database could not be asked or refused.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    cell: CellArguments,
    /// An administrator's way to the database
    #[arg(
        long,
        env = "TENANCY_AUDIT_ADMIN_URL",
        hide_env_values = true,
        required_unless_present = "dry_run"
    )]
    admin_url: Option<String>,
    /// The key of a sealed cell, to be installed: a line with its id, a colon and 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print the statements and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let isolation = arguments.cell.isolation()?;
    let key = key(arguments)?;
    let (false, Some(url)) = (arguments.dry_run, &arguments.admin_url) else {
        print!("{isolation}");
        return Ok(ExitCode::SUCCESS);
    };
    let url = options("--admin-url", url)?;
    let runtime = input::runtime().map_err(Failed::database)?;
    let installed = runtime
        .block_on(isolate(&url, &isolation, key.as_ref()))
        .map_err(Failed::Database)?;
    for change in installed.changes() {
        println!("{change}");
    }
    println!("{} changes", installed.changes().len());
    Ok(ExitCode::SUCCESS)
}

fn key(arguments: &Arguments) -> Result<Option<SealKey>, Unusable> {
    match (&arguments.key_file, arguments.cell.mode) {
        (Some(_), Mode::Plain) => Err(Unusable::new("--key-file", "a plain cell has no key")),
        (Some(file), Mode::Sealed) => input::key(file).map(Some),
        (None, _) => Ok(None),
    }
}

async fn isolate(
    url: &PgConnectOptions,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Installed, Box<dyn Error + Send + Sync>> {
    let mut admin = PgConnection::connect_with(url).await?;
    let installed = install(&mut admin, isolation).await?;
    if let Some(key) = key {
        install_key(&mut admin, key).await?;
    }
    admin.close().await?;
    Ok(installed)
}
