//! The project's build commands: `cargo xtask COMMAND`.
//!
//! One file per command. Each is a thin shell that runs programs and reads files around decision
//! code that is tested by itself: which arrows between crates are allowed, what counts as a long
//! file, when a figure is missed, which blocks of a guide are commands.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "these commands talk to a person at a terminal"
)]

mod figures;
mod fix;
mod guards;
mod machine;
mod process;
mod rust_source;
mod soak;
mod stopwatch;
mod test;
mod verify;
mod walkthrough;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build commands of the Tenancy workspace.
///
/// Exit codes: 0 all well, 1 something failed and was named, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(verify::Arguments),
    Fix(fix::Arguments),
    Test(test::Arguments),
    Figures(figures::Arguments),
    Guards(guards::Arguments),
    Soak(soak::Arguments),
    Walkthrough(walkthrough::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Fix(arguments) => fix::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Figures(arguments) => figures::run(&arguments),
        Command::Guards(arguments) => guards::run(&arguments),
        Command::Soak(arguments) => soak::run(&arguments),
        Command::Walkthrough(arguments) => walkthrough::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
