//! `tenancy-audit`: whether a live Postgres cell isolates its tenants.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to a person at a terminal"
)]

use std::{error::Error, fmt, fs, path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::{
    Manifest,
    isolation::{
        AuditError, Isolation, IsolationMode, Net, Roles, SealKey,
        audit::{self, Baseline, Enforcement, Judged, Report, output},
    },
};

/// Looks whether a live Postgres cell isolates its tenants, and says what does not.
///
/// The catalogs are read as any role, best the auditor's. With the application's URL it also looks at what
/// the application would be served through: its role, a pooler, its key. With a superuser's URL it also tries
/// out, in a transaction that is rolled back, what the application can do to two canaries' rows.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "\
Examples:
  tenancy-audit --manifest tables.toml --roles shop --mode plain --url postgres://shop_auditor@db/cell1
  tenancy-audit --manifest tables.toml --roles shop --mode sealed --url postgres://shop_auditor@db/cell1 \\
      --app-url postgres://shop_app@pooler/cell1 --key-file seal.key \\
      --probe-url postgres://postgres@db/cell1
  tenancy-audit ... --baseline known.toml --format sarif > audit.sarif

A baseline names findings that stay, each with the reason:
  [[known]]
  check = \"T7\"
  object = \"index shop_domain on public.domain\"
  reason = \"domains are the whole world's\"

Exit codes: 0 nothing new, 1 findings or outdated entries of the baseline, 2 wrong usage or input,
3 the cell could not be audited."
)]
struct Arguments {
    /// The tables, as TOML
    #[arg(long, value_name = "FILE")]
    manifest: PathBuf,
    /// What the names of the cell's roles begin with
    #[arg(long, value_name = "PREFIX")]
    roles: String,
    /// What the cell is to withstand
    #[arg(long)]
    mode: Mode,
    /// The cell was installed without the event trigger
    #[arg(long)]
    no_net: bool,
    /// As whom the catalogs are read
    #[arg(long, env = "TENANCY_AUDIT_URL", hide_env_values = true)]
    url: String,
    /// The application's way to the cell
    #[arg(long, env = "TENANCY_AUDIT_APP_URL", hide_env_values = true)]
    app_url: Option<String>,
    /// The application's key for a sealed cell: a line with its id, a colon and 64 hexadecimal digits
    #[arg(long, value_name = "FILE", requires = "app_url")]
    key_file: Option<PathBuf>,
    /// A superuser's way to the cell
    #[arg(long, env = "TENANCY_AUDIT_PROBE_URL", hide_env_values = true)]
    probe_url: Option<String>,
    /// Findings that are known
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// How the report is written
    #[arg(long, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Mode {
    Plain,
    Sealed,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

/// What was asked, with all files read.
struct Task {
    isolation: Isolation,
    catalogs: PgConnectOptions,
    app: Option<(PgConnectOptions, Option<SealKey>)>,
    probe: Option<PgConnectOptions>,
    baseline: Baseline,
}

/// An argument or a file that cannot be used.
#[derive(Debug)]
struct Unusable {
    what: String,
    source: Box<dyn Error + Send + Sync>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let task = match task(&arguments) {
        Ok(task) => task,
        Err(unusable) => {
            eprintln!("error: {unusable}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let judged = runtime
        .map_err(|source| AuditError::from(sqlx::Error::Io(source)))
        .and_then(|runtime| runtime.block_on(audit(task)));
    match judged {
        Ok(judged) => {
            print!("{}", written(&judged, arguments.format));
            ExitCode::from(u8::from(!judged.is_clean()))
        }
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::from(3)
        }
    }
}

fn task(arguments: &Arguments) -> Result<Task, Unusable> {
    let manifest = read(&arguments.manifest)?;
    let manifest = Manifest::from_toml(&manifest)
        .map_err(Unusable::of(arguments.manifest.display().to_string()))?;
    let roles = Roles::named(&arguments.roles).map_err(Unusable::of("--roles"))?;
    let (mode, net) = (
        match arguments.mode {
            Mode::Plain => IsolationMode::Plain,
            Mode::Sealed => IsolationMode::Sealed,
        },
        if arguments.no_net { Net::No } else { Net::Yes },
    );
    let app = match &arguments.app_url {
        Some(url) => Some((options("--app-url", url)?, key(arguments)?)),
        None => None,
    };
    let probe = arguments.probe_url.as_deref();
    let baseline = match &arguments.baseline {
        Some(file) => {
            Baseline::from_toml(&read(file)?).map_err(Unusable::of(file.display().to_string()))?
        }
        None => Baseline::default(),
    };
    Ok(Task {
        isolation: Isolation::new(&manifest, roles, mode).with_net(net),
        catalogs: options("--url", &arguments.url)?,
        app,
        probe: probe.map(|url| options("--probe-url", url)).transpose()?,
        baseline,
    })
}

/// The URL is not repeated: it may hold a password.
fn options(name: &str, url: &str) -> Result<PgConnectOptions, Unusable> {
    url.parse().map_err(Unusable::of(name))
}

fn key(arguments: &Arguments) -> Result<Option<SealKey>, Unusable> {
    let sealed = matches!(arguments.mode, Mode::Sealed);
    match &arguments.key_file {
        Some(_) if !sealed => Err(Unusable::new("--key-file", "a plain cell has no key")),
        None if sealed => Err(Unusable::new(
            "--app-url",
            "a sealed cell's needs --key-file",
        )),
        None => Ok(None),
        Some(file) => {
            let name = file.display().to_string();
            let text = read(file)?;
            let parts = text.trim().split_once(':');
            let Some((id, secret)) = parts.and_then(|(id, hex)| Some((id, bytes(hex)?))) else {
                let expected = "not an id, a colon and 64 hexadecimal digits";
                return Err(Unusable::new(name, expected));
            };
            SealKey::new(id, secret)
                .map(Some)
                .map_err(Unusable::of(name))
        }
    }
}

fn bytes(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * place..2 * place + 2], 16).ok()?;
    }
    Some(bytes)
}

