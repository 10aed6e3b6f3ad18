use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tenancy_core::isolation::{InvalidPrefix, Roles};
use tenancy_types::{CellId, Region};

use super::{CliError, Exit, url};
use crate::{
    cli::{
        output::{Form, Output},
        table::card,
    },
    postgres::{Init, InitError, Initialised, Passwords, init, roles_of, script},
};

/// Make a cell of a Postgres database
///
/// The URL is an administrator's, who is needed this once, and again after an update of this program: a superuser, or
/// the owner of the database who may make roles. It makes the cell's roles, tables and isolation, and prints the URLs
/// of three roles with a password each: serving needs the application's and the mover's, auditing the auditor's.
/// They are also saved, with the key of seals, in `cells/cell-N.toml` below the data folder.
///
/// Doing it again changes nothing, and says so.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront cell init postgres://postgres:…@db.example/shops
  storefront cell init postgres://postgres:…@db.example/shops?sslmode=verify-full --region eu --json
  storefront cell init postgres://postgres@db.example/shops --dry-run | less
  storefront cell init postgres://postgres:…@db.example/shops --rotate"))]
pub(in crate::cli) struct InitArgs {
    /// The administrator's URL; the variable keeps it out of the list of processes
    #[arg(
        value_name = "URL",
        env = "STOREFRONT_ADMIN_URL",
        hide_env_values = true
    )]
    admin: String,
    /// Data folder in which the cell's file is saved
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// The cell's name [default: the first that is free]
    #[arg(long, value_name = "NAME")]
    name: Option<CellId>,
    /// Where it stands [default: local]
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,
    /// What its roles' names begin with; roles are the whole server's [default: the database's name]
    #[arg(long, value_name = "PREFIX", value_parser = roles)]
    roles: Option<Roles>,
    /// Give the roles new passwords, at once, and the cell a new key; copy the cell's file and restart what serves it now
    #[arg(long)]
    rotate: bool,
    /// Only print the tables and the isolation of an empty database, to read and not to run; nothing is connected to
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// How many changes people are shown.
const SHOWN: usize = 20;

fn roles(prefix: &str) -> Result<Roles, InvalidPrefix> {
    Roles::named(prefix)
}

impl InitArgs {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        let form = if self.json { Form::Json } else { Form::Text };
        let mut output = Output::new(form);
        let request = Init {
            admin: url(&self.admin)?,
            cell: self.name,
            region: self.region,
            roles: self.roles,
            passwords: if self.rotate {
                Passwords::New
            } else {
                Passwords::Keep
            },
        };
        if self.dry_run {
            let roles = roles_of(&request).map_err(|error| Box::new(InitError::from(error)))?;
            let sql = script(&roles);
            output.value(&DryRun { sql: &sql }, |_| sql.clone())?;
            return Ok(Exit::Ok);
        }
        let made = Box::pin(init(&self.data, &request))
            .await
            .map_err(Box::new)?;
        output.value(&Made::of(&made), |made| shown(made))?;
        Ok(Exit::Ok)
    }
}

#[derive(Serialize)]
struct DryRun<'a> {
    sql: &'a str,
}

/// A cell that was made, for programs. It has the passwords, which is what it is for.
#[derive(Serialize)]
struct Made<'a> {
    cell: String,
    region: String,
    database: String,
    roles: &'a str,
    changes: &'a [String],
    app_url: &'a str,
    mover_url: &'a str,
    auditor_url: &'a str,
    file: String,
}

impl<'a> Made<'a> {
    fn of(made: &'a Initialised) -> Self {
        let credentials = &made.credentials;
        Self {
            cell: credentials.cell.to_string(),
            region: credentials.region.to_string(),
            database: credentials.place().to_string(),
            roles: credentials.roles.prefix(),
            changes: &made.changes,
            app_url: credentials.app.revealed(),
            mover_url: credentials.mover.revealed(),
            auditor_url: credentials.auditor.revealed(),
            file: made.file.display().to_string(),
        }
    }
}

fn shown(made: &Made<'_>) -> String {
    let changes = &made.changes;
    let mut text = match changes.len() {
        0 => "nothing changed\n".to_owned(),
        many if many > SHOWN => {
            format!("{many} objects made or changed; --json lists them\n")
        }
        _ => changes.join("\n") + "\n",
    };
    text.push_str(&card(&[
        ("cell", format!("{} ({})", made.cell, made.region)),
        ("database", made.database.clone()),
        ("app", made.app_url.to_owned()),
        ("mover", made.mover_url.to_owned()),
        ("auditor", made.auditor_url.to_owned()),
        ("file", made.file.clone()),
    ]));
    text
}
