use std::{collections::HashMap, fmt, sync::Arc};

use tenancy_types::CellId;

/// The services of the cells that this process can reach. Cloning is cheap.
pub struct Cells<S>(Arc<HashMap<CellId, S>>);

impl<S> Cells<S> {
    /// The cell's service.
    #[must_use]
    pub fn find(&self, cell: CellId) -> Option<&S> {
        self.0.get(&cell)
    }
}

impl<S> FromIterator<(CellId, S)> for Cells<S> {
    fn from_iter<I: IntoIterator<Item = (CellId, S)>>(cells: I) -> Self {
        Self(Arc::new(cells.into_iter().collect()))
    }
}

impl<S> Clone for Cells<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for Cells<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
