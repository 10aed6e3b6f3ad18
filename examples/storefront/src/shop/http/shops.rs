use axum::extract::FromRef;

use crate::shop::{Cell, checkout::Checkout};

/// What handlers need: the cell, and how its shops sell.
#[derive(Clone, Debug)]
pub(super) struct Shops {
    pub(super) cell: Cell,
    pub(super) checkout: Checkout,
}

impl FromRef<Shops> for Cell {
    fn from_ref(shops: &Shops) -> Self {
        shops.cell.clone()
    }
}
