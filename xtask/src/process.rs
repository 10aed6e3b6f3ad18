//! Running programs.

use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::{env, fmt};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// Cargo itself, in the workspace's root.
pub(crate) fn cargo(arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// A program in the workspace's root.
pub(crate) fn program(
    name: &str,
    arguments: impl IntoIterator<Item = impl AsRef<std::ffi::OsStr>>,
) -> Command {
    let mut command = Command::new(name);
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Shows the command and runs it with this terminal; whatever it answers.
pub(crate) fn status(command: &mut Command) -> Result<ExitStatus> {
    eprintln!("$ {}", Shown(command));
    command
        .status()
        .with_context(|| format!("run {}", Shown(command)))
}

/// Shows the command and runs it; how it ended, and what it printed as errors.
pub(crate) fn errors(command: &mut Command) -> Result<(ExitStatus, String)> {
    eprintln!("$ {}", Shown(command));
    let output = command
        .output()
        .with_context(|| format!("run {}", Shown(command)))?;
    Ok((
        output.status,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

/// Shows the command and runs it with this terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("`{}` ended with {status}", Shown(command));
    }
    Ok(())
}

/// What a command prints, when it succeeds.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .output()
        .with_context(|| format!("run {}", Shown(command)))?;
    if !output.status.success() {
        let report = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` ended with {}: {}",
            Shown(command),
            output.status,
            report.trim()
        );
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("read the output of {}", Shown(command)))
}

/// Where a program is installed, if it is.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

/// A command as one would type it, without the folder of the program.
pub(crate) struct Shown<'a>(pub(crate) &'a Command);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = std::path::Path::new(self.0.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        write!(out, "{}", name.to_string_lossy())?;
        self.0.get_args().try_for_each(|argument| {
            let argument = argument.to_string_lossy();
            if argument.contains([' ', '"', '\n']) {
                write!(out, " '{argument}'")
            } else {
                write!(out, " {argument}")
            }
        })
    }
}
