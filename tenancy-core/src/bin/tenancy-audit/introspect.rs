//! The tables of a database, written down.

use std::process::ExitCode;

use clap::Args;
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::isolation::{IntrospectError, Introspected, audit::output::chain, introspect};

use crate::{
    Failed,
    input::{self, options},
};

/// Writes down the tables of a database and whose rows they seem to hold.
///
/// What has the tenant's column is declared as tenants'. Everything else is a question with what speaks for
/// an answer, and the file makes no manifest before a person has answered: "undecided" becomes "tenant",
/// "shared_read" or "control_plane". At its end are the audit's findings, as far as the schema is their cause.
/// Nothing is changed, and the role needs no right to any table.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  tenancy-audit introspect --url postgres://postgres@db/app --tenant-column tenant_id > tables.toml
  tenancy-audit introspect --url ... --tenant-column account_id --tenant-column org_id --json

Exit codes: 0 all tables are known to be tenants' and make a manifest, 1 some are undecided or make none, 2 wrong
usage, 3 the database could not be asked.")]
pub(crate) struct Arguments {
    /// As whom the catalogs are read
    #[arg(long, env = "TENANCY_AUDIT_URL", hide_env_values = true)]
    url: String,
    /// What columns are called that name the tenant; of several, the first that a table has
    #[arg(long, value_name = "NAME", default_value = "tenant_id")]
    tenant_column: Vec<String>,
    /// For programs
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let url = options("--url", &arguments.url)?;
    let runtime = input::runtime().map_err(Failed::database)?;
    let names: Vec<&str> = arguments.tenant_column.iter().map(String::as_str).collect();
    let found = runtime
        .block_on(look(&url, &names))
        .map_err(Failed::database)?;
    input::say(&if arguments.json {
        found.to_json() + "\n"
    } else {
        found.to_toml()
    });
    let refused = found.manifest().err();
    if let Some(why @ IntrospectError::Declaration { .. }) = &refused {
        eprintln!("no manifest: {}", chain(why));
    }
    Ok(ExitCode::from(u8::from(refused.is_some())))
}

async fn look(url: &PgConnectOptions, names: &[&str]) -> Result<Introspected, IntrospectError> {
    let mut connection = PgConnection::connect_with(url).await?;
    let found = introspect(&mut connection, names).await?;
    // It has answered; how it ends is its own matter.
    let _ = connection.close().await;
    Ok(found)
}
