//! One question to a running server.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::{io, thread};

use crate::Error;
use crate::program;

/// The client of Postgres, so that no test needs a library to prepare its database.
#[derive(Clone, Debug)]
pub(super) struct Psql {
    pub(super) program: PathBuf,
    /// Where it finds its libraries, unless the system knows.
    pub(super) libraries: Option<PathBuf>,
}

impl Psql {
    /// Runs statements one after the other, each in a transaction of its own unless they say otherwise;
    /// stops at the first error. The answer is the rows' text, a line for each, columns separated by `|`.
    pub(super) fn run(&self, url: &str, sql: &str) -> Result<String, Error> {
        let mut command = Command::new(&self.program);
        program::without_libpq(&mut command)
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only"])
            .args(["--no-password", "--set=ON_ERROR_STOP=1", "--dbname", url])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        use_libraries(&mut command, self.libraries.as_deref());
        let output = command
            .spawn()
            .and_then(|psql| converse(psql, sql))
            .map_err(Error::io("run psql"))?;
        if output.status.success() {
            return Ok(text(&output.stdout));
        }
        Err(Error::Failed {
            what: "psql",
            report: text(&output.stderr),
        })
    }
}

/// Where the dynamic linker looks for libraries first.
pub(super) fn use_libraries(command: &mut Command, folder: Option<&Path>) {
    if let Some(folder) = folder {
        command.env("LD_LIBRARY_PATH", OsStr::new(folder));
    }
}

/// Writes and reads at once, since either side may wait for the other.
fn converse(mut psql: Child, sql: &str) -> io::Result<Output> {
    let mut stdin = psql.stdin.take().expect("standard input is piped");
    thread::scope(|scope| {
        // A psql that stops early reads no further, and its report says why.
        scope.spawn(move || stdin.write_all(sql.as_bytes()));
        psql.wait_with_output()
    })
}

fn text(output: &[u8]) -> String {
    String::from_utf8_lossy(output).trim_end().to_owned()
}
