//! Which isolation a command is about.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenancy_core::{
    Manifest,
    isolation::{Isolation, IsolationMode, Net, Roles},
};

use crate::input::{Unusable, read};

#[derive(Args, Debug)]
pub(crate) struct CellArguments {
    /// The tables, as TOML
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: PathBuf,
    /// What the names of the cell's roles begin with
    #[arg(long, value_name = "PREFIX")]
    roles: String,
    /// What the cell is to withstand
    #[arg(long)]
    pub(crate) mode: Mode,
    /// Without the event trigger, which only a superuser may make
    #[arg(long)]
    no_net: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Mode {
    Plain,
    Sealed,
}

impl CellArguments {
    pub(crate) fn isolation(&self) -> Result<Isolation, Unusable> {
        let manifest = Manifest::from_toml(&read(&self.manifest)?)
            .map_err(Unusable::of(self.manifest.display().to_string()))?;
        let roles = Roles::named(&self.roles).map_err(Unusable::of("--roles"))?;
        let mode = match self.mode {
            Mode::Plain => IsolationMode::Plain,
            Mode::Sealed => IsolationMode::Sealed,
        };
        let net = if self.no_net { Net::No } else { Net::Yes };
        Ok(Isolation::new(&manifest, roles, mode).with_net(net))
    }
}
