//! The audit itself.

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use tenancy_core::isolation::{
    Isolation, SealKey,
    audit::{
        Baseline, Ways, everything,
        output::{self, Format},
    },
};

use crate::{
    Failed,
    cell::{CellArguments, Mode},
    input::{self, Unusable, options, read},
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

/// What was asked, with all files read.
struct Task {
    isolation: Isolation,
    ways: Ways,
    key: Option<SealKey>,
    baseline: Baseline,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failed> {
    let task = task(arguments)?;
    let runtime = input::runtime().map_err(Failed::database)?;
    let report = runtime.block_on(everything(task.ways, &task.isolation, task.key));
    let judged = task.baseline.judge(report);
    let manifest = arguments.cell.manifest.to_string_lossy();
    input::say(&output::write(&judged, arguments.format, &manifest));
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
    let (app, key) = match &arguments.app_url {
        Some(url) => (Some(options("--app-url", url)?), key(arguments)?),
        None => (None, None),
    };
    let prober = arguments.probe_url.as_deref();
    let baseline = match &arguments.baseline {
        Some(file) => {
            Baseline::from_toml(&read(file)?).map_err(Unusable::of(file.display().to_string()))?
        }
        None => Baseline::default(),
    };
    Ok(Task {
        isolation,
        ways: Ways {
            catalogs: Some(options("--url", &arguments.url)?),
            app,
            prober: prober.map(|url| options("--probe-url", url)).transpose()?,
        },
        key,
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
