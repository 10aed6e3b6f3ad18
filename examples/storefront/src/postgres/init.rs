//! Making a cell of a database, and making sure that it is one.
//!
//! Each part can be repeated, and an attempt that ends halfway is finished by the next one: the passwords and the
//! key are saved before the database learns of them, for a new cell before it has roles, and are given to it when it
//! does not know them. One attempt at a time works on a data folder.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tenancy_core::isolation::{
    AuditError, Change, InstallError, InvalidPrefix, Login, Net, Password, Roles, audit, install,
    install_key, retire_key, set_password,
};
use tenancy_migrate::{Database, SchemaError, Upgrade, upgrade_postgres};
use tenancy_types::{CellId, Region, SystemClock, UnixMicros};

use super::{
    AdminError, CellFiles, CellUrl, Credentials, FileError,
    admin::{self, Found},
    credentials::isolation,
    limit::silence,
};
use crate::shop::schema;

/// How long seals of the key before are taken after a new one was made: until all processes were restarted.
const OLD_KEYS: &str = "1 hour";

/// What to make.
#[derive(Clone, Debug)]
pub struct Init {
    /// The administrator's way in.
    pub admin: CellUrl,
    /// The cell, if not the first number that is free.
    pub cell: Option<CellId>,
    /// Where it stands, if not in the region `local`.
    pub region: Option<Region>,
    /// What its roles' names begin with, if not with the database's name.
    pub roles: Option<Roles>,
    /// Which passwords and key it has then.
    pub passwords: Passwords,
}

/// Which passwords and key a cell has after it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passwords {
    /// Those that it had.
    Keep,
    /// New ones.
    New,
}

/// What was made.
#[derive(Clone, Debug)]
pub struct Initialised {
    /// The ways into the cell.
    pub credentials: Credentials,
    /// Where they are saved.
    pub file: PathBuf,
    /// Everything that is other than before; empty when the cell was as it should be.
    pub changes: Vec<String>,
}

/// Why a database did not become a cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The database cannot be asked, or refused.
    #[error("ask {url}")]
    Database {
        /// As whom, and where.
        url: Box<str>,
        /// What the driver said.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The administrator is none, or the schema is somebody else's.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The tables cannot be brought to this program's version.
    #[error("make the tables")]
    Schema(#[from] SchemaError),
    /// The isolation cannot be installed.
    #[error("isolate the tables")]
    Install(#[from] InstallError),
    /// What was made is not served.
    #[error("the cell was made, and is not fit to be served")]
    Audit(#[from] AuditError),
    /// The cell's file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The database's name begins no names of roles.
    #[error("the database's name begins no names of roles, say --roles: {0}")]
    Prefix(#[from] InvalidPrefix),
    /// The cell is known as something else.
    #[error("the cell's {what} is {found}, and not {asked}")]
    Differs {
        /// `name`, `region`, `database` or `prefix of roles`.
        what: &'static str,
        /// What it is.
        found: String,
        /// What was asked for.
        asked: String,
    },
    /// The roles are there, and nothing is known of their passwords.
    #[error(
        "the roles {roles} are there and their passwords are not known here: bring the cell's file, or make new \
         ones with --rotate"
    )]
    PasswordsUnknown {
        /// The roles.
        roles: String,
    },
    /// The roles are another cell's, whose passwords would change, and who could enter this database.
    #[error(
        "the roles {roles} are those of the database {database} of this server: say other ones with --roles"
    )]
    RolesTaken {
        /// The roles.
        roles: String,
        /// The other database.
        database: String,
    },
    /// No number of a cell is left.
    #[error("no number of a cell is free")]
    NoNumber,
}

impl InitError {
    fn database(url: &CellUrl) -> impl Fn(sqlx::Error) -> Self {
        let url: Box<str> = url.to_string().into();
        move |source| Self::Database {
            url: url.clone(),
            source: source.into(),
        }
    }
}

/// What would be run in an empty database, to be read.
#[must_use]
pub fn script(roles: &Roles) -> String {
    let mut text = String::new();
    for version in schema::migrations().versions() {
        let (number, name) = (version.number(), version.name());
        text.push_str(&format!(
            "-- Version {number} of the tables: {name}\n{};\n\n",
            version.sql(Database::Postgres)
        ));
    }
    format!("{text}{}", isolation(roles, Net::Yes))
}

