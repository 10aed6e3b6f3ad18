//! The storefront's program: `storefront --help` tells what it can do.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    storefront::cli::main()
}
