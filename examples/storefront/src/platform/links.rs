//! How workflows reach cells, wherever these are.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use tenancy_core::directory::AnyDirectory;
use tenancy_migrate::{Fitness, Home};
use tenancy_types::{CellId, Revision};

use super::{
    away::{AwayCell, AwayCells},
    cell_work::{Acted, CellAct, WorkError},
    cells::OpenCell,
};

/// All cells of the platform.
#[derive(Clone, Debug)]
pub(super) struct Links {
    directory: AnyDirectory,
    here: Arc<BTreeMap<CellId, OpenCell>>,
    away: Option<AwayCells>,
}

/// A cell that workflows can ask for something.
#[derive(Clone, Debug)]
pub(super) enum CellLink {
    /// Of this process.
    Here {
        /// The cell.
        cell: Box<OpenCell>,
        /// What it asks whether it is behind.
        directory: AnyDirectory,
    },
    /// Of other processes.
    Away(AwayCell),
}

impl Links {
    /// These cells of this process, and those of others, if there are such processes.
    pub(super) fn new(
        directory: AnyDirectory,
        here: BTreeMap<CellId, OpenCell>,
        away: Option<AwayCells>,
    ) -> Self {
        Self {
            directory,
            here: Arc::new(here),
            away,
        }
    }

    /// The way to a cell.
    ///
    /// # Errors
    /// [`WorkError::Away`] when nobody who serves it is known.
    pub(super) fn find(&self, cell: CellId) -> Result<CellLink, WorkError> {
        if let Some(here) = self.here.get(&cell) {
            return Ok(CellLink::Here {
                cell: Box::new(here.clone()),
                directory: self.directory.clone(),
            });
        }
        let away = self.away(cell).map(CellLink::Away);
        away.ok_or(WorkError::Away { cell })
    }

    /// Returns when all gateways show this revision, or do not in time.
    pub(super) async fn shown(&self, revision: Revision) {
        if let Some(away) = &self.away {
            away.shown(revision).await;
        }
    }

    /// The way to a cell that other processes serve.
    pub(super) fn away(&self, cell: CellId) -> Option<AwayCell> {
        self.away.as_ref()?.find(cell)
    }
}

/// Everything is boxed: workflows are deep by themselves.
impl CellLink {
    /// Has the cell do this.
    pub(super) async fn act(&self, home: Home, act: CellAct) -> Result<Acted, WorkError> {
        match self {
            Self::Here { cell, directory } => Box::pin(cell.perform(directory, home, act)).await,
            Self::Away(cell) => Box::pin(cell.act(home, act)).await,
        }
    }

    /// Asks whether the archive in this file can be loaded where this shop is.
    pub(super) async fn check_archive(
        &self,
        home: Home,
        file: &Path,
    ) -> Result<Fitness, WorkError> {
        match self {
            Self::Here { cell, .. } => Box::pin(cell.check_archive(home, file)).await,
            Self::Away(cell) => cell.check_archive(home, file).await,
        }
    }

    /// Gives a shop that was emptied what the archive has.
    pub(super) async fn refill(&self, home: Home, file: &Path) -> Result<(), WorkError> {
        match self {
            Self::Here { cell, .. } => Box::pin(cell.refill(home, file)).await,
            Self::Away(cell) => cell.refill(home, file).await,
        }
    }

    /// Gives a new shop what the archive of another one has.
    pub(super) async fn seed(&self, home: Home, file: &Path) -> Result<(), WorkError> {
        match self {
            Self::Here { cell, .. } => Box::pin(cell.seed(home, file)).await,
            Self::Away(cell) => cell.seed(home, file).await,
        }
    }
}