/// The roles of a request.
///
/// # Errors
/// [`InvalidPrefix`] when the database's name begins none.
pub fn roles_of(init: &Init) -> Result<Roles, InvalidPrefix> {
    match &init.roles {
        Some(roles) => Ok(roles.clone()),
        None => Roles::named(&init.admin.database()),
    }
}

/// Makes a cell of a database, or makes sure that it is one, and saves what leads into it below the data folder.
///
/// # Errors
/// [`InitError`]. Repeat it when the cause is gone. A server that says nothing for some seconds is away.
pub async fn init(data: &Path, init: &Init) -> Result<Initialised, InitError> {
    let files = CellFiles::of(data);
    let _turn = files.lock().await?;
    let known = known(&files, init)?;
    // A version of the tables may take hours, so not the time that passes says whether the server is there.
    tokio::select! {
        biased;
        made = make(data, init, known) => made,
        error = silence(&init.admin) => Err(InitError::database(&init.admin)(error)),
    }
}

async fn make(
    data: &Path,
    init: &Init,
    known: Option<Credentials>,
) -> Result<Initialised, InitError> {
    let files = CellFiles::of(data);
    let roles = match &known {
        Some(known) => known.roles.clone(),
        None => roles_of(init)?,
    };
    let failed = InitError::database(&init.admin);
    let mut connection = PgConnection::connect_with(&init.admin.options())
        .await
        .map_err(&failed)?;
    let found = admin::check(&mut connection, &roles)
        .await
        .map_err(&failed)??;
    let credentials = credentials(data, init, known.clone(), (roles, found))?;
    if known.is_none() {
        // Roles without a file that knows their passwords would be a dead end.
        files.save(&credentials)?;
    }
    let mut changes = tables(init, &mut connection, &credentials).await?;
    files.save(&credentials)?;
    if known.as_ref() != Some(&credentials) {
        changes.push(format!("saved {}", files.path(credentials.cell).display()));
    }
    changes.extend(passwords(&mut connection, &credentials, known.as_ref()).await?);
    changes.extend(keys(&mut connection, &credentials).await?);
    connection.close().await.map_err(&failed)?;
    let (app, key) = (credentials.app.options(), credentials.key.key());
    audit::boot(app, &credentials.isolation(), Some(key)).await?;
    Ok(Initialised {
        file: files.path(credentials.cell),
        credentials,
        changes,
    })
}

/// What is known of the cell, if that is what was asked for.
fn known(files: &CellFiles, init: &Init) -> Result<Option<Credentials>, InitError> {
    let place = init.admin.place();
    let known = match (files.at(&place)?, init.cell) {
        (None, Some(cell)) => {
            // Its shops would vanish with its file.
            if let Some(other) = files.of_cell(cell)? {
                return Err(differs("database", &other.place(), &place));
            }
            None
        }
        (known, _) => known,
    };
    if let Some(known) = &known {
        let same = |what, found: &dyn ToString, asked: Option<String>| match asked {
            Some(asked) if asked != found.to_string() => Err(InitError::Differs {
                what,
                found: found.to_string(),
                asked,
            }),
            _ => Ok(()),
        };
        same("name", &known.cell, init.cell.map(|cell| cell.to_string()))?;
        let region = init.region.as_ref().map(ToString::to_string);
        same("region", &known.region, region)?;
        let roles = init.roles.as_ref().map(ToString::to_string);
        same("roles", &known.roles, roles)?;
    }
    Ok(known)
}

fn differs(what: &'static str, found: &dyn ToString, asked: &dyn ToString) -> InitError {
    InitError::Differs {
        what,
        found: found.to_string(),
        asked: asked.to_string(),
    }
}

/// What the cell will be entered with.
fn credentials(
    data: &Path,
    init: &Init,
    known: Option<Credentials>,
    (roles, found): (Roles, Found),
) -> Result<Credentials, InitError> {
    let kept = init.passwords == Passwords::Keep;
    if let (None, Some(database)) = (&known, found.elsewhere) {
        let roles = roles.to_string();
        return Err(InitError::RolesTaken { roles, database });
    }
    let net = if found.superuser { Net::Yes } else { Net::No };
    let (cell, region) = match known {
        Some(known) if kept => return Ok(Credentials { net, ..known }),
        Some(known) => (known.cell, known.region),
        None if kept && found.app => {
            let roles = roles.to_string();
            return Err(InitError::PasswordsUnknown { roles });
        }
        None => {
            let local = || "local".parse().expect("it is the name of a region");
            let cell = init.cell.map_or_else(|| free(data), Ok)?;
            (cell, init.region.clone().unwrap_or_else(local))
        }
    };
    let fresh = Credentials::fresh(cell, region, roles, &init.admin);
    Ok(Credentials { net, ..fresh })
}

