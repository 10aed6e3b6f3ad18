//! The audit itself.

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, ValueEnum};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tenancy_core::isolation::{
    AuditError, Isolation, SealKey,
    audit::{self, Baseline, Enforcement, Finding, Judged, Report, output},
};

use crate::{
    Failed,
    cell::{CellArguments, Mode},
    input::{self, Unusable, chain, options, read},
};

/// Looks whether a live Postgres cell isolates its tenants, and says what does not.
///
/// The catalogs are read as any role, best the auditor's. With the application's URL it also looks at what
/// the application would be served through: its role, a pooler, its key. With the prober's URL it also tries
/// out, in transactions that are rolled back, what the application can do to two canaries' rows. The prober is
/// no superuser.
///
/// The commands bring an existing database there: `introspect` writes its tables down, `plan` prints what
/// isolates them, `install` runs that, and `prober` prints what makes the prober.
#[derive(Debug, Parser)]
#[command(
    name = "tenancy-audit",
    version,
    after_help = "\
Examples:
  tenancy-audit --manifest tables.toml --roles shop --mode plain --url postgres://shop_auditor@db/cell1
  tenancy-audit --manifest tables.toml --roles shop --mode sealed --url postgres://shop_auditor@db/cell1 \\
      --app-url postgres://shop_app@pooler/cell1 --key-file seal.key \\
      --probe-url postgres://shop_prober@db/cell1
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
about, 2 wrong usage or input, 3 the database, or a part of it, could not be asked or refused: what was found is
printed all the same."
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
    /// The prober's way to the cell
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
    let judged = runtime.block_on(audit(task));
    input::say(&written(&judged, arguments));
    for failed in &judged.failed {
        eprintln!("error: {}: {}", failed.part, failed.why);
    }
    Ok(ExitCode::from(if judged.failed.is_empty() {
        u8::from(!judged.is_clean())
    } else {
        3
    }))
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

/// What one part cannot look at the others still do.
async fn audit(task: Task) -> Judged {
    let isolation = &task.isolation;
    let mut report = Report::default();
    match catalogs(&task.catalogs, isolation).await {
        Ok(findings) => report.findings = findings,
        Err(error) => report
            .failed
            .push(audit::Failed::new("the catalogs", chain(&error))),
    }
    let key = task.app.as_ref().and_then(|(_, key)| key.clone());
    if let Some((app, key)) = task.app {
        match audit::boot_with(app, isolation, key, Enforcement::ReportOnly).await {
            Ok(receipt) => report.findings.extend_from_slice(receipt.findings()),
            Err(error) => {
                report.failed.push(audit::Failed::new(
                    "the application's connection",
                    chain(&error),
                ));
            }
        }
    }
    if let Some(prober) = task.probe {
        match audit::probe(prober, isolation, key.as_ref()).await {
            Ok(probed) => {
                report.findings.extend(probed.findings);
                report.unprobed = probed.unprobed;
            }
            Err(error) => report
                .failed
                .push(audit::Failed::new("the probe", chain(&error))),
        }
    }
    report.findings.sort();
    // The catalogs were read twice where the application's connection was looked at.
    report.findings.dedup();
    task.baseline.judge(report)
}

async fn catalogs(
    options: &PgConnectOptions,
    isolation: &Isolation,
) -> Result<Vec<Finding>, AuditError> {
    let mut connection = PgConnection::connect_with(options).await?;
    let findings = audit::catalog(&mut connection, isolation).await?;
    connection.close().await?;
    Ok(findings)
}

fn written(judged: &Judged, arguments: &Arguments) -> String {
    match arguments.format {
        Format::Text => output::text(judged),
        Format::Json => output::json(judged) + "\n",
        Format::Sarif => output::sarif(judged, &arguments.cell.manifest.to_string_lossy()) + "\n",
    }
}