fn read(file: &PathBuf) -> Result<String, Unusable> {
    fs::read_to_string(file).map_err(Unusable::of(file.display().to_string()))
}

async fn audit(task: Task) -> Result<Judged, AuditError> {
    let isolation = &task.isolation;
    let mut connection = PgConnection::connect_with(&task.catalogs).await?;
    let mut report = Report {
        findings: audit::catalog(&mut connection, isolation).await?,
        unprobed: Vec::new(),
    };
    connection.close().await?;
    if let Some((app, key)) = task.app {
        let receipt = audit::boot_with(app, isolation, key, Enforcement::ReportOnly).await?;
        report.findings.extend_from_slice(receipt.findings());
    }
    if let Some(probe) = task.probe {
        let mut admin = PgConnection::connect_with(&probe).await?;
        let probed = audit::probe(&mut admin, isolation).await?;
        report.findings.extend(probed.findings);
        report.unprobed = probed.unprobed;
        admin.close().await?;
    }
    report.findings.sort();
    // The catalogs were read twice where the application's connection was looked at.
    report.findings.dedup();
    Ok(task.baseline.judge(report))
}

fn written(judged: &Judged, format: Format) -> String {
    match format {
        Format::Text => output::text(judged),
        Format::Json => output::json(judged) + "\n",
        Format::Sarif => output::sarif(judged) + "\n",
    }
}

impl Unusable {
    fn new(what: impl Into<String>, why: &str) -> Self {
        Self::of(what)(why)
    }

    fn of<E>(what: impl Into<String>) -> impl FnOnce(E) -> Self
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let what = what.into();
        |source| Self {
            what,
            source: source.into(),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, chain(&*self.source))
    }
}

/// An error with its sources.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}