/// The first number that no cell of the data folder has.
fn free(data: &Path) -> Result<CellId, InitError> {
    let files = CellFiles::of(data);
    (1..=CellId::MAX.get())
        .filter_map(CellId::new)
        .find(|cell| !files.path(*cell).exists() && !data.join(format!("{cell}.db")).exists())
        .ok_or(InitError::NoNumber)
}

/// The tables and what isolates them.
async fn tables(
    init: &Init,
    connection: &mut PgConnection,
    credentials: &Credentials,
) -> Result<Vec<String>, InitError> {
    let options = init.admin.options();
    let Upgrade { from, to } =
        upgrade_postgres(&schema::migrations(), &options, &SystemClock).await?;
    let installed = install(connection, &credentials.isolation()).await?;
    // Whoever serves the cell looks whether its tables are the ones it knows.
    let grant = format!(
        "GRANT SELECT ON tenancy_schema_journal TO \"{}\"",
        credentials.roles.mover()
    );
    sqlx::raw_sql(AssertSqlSafe(grant))
        .execute(connection)
        .await
        .map_err(InitError::database(&init.admin))?;
    let upgraded = (from != to).then(|| format!("tables from version {from} to {to}"));
    let changes = installed.changes().iter().map(Change::to_string);
    Ok(upgraded.into_iter().chain(changes).collect())
}

/// Gives the roles the passwords that they do not have.
async fn passwords(
    connection: &mut PgConnection,
    credentials: &Credentials,
    known: Option<&Credentials>,
) -> Result<Vec<String>, InitError> {
    let mut changes = Vec::new();
    for login in [Login::App, Login::Mover, Login::Auditor] {
        let url = credentials.url(login);
        let same = known.is_some_and(|known| known.url(login) == url);
        if same && lets_in(url).await? {
            continue;
        }
        let password = Password::new(url.password().unwrap_or_default());
        set_password(connection, &credentials.roles, login, &password).await?;
        changes.push(format!("password of {}", url.role()));
    }
    Ok(changes)
}

/// Whether the role's password is the one in the URL.
async fn lets_in(url: &CellUrl) -> Result<bool, InitError> {
    match PgConnection::connect_with(&url.options()).await {
        Ok(connection) => {
            // It was a question, and how it ends says nothing.
            let _ = connection.close().await;
            Ok(true)
        }
        // invalid_authorization_specification and invalid_password.
        Err(sqlx::Error::Database(refusal))
            if matches!(refusal.code().as_deref(), Some("28000" | "28P01")) =>
        {
            Ok(false)
        }
        Err(error) => Err(InitError::database(url)(error)),
    }
}

/// Tells the cell of its key and lets all others end, also those that an interrupted rotation left.
async fn keys(
    connection: &mut PgConnection,
    credentials: &Credentials,
) -> Result<Vec<String>, InstallError> {
    const VALID: &str = "SELECT id FROM tenancy.seal_key WHERE not_after IS NULL ORDER BY id";
    let valid: Vec<String> = sqlx::query_scalar(VALID)
        .fetch_all(&mut *connection)
        .await?;
    let mut changes = Vec::new();
    let id = credentials.key.id();
    if !valid.iter().any(|known| known == id) {
        install_key(connection, &credentials.key.key()).await?;
        changes.push(format!("made seal key {id}"));
    }
    let mut old = valid.iter().filter(|known| *known != id).peekable();
    if old.peek().is_none() {
        return Ok(changes);
    }
    let end: i64 = sqlx::query_scalar(
        "SELECT (extract(epoch FROM now() + $1::text::interval) * 1000000)::bigint",
    )
    .bind(OLD_KEYS)
    .fetch_one(&mut *connection)
    .await?;
    for old in old {
        retire_key(connection, old, UnixMicros::new(end)).await?;
        changes.push(format!("seal key {old} ends in {OLD_KEYS}"));
    }
    Ok(changes)
}
