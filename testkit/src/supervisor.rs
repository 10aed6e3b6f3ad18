//! The process that outlives a test for long enough to clean up after it.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Error;
use crate::program;
use crate::server_user::ServerUser;

/// A shell that runs a script of three parts: start a server, read standard input to its end, clean
/// up.
///
/// The other end of that input is held by this process alone, so it ends when the supervisor is
/// dropped and also when this process is killed, at any moment: the script itself makes the folder
/// and starts the server, and so there is no time at which a server runs without its supervisor.
/// The script is a process group of its own, out of reach of a Ctrl-C for the tests.
#[derive(Debug)]
pub(crate) struct Supervisor {
    child: Child,
    stdout: BufReader<ChildStdout>,
}

impl Supervisor {
    /// Starts `script` with `arguments` as `$1`, `$2` and so on, and `errors` as its standard error.
    pub(crate) fn start(
        script: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        user: ServerUser,
        errors: Stdio,
    ) -> Result<Self, Error> {
        let mut command = Command::new("sh");
        let mut child = program::without_libpq(user.apply(&mut command))
            .args(["-c", script, "supervisor"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io("start a supervisor"))?;
        let stdout = child.stdout.take().expect("standard output is piped");
        Ok(Self {
            child,
            stdout: BufReader::new(stdout),
        })
    }

    /// Writes a line to the script's input.
    pub(crate) fn tell(&mut self, line: &str) -> Result<(), Error> {
        let mut stdin = self
            .child
            .stdin
            .as_ref()
            .expect("standard input is piped, and taken only when dropped");
        writeln!(stdin, "{line}").map_err(Error::io("write to a supervisor"))
    }

    /// The first answer that `pick` finds in a line of the script's output; none when the output
    /// ends before.
    pub(crate) fn wait_for<T>(
        &mut self,
        pick: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut line = String::new();
        loop {
            line.clear();
            let length = self
                .stdout
                .read_line(&mut line)
                .map_err(Error::io("read from a supervisor"))?;
            if length == 0 {
                return Ok(None);
            }
            if let Some(answer) = pick(line.trim_end()) {
                return Ok(Some(answer));
            }
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // The supervisor cleans up in any case; waiting only makes the end visible to the test.
        let _ended = self.child.wait();
    }
}
