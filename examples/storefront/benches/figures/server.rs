//! The server that is measured: a process of its own.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use nix::{
    time::{clock_getcpuclockid, clock_gettime},
    unistd::Pid,
};

use crate::{Failure, Side};

/// The word by which this program is told to be the peer.
pub(crate) const PEER: &str = "serve-peer";

/// The storefront's program.
pub(crate) const OURS: &str = env!("CARGO_BIN_EXE_storefront");

/// A running server; it is killed when this is dropped.
pub(crate) struct Server {
    process: Child,
    /// `127.0.0.1:PORT` of the shops.
    pub(crate) shops: String,
    /// The same of the operators; the peer has none.
    pub(crate) ops: Option<String>,
    /// Keeps the other end from breaking.
    stdout: BufReader<ChildStdout>,
}

impl Server {
    pub(crate) fn start(side: Side, folder: &Path) -> Result<Self, Failure> {
        let mut command = match side {
            Side::Ours => ours(folder),
            Side::Peer => {
                let mut command = Command::new(env::current_exe()?);
                command.arg(PEER).arg(folder);
                command
            }
        };
        let log = File::create(folder.join("log"))?;
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = process.stdout.take().ok_or("standard output is piped")?;
        let mut server = Self {
            process,
            shops: String::new(),
            ops: None,
            stdout: BufReader::new(stdout),
        };
        server.shops = server.address("listening http://")?;
        if side == Side::Ours {
            server.ops = Some(server.address("ops http://")?);
        }
        Ok(server)
    }

    /// The processor time that it has taken so far, of all its threads, in user and kernel mode.
    pub(crate) fn processor_time(&self) -> Result<Duration, Failure> {
        let pid = Pid::from_raw(self.process.id().try_into()?);
        Ok(clock_gettime(clock_getcpuclockid(pid)?)?.into())
    }

    fn address(&mut self, prefix: &str) -> Result<String, Failure> {
        let mut line = String::new();
        while self.stdout.read_line(&mut line)? > 0 {
            if let Some(address) = line.trim_end().strip_prefix(prefix) {
                return Ok(address.to_owned());
            }
            line.clear();
        }
        Err(format!("the server ended before the line {prefix}; see its log").into())
    }
}

/// As it comes, with the logs that it writes unasked; but nobody is held to a plan.
fn ours(folder: &Path) -> Command {
    let mut command = Command::new(OURS);
    command
        .args(["serve", "--no-demo", "--cells", "3"])
        .args(["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"])
        .arg("--data")
        .arg(folder)
        .arg("--plans")
        .arg(folder.join(crate::world::PLANS_FILE))
        .env_remove("RUST_LOG");
    command
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
