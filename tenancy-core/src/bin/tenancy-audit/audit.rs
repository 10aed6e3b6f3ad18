//! The audit itself.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::isolation::{
    AuditError, Isolation, SealKey,
    audit::{self, Baseline, Enforcement, Judged, Report, output},
};

use crate::{
    Failed,
    cell::{CellArguments, Mode},
    input::{self, Unusable, options, read},
};

/// Looks whether a live Postgres cell isolates its tenants, and says what does not.
///
/// The catalogs are read as any role, best the auditor's. With the application's URL it also looks at what
/// the application would be served through: its role, a pooler, its key. With a superuser's URL it also tries
/// out, in a transaction that is rolled back, what the application can do to two canaries' rows.
///
/// The commands bring an existing database there: `introspect` writes its tables down, `plan` prints what
/// isolates them, `install` runs that.
#[derive(Debug, Parser)]
#[command(
    name = "tenancy-audit",
    version,
    after_help = "\
Examples:
  tenancy-audit --manifest tables.toml --roles shop --mode plain --url postgres://shop_auditor@db/cell1
  tenancy-audit --manifest tables.toml --roles shop --mode sealed --url postgres://shop_auditor@db/cell1 \\
      --app-url postgres://shop_app@pooler/cell1 --key-file seal.key \\
      --probe-url postgres://postgres@db/cell1
  tenancy-audit ... --baseline known.toml --format sarif > audit.sarif

A database that is not isolated yet:
  tenancy-audit introspect --url postgres://postgres@db/cell1 --tenant-column tenant_id > tables.toml
  tenancy-audit plan --manifest tables.toml --roles shop --mode plain
  tenancy-audit install --manifest tables.toml --roles shop --mode plain --admin-url postgres://postgres@db/cell1

A baseline names findings that stay, each with the reason:
  [[known]]
  check = \"T7\"
  object = \"index shop_domain on public.domain\"
  reason = \"domains are the whole world's\"

Exit codes: 0 nothing new, 1 findings or outdated entries of the baseline, or tables that nobody has decided
about, 2 wrong usage or input, 3 the database could not be asked or refused."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    cell: CellArguments,
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

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let task = task(arguments)?;
    let runtime = input::runtime().map_err(Failed::database)?;
    let judged = runtime.block_on(audit(task)).map_err(Failed::database)?;
    print!("{}", written(&judged, arguments.format));
    Ok(ExitCode::from(u8::from(!judged.is_clean())))
}

fn task(arguments: &Arguments) -> Result<Task, Unusable> {
    let isolation = arguments.cell.isolation()?;
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
        isolation,
        catalogs: options("--url", &arguments.url)?,
        app,
        probe: probe.map(|url| options("--probe-url", url)).transpose()?,
        baseline,
    })
}

fn key(arguments: &Arguments) -> Result<Option<SealKey>, Unusable> {
    let sealed = matches!(arguments.cell.mode, Mode::Sealed);
    match &arguments.key_file {
        Some(_) if !sealed => Err(Unusable::new("--key-file", "a plain cell has no key")),
        None if sealed => Err(Unusable::new(
            "--app-url",
            "a sealed cell's needs --key-file",
        )),
        None => Ok(None),
        Some(file) => input::key(file).map(Some),
    }
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
