//! One process of the platform.

use std::{net::SocketAddr, process::Stdio, time::Duration};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{ChildStdin, ChildStdout, Command},
    time::{sleep, timeout},
};

use super::{
    ServeError,
    plan::{Plan, Role},
};

/// How long a process that ended by itself is left alone before it is started again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a process may finish what is in flight.
const DRAIN: Duration = Duration::from_secs(40);

/// A process that runs, and says where it listens.
pub(super) struct Child {
    pub(super) role: Role,
    pub(super) told: Told,
    running: Running,
}

/// What a process said when it listened.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Where it serves.
    pub(super) first: SocketAddr,
    /// Where else.
    pub(super) second: Option<SocketAddr>,
    /// The lines.
    pub(super) lines: Vec<String>,
}

struct Running {
    process: tokio::process::Child,
    /// It lives as long as this is open.
    _alive: Option<ChildStdin>,
    /// Read on, so that a process that says more is not kept from it.
    lines: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts a process, and returns when it listens.
    pub(super) async fn start(arguments: Vec<String>, role: Role) -> Result<Self, ServeError> {
        let mut running = spawn(&arguments, &role)?;
        let told = running.told(&role).await?;
        Ok(Self {
            role,
            told,
            running,
        })
    }

    /// Starts it again whenever it ends, until it cannot be started.
    pub(super) async fn keep(&mut self, plan: &Plan) -> ServeError {
        loop {
            let ended = self.running.ended().await;
            tracing::error!(process = self.role.name(), %ended, "a process ended, and is started again");
            sleep(PAUSE).await;
            let second = self.told.second.unwrap_or(self.told.first);
            let arguments = plan.arguments(&self.role, (self.told.first, second));
            match spawn(&arguments, &self.role) {
                Ok(running) => self.running = running,
                Err(error) => return error,
            }
            if let Err(error) = self.running.told(&self.role).await {
                tracing::error!(%error, "it is tried again");
            }
        }
    }

    /// Asks it to end, and returns when it has.
    pub(super) async fn stop(mut self) {
        if let Some(id) = self
            .running
            .process
            .id()
            .and_then(|id| i32::try_from(id).ok())
        {
            let _ = kill(Pid::from_raw(id), Signal::SIGTERM);
        }
        if timeout(DRAIN, self.running.ended()).await.is_err() {
            tracing::warn!(process = self.role.name(), "a process did not end in time");
            let _ = self.running.process.kill().await;
        }
    }
}

fn spawn(arguments: &[String], role: &Role) -> Result<Running, ServeError> {
    let failed = |source| ServeError::Start {
        process: role.name(),
        source,
    };
    let program = std::env::current_exe().map_err(failed)?;
    let mut process = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // Signals of a terminal are for who started it, who ends it in its turn.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let alive = process.stdin.take();
    let output = process.stdout.take().expect("it is piped");
    Ok(Running {
        process,
        _alive: alive,
        lines: BufReader::new(output).lines(),
    })
}

impl Running {
    /// What the process says until it listens.
    async fn told(&mut self, role: &Role) -> Result<Told, ServeError> {
        let ended = || ServeError::Ended {
            process: role.name(),
        };
        let (before_first, before_second) = role.announces();
        let (mut first, mut second, mut lines) = (None, None, Vec::new());
        while first.is_none() || (second.is_none() && before_second.is_some()) {
            let line = self
                .lines
                .next_line()
                .await
                .ok()
                .flatten()
                .ok_or_else(ended)?;
            first = first.or_else(|| address(&line, before_first));
            second = second.or_else(|| address(&line, before_second?));
            lines.push(line);
        }
        let first = first.ok_or_else(ended)?;
        Ok(Told {
            first,
            second,
            lines,
        })
    }

    /// Returns when the process has ended. What it says until then is passed on.
    async fn ended(&mut self) -> String {
        while let Ok(Some(line)) = self.lines.next_line().await {
            super::say(&[line]);
        }
        match self.process.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

fn address(line: &str, before: &str) -> Option<SocketAddr> {
    line.strip_prefix(before)?.parse().ok()
}
