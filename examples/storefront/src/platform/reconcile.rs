//! Bringing cells and directory together at the start, or finding out that they do not belong together.

use std::{collections::BTreeMap, num::NonZeroU16};

use tenancy_core::{
    directory::{AnyDirectory, Directory, Page, Tenant},
    protocol::Fence,
};
use tenancy_types::{CellId, Lifecycle, Placement, TenantId};

use super::{
    OpenError,
    agreement::{Disagreement, Owner, Standing, compare, compare_owner},
    cells::OpenCell,
    lifecycle::{FenceTo, bring_fence_to},
    owner::Register,
};

/// Makes sure that a cell is nobody else's.
///
/// # Errors
/// [`OpenError::Disagrees`], and what keeps the cell from being read.
pub(super) async fn check_owner(ours: Owner, register: &Register) -> Result<(), OpenError> {
    let found = register.owner().await.map_err(failed(ours.cell))?;
    Ok(found.map_or(Ok(()), |found| compare_owner(ours, found))?)
}

/// Makes sure that the cells, which are nobody else's, know nothing that the directory does not, makes them the
/// directory's, brings every fence that a crash left behind to what the directory says, and returns the tenants that
/// are leaving. Nothing is written before all cells were looked at.
///
/// # Errors
/// [`OpenError::Disagrees`], and what keeps directory or cells from being read.
pub(super) async fn reconcile(
    directory: &AnyDirectory,
    cells: &BTreeMap<CellId, OpenCell>,
) -> Result<Vec<TenantId>, OpenError> {
    let id = directory.extent().await?.newest.history.directory;
    let owner = |cell| Owner {
        directory: id,
        cell,
    };
    let Found { behind, leaving } = look(directory, cells).await?;
    for (&cell, open) in cells {
        let claimed = open.register.claim(owner(cell)).await;
        compare_owner(owner(cell), claimed.map_err(failed(cell))?)?;
    }
    for tenant in &behind {
        catch_up(cells, tenant).await?;
    }
    Ok(leaving)
}

/// What is to be done.
#[derive(Default)]
struct Found {
    behind: Vec<Tenant>,
    leaving: Vec<TenantId>,
}

/// Compares all fences with all tenants.
async fn look(
    directory: &AnyDirectory,
    cells: &BTreeMap<CellId, OpenCell>,
) -> Result<Found, OpenError> {
    let mut fences = all_fences(cells).await?;
    let mut found = Found::default();
    let mut page = Page::first(NonZeroU16::MAX);
    loop {
        let tenants = directory.tenants(page).await?;
        let Some(last) = tenants.last() else { break };
        page = page.after(last.id);
        for tenant in tenants {
            let Placement {
                cell, lifecycle, ..
            } = tenant.placement;
            if lifecycle == Lifecycle::Offboarding {
                found.leaving.push(tenant.id);
            }
            if !cells.contains_key(&cell) {
                continue;
            }
            let fence = fences.remove(&(cell, tenant.id));
            if compare(tenant.id, tenant.placement, fence)? == Standing::Behind {
                found.behind.push(tenant);
            }
        }
    }
    match fences.into_keys().next() {
        Some((cell, tenant)) => Err(Disagreement::Unknown { cell, tenant }.into()),
        None => Ok(found),
    }
}

async fn catch_up(cells: &BTreeMap<CellId, OpenCell>, tenant: &Tenant) -> Result<(), OpenError> {
    let Placement {
        cell,
        lifecycle,
        epoch,
        ..
    } = tenant.placement;
    tracing::warn!(tenant_id = %tenant.id, %epoch, "fence was behind the directory");
    let open = cells.get(&cell).ok_or(OpenError::CellMissing { cell })?;
    let brought = bring_fence_to(&open.db, tenant.id, FenceTo { lifecycle, epoch }).await;
    brought.map_err(failed(cell))
}

async fn all_fences(
    cells: &BTreeMap<CellId, OpenCell>,
) -> Result<BTreeMap<(CellId, TenantId), Fence>, OpenError> {
    const PAGE: u32 = 10_000;
    let mut all = BTreeMap::new();
    for (&cell, open) in cells {
        let mut after = None;
        loop {
            let page = open.db.fences(after, PAGE).await.map_err(failed(cell))?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            all.extend(
                page.into_iter()
                    .map(|(tenant, fence)| ((cell, tenant), fence)),
            );
        }
    }
    Ok(all)
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    cell: CellId,
) -> impl Fn(E) -> OpenError {
    move |source| OpenError::Cell {
        cell,
        source: source.into(),
    }
}
