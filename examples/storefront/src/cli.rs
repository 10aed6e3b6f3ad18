//! The command line: serving the platform, and operating one that is being served.
//!
//! `serve` is the platform itself. All other commands but `cell` and `directory raise-incarnation` are clients of its
//! operator API: they know nothing of its files but the two in which `serve` says where it listens and who may talk to
//! it. `cell` makes and audits cells in Postgres, for which no server need run; for `directory raise-incarnation` none
//! may.
//!
//! # Reading order
//!
//! `remote` (which server, and the way of every client command), `client` (HTTP), `tenant`, `import`, `orders`,
//! `stock`, `cells`, `directory`, `routes`, `audit`, `cell` (the commands), `exit` (what scripts are told).

#[macro_use]
mod help;

mod amount;
mod audit;
mod cell;
mod cells;
mod client;
mod consent;
mod directory;
mod endpoint;
mod error;
mod exit;
mod front;
mod import;
mod nested;
mod orders;
mod output;
mod pages;
mod part;
mod processes;
mod progress;
mod remote;
mod routes;
mod serve;
mod shop_arg;
mod stock;
mod table;
mod tenant;
mod up;
mod upload;
mod values;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use audit::AuditTask;
use cell::CellCommand;
use cells::CellsTask;
use directory::DirectoryCommand;
use error::CliError;
use exit::Exit;
use import::ImportTask;
use orders::OrdersCommand;
use processes::{ControlArgs, GatewayArgs, run_cell, run_control, run_gateway};
use remote::Remote;
use routes::RoutesTask;
use serve::ServeArgs;
use stock::StockCommand;
use tenant::TenantCommand;
use up::UpArgs;

/// A hosted-shop platform, in one process or in many
///
/// Without a command it serves, like `storefront serve` without options. All other commands but `cell` and
/// `directory raise-incarnation` talk to a server that is running.
#[derive(Debug, Parser)]
#[command(name = "storefront", version, after_help = help!("
  storefront                                   serve two demo shops from ./storefront-data
  storefront tenant create --slug nord --plan basic
  storefront import --tenant nord products.csv
  storefront tenant list --json"))]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(ServeArgs),
    Up(UpArgs),
    Gateway(GatewayArgs),
    Control(ControlArgs),
    #[command(flatten)]
    Client(ClientCommand),
}

#[derive(Debug, Subcommand)]
enum ClientCommand {
    #[command(subcommand)]
    Tenant(TenantCommand),
    Import(Remote<ImportTask>),
    Orders(OrdersCommand),
    Stock(StockCommand),
    #[command(subcommand)]
    Cell(CellCommand),
    Cells(Remote<CellsTask>),
    #[command(subcommand)]
    Directory(DirectoryCommand),
    Routes(Remote<RoutesTask>),
    Audit(Remote<AuditTask>),
}

impl Cli {
    /// The command that was given: without one, `serve` as it is without options.
    fn command(self) -> Command {
        let default = || Self::parse_from(["storefront", "serve"]).command;
        self.command
            .or_else(default)
            .expect("`serve` needs no options")
    }
}

impl ClientCommand {
    async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::Tenant(command) => command.execute().await,
            Self::Import(remote) => remote.execute().await,
            Self::Orders(command) => command.execute().await,
            Self::Stock(command) => command.execute().await,
            Self::Cell(command) => command.execute().await,
            Self::Cells(remote) => remote.execute().await,
            Self::Directory(command) => command.execute().await,
            Self::Routes(remote) => remote.execute().await,
            Self::Audit(remote) => remote.execute().await,
        }
    }
}

/// Does what the process's arguments ask for.
///
/// What was asked for goes to standard output, everything else to standard error. The exit code is 0 when
/// it was done, 1 when it failed, 2 when the arguments make no sense, 3 when something was not found, 4 when
/// it clashes with something, 5 when no server answers.
#[must_use]
pub fn main() -> ExitCode {
    let exit = match run(Cli::parse().command()) {
        Ok(exit) => exit,
        // Who closes the pipe, like `head`, has seen enough.
        Err(error) if error.is_closed_pipe() => Exit::Ok,
        Err(error) => {
            // There is nobody left to tell when standard error cannot be written.
            let _ = writeln!(io::stderr(), "{}", error.told());
            error.exit()
        }
    };
    exit.into()
}

fn run(command: Command) -> Result<Exit, CliError> {
    match command {
        Command::Serve(args) => until_stopped(serve::run(args)),
        Command::Up(args) => until_stopped(up::run(args)),
        Command::Gateway(args) => until_stopped(run_gateway(args)),
        Command::Control(args) => until_stopped(run_control(args)),
        Command::Client(ClientCommand::Cell(CellCommand::Serve(args))) => {
            until_stopped(run_cell(args))
        }
        Command::Client(command) => {
            let runtime = runtime(&mut Builder::new_current_thread())?;
            let exit = runtime.block_on(Box::pin(command.execute()));
            // A read of standard input cannot be cancelled; it must not keep the process.
            runtime.shutdown_background();
            exit
        }
    }
}

/// Serves with all threads.
fn until_stopped(serving: impl Future<Output = Result<Exit, CliError>>) -> Result<Exit, CliError> {
    let runtime = runtime(&mut Builder::new_multi_thread())?;
    let exit = runtime.block_on(Box::pin(serving));
    // A server's start that was given up cannot be cancelled; its supervisor ends it.
    runtime.shutdown_background();
    exit
}

fn runtime(builder: &mut Builder) -> Result<Runtime, CliError> {
    builder.enable_all().build().map_err(CliError::Runtime)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory};

    use super::Cli;

    /// Looks at each command below one, by its whole name.
    fn each(command: &Command, name: &str, look: &mut impl FnMut(&str, &Command)) {
        let below = command.get_subcommands();
        for command in below.filter(|command| command.get_name() != "help") {
            let name = format!("{name} {}", command.get_name());
            look(&name, command);
            each(command, &name, look);
        }
    }

    #[test]
    fn each_command_says_what_it_does_and_shows_how() {
        let mut said = BTreeSet::new();
        each(
            &<Cli as CommandFactory>::command(),
            "storefront",
            &mut |name, command| {
                let about = command.get_about().expect(name).to_string();
                assert!(!about.ends_with('.'), "{name}: {about}");
                assert!(
                    said.insert(about.clone()),
                    "{name} and another one: {about}"
                );
                let shown = command.get_after_help().expect(name).to_string();
                assert!(shown.contains(&format!("\n  {name}")), "{name}: {shown}");
            },
        );
        assert!(said.len() > 30, "{said:?}");
    }
}
