//! The results of finished proofs, for people: `docs/soak/NAME.md`.

use std::fs::OpenOptions;
use std::io::Write as _;

use anyhow::{Context as _, Result};

use super::state::State;
use crate::machine::Machine;
use crate::workspace;

/// Adds a line to the proof's page, and the page's head when it is new.
pub(super) fn append(name: &str, seed: u64, state: &State) -> Result<()> {
    let path = workspace::root().join(format!("docs/soak/{name}.md"));
    let head = if path.exists() {
        String::new()
    } else {
        head(name)
    };
    let line = line(seed, state, &Machine::here()?.to_string());
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .and_then(|mut page| page.write_all(format!("{head}{line}\n").as_bytes()))
        .with_context(|| format!("write {}", path.display()))
}

fn head(name: &str) -> String {
    format!(
        "# Soak `{name}`\n\n| commit | seed | rounds | minutes | failed rounds | when and where |\n| --- | --- | --- | --- | --- | --- |\n"
    )
}

fn line(seed: u64, state: &State, machine: &str) -> String {
    let failures = match state.failures() {
        [] => "none".to_owned(),
        failed => format!("**{failed:?}**"),
    };
    let minutes = state.spent().as_secs() / 60;
    format!(
        "| {} | {seed} | {} | {minutes} | {failures} | {machine} |",
        state.commit,
        state.rounds()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;
    use crate::soak::state::State;

    #[test]
    fn a_line_names_the_failed_rounds() {
        let mut state = State::new("abc");
        state.record(true, Duration::from_secs(120));
        assert_eq!(line(7, &state, "here"), "| abc | 7 | 1 | 2 | none | here |");
        state.record(false, Duration::from_secs(60));
        assert_eq!(
            line(7, &state, "here"),
            "| abc | 7 | 2 | 3 | **[1]** | here |"
        );
    }
}
