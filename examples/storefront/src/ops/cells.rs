//! Cells and how full they are.

use axum::{Json, extract::State};
use tenancy_core::directory::Directory;

use super::{CellView, Cells, Ops, OpsError};

/// Lists the cells.
#[utoipa::path(get, path = "/v1/cells", tag = "cells", responses((status = 200, body = Cells)))]
pub(super) async fn list(State(ops): State<Ops>) -> Result<Json<Cells>, OpsError> {
    let loads = ops.platform.directory().cells().await?;
    Ok(Json(Cells {
        cells: loads.iter().map(CellView::from).collect(),
    }))
}
