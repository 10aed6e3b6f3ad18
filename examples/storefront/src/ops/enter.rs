//! How an operator's request comes to a shop's rows: through the guard, for a stated reason.

use tenancy_core::{Access, ReadOnly, ReadWrite, TenantContext};
use tenancy_types::TenantId;

use super::{OpsError, ShopOps};
use crate::shop::Cell;

/// A shop that has been entered.
pub(super) struct Entered<'a, A: Access> {
    pub(super) cell: &'a Cell,
    pub(super) context: TenantContext<A>,
}

/// Enters a shop to change it.
pub(super) fn to_write<'a>(
    ops: &'a ShopOps,
    tenant: TenantId,
    reason: &str,
) -> Result<Entered<'a, ReadWrite>, OpsError> {
    let admitted = ops.site.enter(tenant, reason).map_err(OpsError::part)?;
    within(ops, admitted.read_write().map_err(OpsError::part)?)
}

/// Enters a shop to look.
pub(super) fn to_read<'a>(
    ops: &'a ShopOps,
    tenant: TenantId,
    reason: &str,
) -> Result<Entered<'a, ReadOnly>, OpsError> {
    let admitted = ops.site.enter(tenant, reason).map_err(OpsError::part)?;
    within(ops, admitted.read_only())
}

fn within<A: Access>(ops: &ShopOps, context: TenantContext<A>) -> Result<Entered<'_, A>, OpsError> {
    let cell = ops.site.cell(context.placement().cell);
    Ok(Entered {
        cell: cell.ok_or(OpsError::CellAway)?,
        context,
    })
}
