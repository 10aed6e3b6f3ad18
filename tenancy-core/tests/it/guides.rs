//! The guides of `docs/guides` that tell of isolation, run from their own text.

mod existing_app;
mod page;
mod search;

use std::{num::NonZeroU16, time::Duration};

use tenancy_core::{
    Admitted, Grant, Principal, Resolved, Source, admit,
    types::{CellId, Epoch, Lifecycle, Placement, TenantId, WorkBudget},
};

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

/// What the tenant layer makes of a request.
fn let_in(id: u32) -> Admitted {
    let cell = CellId::new(1).unwrap();
    let resolved = Resolved {
        tenant: tenant(id),
        placement: Placement::new(cell, Lifecycle::Active, Epoch::FIRST),
        source: Source::Internal,
    };
    let budget = WorkBudget::new(NonZeroU16::new(2).unwrap(), Duration::from_secs(8));
    admit(resolved, Principal::visitor(), Grant::ReadWrite, budget).unwrap()
}
