//! Which processes there are, and how each is started: pure.

use std::{net::SocketAddr, path::Path};

use tenancy_types::{CellId, Region};

use super::{Files, Up};

/// The cells of a platform that is started as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpCells {
    /// Each cell, and where it stands.
    pub cells: Vec<(CellId, Region)>,
    /// What each is served with, besides.
    pub arguments: Vec<String>,
}

/// What a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// A process of a cell.
    Cell {
        /// The cell.
        cell: CellId,
        /// Where it stands.
        region: Region,
    },
    /// A gateway, with where it listens for visitors.
    Gateway {
        /// Counted from 1.
        number: u16,
        /// Where it listens.
        listen: SocketAddr,
    },
    /// Control, with where visitors find a gateway.
    Control {
        /// Where visitors are served.
        shops: SocketAddr,
    },
}

impl Role {
    /// Its name in logs.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Cell { cell, .. } => cell.to_string(),
            Self::Gateway { number, .. } => format!("gateway-{number}"),
            Self::Control { .. } => "control".to_owned(),
        }
    }

    /// What stands before the addresses where it says that it listens.
    pub(super) const fn announces(&self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Cell { .. } => ("shops http://", Some("control http://")),
            Self::Gateway { .. } => ("listening http://", Some("probes http://")),
            Self::Control { .. } => ("ops http://", None),
        }
    }
}

/// What is to be started, and with which files.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) up: Up,
    pub(super) files: Files,
}

impl Plan {
    pub(super) fn cells(&self) -> impl Iterator<Item = Role> {
        let cells = self.up.cells.cells.iter();
        cells.map(|(cell, region)| Role::Cell {
            cell: *cell,
            region: region.clone(),
        })
    }

    pub(super) fn gateways(&self) -> impl Iterator<Item = Role> {
        (1..=self.up.gateways).map(|number| {
            let mut listen = self.up.listen;
            if number > 1 {
                listen.set_port(0);
            }
            Role::Gateway { number, listen }
        })
    }

    /// The arguments of a process whose addresses are open still.
    pub(super) fn command(&self, role: &Role) -> Vec<String> {
        let free = SocketAddr::new(self.up.ops_listen.ip(), 0);
        match role {
            Role::Cell { .. } => self.arguments(role, (free, free)),
            Role::Gateway { listen, .. } => self.arguments(role, (*listen, free)),
            Role::Control { .. } => self.arguments(role, (self.up.ops_listen, free)),
        }
    }

    /// The arguments of a process that listens here.
    pub(super) fn arguments(
        &self,
        role: &Role,
        (first, second): (SocketAddr, SocketAddr),
    ) -> Vec<String> {
        let Files {
            hop_keys,
            control_keys,
            endpoints,
        } = &self.files;
        let (first, second) = (first.to_string(), second.to_string());
        let mut words: Vec<String> = Vec::new();
        let mut say = |told: &[&str]| words.extend(told.iter().map(|word| (*word).to_owned()));
        let path = |path: &Path| path.display().to_string();
        match role {
            Role::Cell { cell, region } => {
                let (cell, region) = (cell.to_string(), region.to_string());
                say(&["cell", "serve", &cell, "--region", &region]);
                say(&["--listen", &first, "--control-listen", &second]);
                say(&[
                    "--hop-keys",
                    &path(hop_keys),
                    "--control-keys",
                    &path(control_keys),
                ]);
                words.extend(self.up.cells.arguments.iter().cloned());
                words.extend(self.up.of_cells.iter().cloned());
            }
            Role::Gateway { .. } => {
                say(&["gateway", "--listen", &first, "--probes-listen", &second]);
                say(&[
                    "--hop-keys",
                    &path(hop_keys),
                    "--endpoints",
                    &path(endpoints),
                ]);
            }
            Role::Control { shops } => {
                let shops = shops.to_string();
                say(&["control", "--ops-listen", &first, "--shops", &shops]);
                say(&[
                    "--control-keys",
                    &path(control_keys),
                    "--endpoints",
                    &path(endpoints),
                ]);
                words.extend(self.up.of_control.iter().cloned());
            }
        }
        words.extend([
            "--data".to_owned(),
            path(&self.up.data),
            "--with-parent".to_owned(),
        ]);
        words.extend(self.up.arguments.iter().cloned());
        words
    }
}
