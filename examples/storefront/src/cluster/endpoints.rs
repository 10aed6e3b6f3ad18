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

#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(default)]
    endpoint: Vec<CellEndpoint>,
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
    cells: RwLock<Arc<BTreeMap<CellId, Vec<CellEndpoint>>>>,
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
        let cells = read(path)?;
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            cells: RwLock::new(Arc::new(cells)),
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

    /// The cells that have a process.
    #[must_use]
    pub fn cells(&self) -> Vec<CellId> {
        self.current().keys().copied().collect()
    }

    /// A process of this cell, each in its turn.
    #[must_use]
    pub fn find(&self, cell: CellId) -> Option<CellEndpoint> {
        let cells = self.current();
        let processes = cells.get(&cell)?;
        let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
        processes.get(turn % processes.len()).cloned()
    }

    /// Writes such a file in one step, so that a reader never sees half of it.
    ///
    /// # Errors
    /// [`EndpointsError::File`].
    pub fn write(path: &Path, endpoints: &[CellEndpoint]) -> Result<(), EndpointsError> {
        let content = Content {
            endpoint: endpoints.to_vec(),
        };
        let text = toml::to_string(&content).expect("texts and addresses are TOML");
        let unfinished = path.with_extension("toml.new");
        let written = fs::write(&unfinished, text).and_then(|()| fs::rename(&unfinished, path));
        written.map_err(|source| EndpointsError::File {
            path: path.to_owned(),
            source,
        })
    }

    fn current(&self) -> Arc<BTreeMap<CellId, Vec<CellEndpoint>>> {
        Arc::clone(&self.0.cells.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn look(&self, seen: Option<SystemTime>) -> Option<SystemTime> {
        let found = changed(&self.path);
        if found == seen {
            return seen;
        }
        match read(&self.path) {
            Ok(cells) => {
                *self.cells.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(cells);
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

fn read(path: &Path) -> Result<BTreeMap<CellId, Vec<CellEndpoint>>, EndpointsError> {
    let text = fs::read_to_string(path).map_err(|source| EndpointsError::File {
        path: path.to_owned(),
        source,
    })?;
    parse(&text).map_err(|source| EndpointsError::Content {
        path: path.to_owned(),
        source,
    })
}

fn parse(
    text: &str,
) -> Result<BTreeMap<CellId, Vec<CellEndpoint>>, Box<dyn std::error::Error + Send + Sync>> {
    let content: Content = toml::from_str(text)?;
    let mut cells = BTreeMap::<_, Vec<_>>::new();
    for endpoint in content.endpoint {
        cells
            .entry(endpoint.cell.parse()?)
            .or_default()
            .push(endpoint);
    }
    Ok(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_where_cells_are() {
        let cells = parse(
            "[[endpoint]]\ncell = \"cell-2\"\nshops = \"127.0.0.1:1\"\ncontrol = \"127.0.0.1:2\"\n\
             [[endpoint]]\ncell = \"cell-2\"\nshops = \"127.0.0.1:3\"\ncontrol = \"127.0.0.1:4\"\n",
        );
        let cells = cells.unwrap();
        assert_eq!(cells[&CellId::new(2).unwrap()].len(), 2);
        for wrong in [
            "[[endpoint]]\ncell = \"two\"\nshops = \"127.0.0.1:1\"\ncontrol = \"127.0.0.1:2\"",
            "[[endpoint]]\ncell = \"cell-2\"\nshops = \"nowhere\"\ncontrol = \"127.0.0.1:2\"",
            "[[endpoints]]",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
