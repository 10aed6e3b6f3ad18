//! How far a proof has come.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::workspace;

/// What was done with one seed.
#[derive(Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct State {
    /// The code that is being proven.
    pub(super) commit: String,
    rounds: u64,
    /// The numbers of the rounds that failed.
    failures: Vec<u64>,
    milliseconds: u64,
}

impl State {
    pub(super) fn new(commit: &str) -> Self {
        Self {
            commit: commit.to_owned(),
            rounds: 0,
            failures: Vec::new(),
            milliseconds: 0,
        }
    }

    pub(super) fn next_round(&self) -> u64 {
        self.rounds
    }

    pub(super) fn rounds(&self) -> u64 {
        self.rounds
    }

    pub(super) fn failures(&self) -> &[u64] {
        &self.failures
    }

    pub(super) fn spent(&self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }

    pub(super) fn record(&mut self, passed: bool, took: Duration) {
        if !passed {
            self.failures.push(self.rounds);
        }
        self.rounds += 1;
        // A proof does not run for the 500 million years that would overflow this.
        self.milliseconds += u64::try_from(took.as_millis()).unwrap_or(u64::MAX / 2);
    }

    pub(super) fn verdict(&self) -> Result<()> {
        if self.failures.is_empty() {
            return Ok(());
        }
        bail!(
            "{} of {} rounds failed: {:?}",
            self.failures.len(),
            self.rounds,
            self.failures
        )
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let minutes = self.milliseconds / 60_000;
        write!(
            out,
            "{} rounds in {minutes} min, {} failed",
            self.rounds,
            self.failures.len()
        )
    }
}

/// Where a state is kept between the parts of a proof.
pub(super) struct File(PathBuf);

impl File {
    pub(super) fn of(name: &str, seed: u64) -> Result<Self> {
        let folder = workspace::target()?.join("soak");
        fs::create_dir_all(&folder).context("make target/soak")?;
        Ok(Self(folder.join(format!("{name}-{seed}.json"))))
    }

    pub(super) fn load(&self) -> Result<Option<State>> {
        match fs::read_to_string(&self.0) {
            Ok(text) => {
                serde_json::from_str(&text).with_context(|| format!("read {}", self.0.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read {}", self.0.display())),
        }
    }

    /// Whole or not at all, so that an interruption loses at most one round.
    pub(super) fn save(&self, state: &State) -> Result<()> {
        let new = self.0.with_extension("new");
        fs::write(&new, serde_json::to_string(state)?)
            .and_then(|()| fs::rename(&new, &self.0))
            .with_context(|| format!("write {}", self.0.display()))
    }

    pub(super) fn forget(&self) -> Result<()> {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("remove {}", self.0.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{File, State};

    #[test]
    fn rounds_add_up() {
        let mut state = State::new("abc");
        for passed in [true, false, true] {
            state.record(passed, Duration::from_secs(30));
        }
        assert_eq!((state.next_round(), state.failures()), (3, [1].as_slice()));
        assert_eq!(state.spent(), Duration::from_secs(90));
        assert_eq!(
            state.verdict().unwrap_err().to_string(),
            "1 of 3 rounds failed: [1]"
        );
        assert!(State::new("abc").verdict().is_ok());
    }

    #[test]
    fn a_proof_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let file = File(folder.path().join("kill9-7.json"));
        assert_eq!(file.load().unwrap(), None);
        let mut state = State::new("abc");
        state.record(false, Duration::from_secs(1));
        file.save(&state).unwrap();
        assert_eq!(file.load().unwrap(), Some(state));
        file.forget().unwrap();
        file.forget().unwrap();
        assert_eq!(file.load().unwrap(), None);
    }
}
