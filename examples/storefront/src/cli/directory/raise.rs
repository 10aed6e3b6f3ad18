use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        consent::Consent,
        error::CliError,
        exit::Exit,
        output::{Form, Output},
    },
    platform::RestoredDirectory,
};

/// Begin a new history of a directory that was restored from a backup, before it is served
///
/// A restored directory gives out revisions a second time. With a new incarnation everybody who follows it notices and
/// takes a snapshot, and every epoch it gives from then on is newer than those that cells heard before. No server may
/// run.
#[derive(Debug, Args)]
#[command(after_help = help!("
  storefront directory raise-incarnation                    says what would happen
  storefront directory raise-incarnation --from 0 --yes     does nothing when it was done already"))]
pub(in crate::cli) struct RaiseIncarnation {
    /// Data folder of the platform
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// The incarnation that it has, so that repeating the command does not raise it twice [default: whichever it has]
    #[arg(long, value_name = "INCARNATION")]
    from: Option<u16>,
    #[command(flatten)]
    consent: Consent,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Raised {
    directory: String,
    incarnation: u16,
}

impl RaiseIncarnation {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        let form = if self.json { Form::Json } else { Form::Text };
        let restored = RestoredDirectory::open(&self.data)
            .await
            .map_err(Box::new)?;
        let history = restored.history().await.map_err(Box::new)?;
        let from = self.from.unwrap_or(history.incarnation);
        self.consent.given(|| {
            let (id, found) = (history.directory, history.incarnation);
            format!(
                "begin the incarnation behind {from} of directory {id}, which has {found} now: who follows it takes a \
                 snapshot"
            )
        })?;
        let raised = Raised {
            directory: history.directory.to_string(),
            incarnation: restored.raise_incarnation(from).await.map_err(Box::new)?,
        };
        Output::new(form).value(&raised, |raised| {
            let Raised {
                directory,
                incarnation,
            } = raised;
            format!("directory {directory} has incarnation {incarnation} now\n")
        })?;
        Ok(Exit::Ok)
    }
}
