use clap::Args;
use serde::de::DeserializeOwned;

use super::{client::Client, error::CliError};

/// Whether something may be done that takes something away.
#[derive(Debug, Args)]
pub(super) struct Consent {
    /// Do it; without this, only say what would happen
    #[arg(long)]
    yes: bool,
}

impl Consent {
    /// Goes on only with consent. Without it, it is told what would happen.
    pub(super) fn given(&self, preview: impl FnOnce() -> String) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        Err(CliError::Unconfirmed { would: preview() })
    }

    /// The same for what lies at this path, which is looked at only when it is to be told.
    pub(super) async fn check<T: DeserializeOwned>(
        &self,
        client: &Client,
        path: &str,
        preview: impl FnOnce(&T) -> String,
    ) -> Result<(), CliError> {
        if self.yes {
            return Ok(());
        }
        let seen: T = client.get(path).await?.read()?;
        self.given(|| preview(&seen))
    }
}
