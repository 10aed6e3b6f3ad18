//! Isolating a database.

use std::{error::Error, path::PathBuf, process::ExitCode};

use clap::Args;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::isolation::{Installed, Isolation, SealKey, install, install_with_key};

use crate::{
    Failed,
    cell::CellArguments,
    input::{self, options},
};

/// Isolates a database, as its administrator.
///
/// In one transaction: roles, the schema tenancy, row security and rights of the declared tables, and the key.
/// It is refused, and nothing is changed, when the tables are not as declared, or a role of these names is
/// somebody's already. It can be run again, and then says what was changed.
///
/// The tables become the owner role's: whoever owned them owns them no more. Other roles keep their grants, and
/// see no row of tenants' tables any more, without an error, unless they bypass row security; these are named.
/// PUBLIC may make no temporary tables in the database, nor anything in the declared schemas.
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
    /// The key of seals, to be installed in the same transaction, in a plain cell for later: a line with its id, a
    /// colon and 64 hexadecimal digits
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Print the statements and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let isolation = arguments.cell.isolation()?;
    let key = arguments.key_file.as_deref().map(input::key).transpose()?;
    let (false, Some(url)) = (arguments.dry_run, &arguments.admin_url) else {
        input::say(&isolation.to_string());
        return Ok(ExitCode::SUCCESS);
    };
    let url = options("--admin-url", url)?;
    let runtime = input::runtime().map_err(Failed::database)?;
    let installed = runtime
        .block_on(isolate(&url, &isolation, key.as_ref()))
        .map_err(Failed::Database)?;
    let mut said: String = installed
        .changes()
        .iter()
        .map(|one| format!("{one}\n"))
        .collect();
    for role in installed.blinded() {
        said.push_str(&format!(
            "role {role} may read tenants' tables, and sees no row of them any more\n"
        ));
    }
    said.push_str(&format!("{} changes\n", installed.changes().len()));
    input::say(&said);
    Ok(ExitCode::SUCCESS)
}

async fn isolate(
    url: &PgConnectOptions,
    isolation: &Isolation,
    key: Option<&SealKey>,
) -> Result<Installed, Box<dyn Error + Send + Sync>> {
    let mut admin = PgConnection::connect_with(url).await?;
    let installed = match key {
        Some(key) => install_with_key(&mut admin, isolation, key).await?,
        None => install(&mut admin, isolation).await?,
    };
    // It is done; how the connection ends is its own matter.
    let _ = admin.close().await;
    Ok(installed)
}
