//! Where the processes of each cell listen: a file that is read again when it has changed.

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};
use tenancy_types::CellId;

/// How often is looked whether the file has changed.
const EVERY: Duration = Duration::from_millis(200);

/// A process of a cell.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CellEndpoint {
    /// The cell.
    pub cell: String,
    /// Where it takes visitors' requests from gateways.
    pub shops: SocketAddr,
    /// Where it takes what control asks for.
    pub control: SocketAddr,
}

/// A gateway's process.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayEndpoint {
    /// Where it answers probes, and control's question how far its routes are.
    pub probes: SocketAddr,
}

/// Where everybody is: the content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The processes of cells.
    #[serde(default)]
    pub cell: Vec<CellEndpoint>,
    /// The gateways.
    #[serde(default)]
    pub gateway: Vec<GatewayEndpoint>,
}

/// The same, as it is looked into.
#[derive(Debug, Default)]
struct Sorted {
    cells: BTreeMap<CellId, Vec<CellEndpoint>>,
    gateways: Vec<GatewayEndpoint>,
}

/// Why a file of endpoints cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointsError {
    /// It cannot be read or written.
    #[error("use the endpoints in {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// It is not of the form.
    #[error("the endpoints in {}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The processes of all cells, as the file said last. Clones share it.
#[derive(Clone, Debug)]
pub struct Endpoints(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    path: PathBuf,
    known: RwLock<Arc<Sorted>>,
    turn: AtomicUsize,
}

impl Endpoints {
    /// Reads the file, and reads it again when it changes, for as long as a clone of this lives. One that cannot be used any
    /// more changes nothing, and the log says why.
    ///
    /// # Errors
    /// [`EndpointsError`] when it cannot be used at first.
    pub fn follow(path: &Path) -> Result<Self, EndpointsError> {
        let seen = changed(path);
        let known = read(path)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            known: RwLock::new(Arc::new(known)),
            turn: AtomicUsize::new(0),
        });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let mut seen = seen;
            loop {
                tokio::time::sleep(EVERY).await;
                let Some(shared) = weak.upgrade() else { return };
                seen = shared.look(seen);
            }
        });
        Ok(Self(shared))
    }

    /// All gateways.
    #[must_use]
    pub fn gateways(&self) -> Vec<GatewayEndpoint> {
        self.current().gateways.clone()
    }

    /// A process of this cell, each in its turn.
    #[must_use]
    pub fn find(&self, cell: CellId) -> Option<CellEndpoint> {
        let known = self.current();
        let processes = known.cells.get(&cell)?;
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        processes.get(turn % processes.len()).cloned()
    }

    /// Writes such a file in one step, so that a reader never sees half of it.
    ///
    /// # Errors
    /// [`EndpointsError::File`].
    pub fn write(path: &Path, known: &Known) -> Result<(), EndpointsError> {
        let text = toml::to_string(known).expect("texts and addresses are TOML");
        let unfinished = path.with_extension("toml.new");
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
        written.map_err(|source| EndpointsError::File {
            path: path.to_owned(),
            source,
        })
    }

    fn current(&self) -> Arc<Sorted> {
        Arc::clone(&self.0.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn look(&self, seen: Option<SystemTime>) -> Option<SystemTime> {
        let found = changed(&self.path);
        if found == seen {
            return seen;
        }
        match read(&self.path) {
            Ok(known) => {
                *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(%error, cause, "the endpoints stay as they were");
            }
        }
        found
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|found| found.modified()).ok()
}

fn read(path: &Path) -> Result<Sorted, EndpointsError> {
    let text = fs::read_to_string(path).map_err(|source| EndpointsError::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|source| EndpointsError::Content {
        path: path.to_owned(),
        source,
    })
}

fn parse(text: &str) -> Result<Sorted, Box<dyn std::error::Error + Send + Sync>> {
    let known: Known = toml::from_str(text)?;
    let mut cells = BTreeMap::<_, Vec<_>>::new();
    for endpoint in known.cell {
        cells
            .entry(endpoint.cell.parse()?)
            .or_default()
            .push(endpoint);
    }
    Ok(Sorted {
        cells,
        gateways: known.gateway,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_cells_are() {
        let known = parse(
            "[[cell]]\ncell = \"cell-2\"\nshops = \"127.0.0.1:1\"\ncontrol = \"127.0.0.1:2\"\n\
             [[cell]]\ncell = \"cell-2\"\nshops = \"127.0.0.1:3\"\ncontrol = \"127.0.0.1:4\"\n",
        );
        let known = known.unwrap();
        assert_eq!(known.cells[&CellId::new(2).unwrap()].len(), 2);
        for wrong in [
            "[[cell]]\ncell = \"two\"\nshops = \"127.0.0.1:1\"\ncontrol = \"127.0.0.1:2\"",
            "[[cell]]\ncell = \"cell-2\"\nshops = \"nowhere\"\ncontrol = \"127.0.0.1:2\"",
            "[[endpoints]]",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
