//! `tenancy-audit`: whether a live Postgres cell isolates its tenants, and the way there.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stderr,
    reason = "a command talks to a person at a terminal"
)]

mod audit;
mod cell;
mod input;
mod install;
mod introspect;

use std::{fmt, process::ExitCode};

use clap::{ArgMatches, CommandFactory as _, FromArgMatches, Subcommand};
use tenancy_core::isolation::audit::{output::chain, prober};

#[derive(Debug, Subcommand)]
enum Command {
    /// Writes down the tables of a database and whose rows they seem to hold
    Introspect(introspect::Arguments),
    /// Prints the statements that isolate a database, for people and for psql
    Plan(cell::CellArguments),
    /// Prints the statements that make the role which tries out what the application can do
    Prober(cell::CellArguments),
    /// Isolates a database, as its administrator
    Install(install::Arguments),
}

/// Why a command gave no answer.
enum Failed {
    /// An argument or a file cannot be used.
    Input(input::Unusable),
    /// The database could not be asked, or refused.
    Database(Box<dyn std::error::Error + Send + Sync>),
}

fn main() -> ExitCode {
    let done = dispatch(&parser().get_matches());
    done.unwrap_or_else(|failed| {
        eprintln!("error: {failed}");
        match failed {
            Failed::Input(_) => ExitCode::from(2),
            Failed::Database(_) => ExitCode::from(3),
        }
    })
}

/// The audit's own arguments, or a command: what one has in its environment does not concern the other.
fn parser() -> clap::Command {
    Command::augment_subcommands(audit::Arguments::command())
        .subcommand_required(false)
        .arg_required_else_help(false)
        .subcommand_negates_reqs(true)
        .args_conflicts_with_subcommands(true)
}

fn dispatch(matches: &ArgMatches) -> Result<ExitCode, Failed> {
    if matches.subcommand_name().is_none() {
        return audit::run(&parsed(matches));
    }
    match parsed(matches) {
        Command::Introspect(arguments) => introspect::run(&arguments),
        Command::Install(arguments) => install::run(&arguments),
        Command::Plan(arguments) => {
            input::say(&arguments.isolation()?.to_string());
            Ok(ExitCode::SUCCESS)
        }
        Command::Prober(arguments) => {
            for statement in prober(&arguments.isolation()?) {
                input::say(&format!("{statement}\n"));
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn parsed<T: FromArgMatches>(matches: &ArgMatches) -> T {
    T::from_arg_matches(matches).unwrap_or_else(|error| error.exit())
}

impl From<input::Unusable> for Failed {
    fn from(unusable: input::Unusable) -> Self {
        Self::Input(unusable)
    }
}

impl Failed {
    fn database(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Database(error.into())
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input(unusable) => unusable.fmt(f),
            Self::Database(error) => f.write_str(&chain(&**error)),
        }
    }
}
