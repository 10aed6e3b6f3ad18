//! Running a page's commands.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{output, program};
use crate::stopwatch::Stopwatch;

/// A server that was asked to end has this long to finish its requests.
const GRACE: Duration = Duration::from_secs(30);

/// Where the commands of one page run.
pub(super) struct Environment {
    pub(super) folder: PathBuf,
    pub(super) target: PathBuf,
    /// How long a background command may take until it is ready.
    pub(super) patience: Duration,
}

impl Environment {
    /// Runs a script to its end; answers what it printed.
    pub(super) fn run(&self, script: &str) -> Result<Vec<String>> {
        let mut shell = self.shell(script)?;
        let lines: Vec<String> = shell.lines.iter().collect();
        let status = shell.child.wait().context("wait for the commands")?;
        ensure!(status.success(), "the commands ended with {status}");
        Ok(lines)
    }

    /// Starts a script and waits until its output contains `ready`.
    pub(super) fn start(&self, script: &str, ready: &str) -> Result<Background> {
        let background = Background(self.shell(script)?);
        let watch = Stopwatch::start();
        loop {
            let left = self.patience.saturating_sub(watch.elapsed());
            match background.0.lines.recv_timeout(left) {
                Ok(line) if line.contains(ready) => return Ok(background),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => bail!("no `{ready}` within {:?}", self.patience),
                Err(RecvTimeoutError::Disconnected) => bail!("it ended without `{ready}`"),
            }
        }
    }

    /// A shell in a process group of its own, with both outputs in one and nothing to read.
    fn shell(&self, script: &str) -> Result<Shell> {
        let mut child = Command::new("sh")
            .args(["-euc", &format!("exec 2>&1\n{script}")])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("start a shell")?;
        let stdout = child
            .stdout
            .take()
            .context("take the output of the shell")?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("  {line}");
                // A background command goes on printing when nobody waits any more.
                let _unheard = sender.send(line);
            }
        });
        Ok(Shell { child, lines })
    }
}

/// A running shell; its lines end when it and its children have closed their output.
struct Shell {
    child: Child,
    lines: Receiver<String>,
}

impl Shell {
    /// Sends a signal to the shell and all that it started.
    fn signal(&self, signal: &str) -> Result<()> {
        let group = format!("-{}", self.child.id());
        output(&mut program("kill", [signal, "--", &group])).map(drop)
    }

    /// Whether everything ended within the time.
    fn ends_within(&self, time: Duration) -> bool {
        let watch = Stopwatch::start();
        loop {
            match self
                .lines
                .recv_timeout(time.saturating_sub(watch.elapsed()))
            {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}

/// A command that runs beside the page; killed when it is dropped.
pub(super) struct Background(Shell);

impl Background {
    pub(super) fn is_running(&mut self) -> Result<bool> {
        Ok(self
            .0
            .child
            .try_wait()
            .context("look after a background command")?
            .is_none())
    }

    /// Asks it to end and waits until it did.
    pub(super) fn stop(self) -> Result<()> {
        self.0.signal("-TERM")?;
        ensure!(
            self.0.ends_within(GRACE),
            "it was still there {GRACE:?} after SIGTERM"
        );
        Ok(())
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Fails when nothing is left to kill, which is what is wanted.
        let _gone = self.0.signal("-KILL");
        let _ended = self.0.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Environment;

    /// Runs `test` where commands may do what they want.
    fn with_environment(patience: Duration, test: impl FnOnce(&Environment)) {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment {
            folder: folder.path().to_owned(),
            target: folder.path().join("target"),
            patience,
        };
        test(&environment);
    }

    const PATIENT: Duration = Duration::from_secs(60);

    #[test]
    fn both_outputs_of_a_script_are_heard() {
        with_environment(PATIENT, |environment| {
            let lines = environment
                .run("echo one\necho two >&2\nbasename \"$CARGO_TARGET_DIR\"")
                .unwrap();
            assert_eq!(lines, ["one", "two", "target"]);
        });
    }

    #[test]
    fn the_first_failing_command_ends_a_script() {
        with_environment(PATIENT, |environment| {
            let error = environment.run("false\ntrue").unwrap_err();
            assert!(error.to_string().contains("exit status: 1"), "{error}");
            assert!(environment.run("echo $unset").is_err());
        });
    }

    #[test]
    fn a_background_command_is_awaited_and_asked_to_end() {
        with_environment(PATIENT, |environment| {
            // `wait` is what a trap interrupts at once; what it waits for holds no output open.
            let script = "trap 'echo bye >farewell; exit 0' TERM
                echo starting
                tail -f /dev/null >/dev/null 2>&1 &
                echo ready
                wait";
            let mut background = environment.start(script, "ready").unwrap();
            assert!(background.is_running().unwrap());
            background.stop().unwrap();
            assert_eq!(
                std::fs::read_to_string(environment.folder.join("farewell")).unwrap(),
                "bye\n"
            );
        });
    }

    #[test]
    fn a_background_command_that_never_gets_ready_is_an_error() {
        with_environment(PATIENT, |environment| {
            let error = environment
                .start("echo hello", "ready")
                .map(drop)
                .unwrap_err();
            assert_eq!(error.to_string(), "it ended without `ready`");
        });
        with_environment(Duration::from_millis(50), |environment| {
            let error = environment
                .start("tail -f /dev/null", "ready")
                .map(drop)
                .unwrap_err();
            assert_eq!(error.to_string(), "no `ready` within 50ms");
        });
    }
}
