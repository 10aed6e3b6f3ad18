//! `storefront directory …`: its log, and what is done after a restore.

mod raise;

use clap::{Args, Subcommand};

use super::{
    client::Client,
    consent::Consent,
    error::CliError,
    exit::Exit,
    output::Output,
    remote::{Remote, Task},
    table::card,
};
use crate::ops::{CompactLog, CompactedLog, DirectoryLog};

use raise::RaiseIncarnation;

/// Look after the directory: its log, and what a restore needs
#[derive(Debug, Subcommand)]
#[command(after_help = help!("
  storefront directory status
  storefront directory compact --keep 1000000
  storefront directory raise-incarnation --data ./storefront-data"))]
pub(super) enum DirectoryCommand {
    Status(Remote<Status>),
    Compact(Remote<Compact>),
    RaiseIncarnation(RaiseIncarnation),
}

impl DirectoryCommand {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        match self {
            Self::Status(remote) => remote.execute().await,
            Self::Compact(remote) => remote.execute().await,
            Self::RaiseIncarnation(raise) => raise.execute().await,
        }
    }
}

/// Show how far the directory's log reaches back, and how far the server's routes have followed it
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront directory status
  storefront directory status --json | jq .routes.behind"))]
pub(super) struct Status {}

impl Task for Status {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let answer = client.get("/v1/directory").await?;
        output.answer(&answer, status)?;
        Ok(Exit::Ok)
    }
}

/// Remove old entries from the directory's log
///
/// Whoever follows the directory and has not seen what is removed takes a snapshot, and serves on meanwhile. The server
/// does this by itself: it keeps the last million revisions.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront directory compact --keep 1000000           says what would happen
  storefront directory compact --keep 1000000 --yes"))]
pub(super) struct Compact {
    /// How many of the last revisions are kept
    #[arg(long, value_name = "REVISIONS")]
    keep: u64,
    #[command(flatten)]
    consent: Consent,
}

impl Task for Compact {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError> {
        let keep = self.keep;
        self.consent
            .check(client, "/v1/directory", |log| would_compact(log, keep))
            .await?;
        let body = CompactLog { keep };
        let answer = client
            .post_at_length("/v1/directory/compact", &body)
            .await?;
        output.answer(&answer, compacted)?;
        Ok(Exit::Ok)
    }
}

fn status(log: &DirectoryLog) -> String {
    let behind = match (log.routes.behind, log.routes.behind_seconds) {
        (Some(0), _) => "nothing".to_owned(),
        (Some(revisions), Some(seconds)) => format!("{revisions} revisions, for {seconds:.1} s"),
        _ => "unknown: they take a snapshot".to_owned(),
    };
    let revision = log.routes.revision;
    card(&[
        ("directory", log.directory.clone()),
        ("incarnation", log.incarnation.to_string()),
        ("newest revision", log.newest.to_string()),
        ("log begins behind", log.floor.to_string()),
        ("entries, at most", log.entries.to_string()),
        (
            "routes are at",
            revision.map_or("nothing".to_owned(), |at| at.to_string()),
        ),
        ("routes lack", behind),
        ("contact", log.routes.contact.clone()),
        (
            "refused",
            log.routes
                .refused
                .clone()
                .unwrap_or_else(|| "nothing".to_owned()),
        ),
    ])
}

fn would_compact(log: &DirectoryLog, keep: u64) -> String {
    let floor = log.newest.saturating_sub(keep);
    let removed = floor.saturating_sub(log.floor);
    if removed == 0 {
        return format!(
            "remove nothing: the log has at most {} entries",
            log.entries
        );
    }
    format!(
        "remove up to {removed} entries from the log; who follows the directory and is behind revision {floor} takes a \
         snapshot"
    )
}

fn compacted(done: &CompactedLog) -> String {
    let CompactedLog { removed, floor } = done;
    format!("removed {removed} entries; the log begins behind revision {floor}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::RoutesLag;

    fn log(floor: u64, newest: u64) -> DirectoryLog {
        DirectoryLog {
            directory: "7".to_owned(),
            incarnation: 0,
            newest,
            floor,
            entries: newest - floor,
            routes: RoutesLag {
                revision: Some(newest),
                contact: "live".to_owned(),
                behind: Some(0),
                behind_seconds: Some(0.0),
                refused: None,
            },
        }
    }

    #[test]
    fn it_is_said_what_would_be_removed() {
        let told = would_compact(&log(10, 100), 20);
        assert!(told.starts_with("remove up to 70 entries"), "{told}");
        assert!(told.contains("behind revision 80"), "{told}");
        for (floor, keep) in [(10, 90), (10, 200), (80, 20)] {
            let told = would_compact(&log(floor, 100), keep);
            assert!(told.starts_with("remove nothing"), "{told}");
        }
    }
}
