//! What all commands have in common that talk to a server.

use std::path::PathBuf;

use clap::Args;

use super::{
    client::{Client, ClientError},
    endpoint::{Endpoint, EndpointError, OpsUrl},
    error::CliError,
    exit::Exit,
    output::{Form, Output},
};

/// A command's work, once it is known which server does it.
pub(super) trait Task: Args {
    async fn run(self, client: &Client, output: &mut Output) -> Result<Exit, CliError>;
}

// A command for a server. What is said of it is the task's own: a doc comment here would stand in its place.
#[derive(Debug, Args)]
pub(super) struct Remote<T: Task> {
    #[command(flatten)]
    task: T,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which server, and how it answers")]
struct ServerArgs {
    /// Data folder of a server on this machine: its ops.json and operator.token are read
    #[arg(long, value_name = "FOLDER", default_value = "./storefront-data")]
    data: PathBuf,
    /// Operator listener, like http://127.0.0.1:8081, instead of --data
    #[arg(
        long,
        value_name = "URL",
        requires = "token_file",
        conflicts_with = "data"
    )]
    ops: Option<OpsUrl>,
    /// File with the operator's token, for --ops
    #[arg(long, value_name = "FILE", requires = "ops")]
    token_file: Option<PathBuf>,
    /// Print the API's JSON unchanged; a long list is several documents, one a line
    #[arg(long)]
    json: bool,
}

impl ServerArgs {
    fn endpoint(self) -> Result<Endpoint, EndpointError> {
        match (self.ops, self.token_file) {
            (Some(url), Some(path)) => Endpoint::with_token_file(url, &path),
            // The parser lets none of the two stand alone.
            _ => Endpoint::of_folder(&self.data),
        }
    }
}

impl<T: Task> Remote<T> {
    pub(super) async fn execute(self) -> Result<Exit, CliError> {
        let mut output = Output::new(if self.server.json {
            Form::Json
        } else {
            Form::Text
        });
        let client = Client::new(self.server.endpoint()?)?;
        let outcome = self.task.run(&client, &mut output).await;
        if let Err(CliError::Client(ClientError::Refused { json, .. })) = &outcome {
            output.refusal(json)?;
        }
        outcome
    }
}
