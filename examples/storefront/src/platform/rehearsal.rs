//! Loading an archive where nobody is: what no cell takes is found out before a shop is made of it, or emptied for it.
//!
//! Checksums say that a file is as it was written, not that its rows go together. So it is loaded into a cell of its
//! own, by the same code and with the same schema, and what is done to loaded rows is done there, too. That cell is a
//! file, also where the shop's will be in Postgres: what Postgres alone refuses is looked for in it by hand ([`portable`]).

mod portable;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use tenancy_core::{
    Admitted, Grant, Principal, ReadOnly, ReadWrite, Resolved, Source, TenantContext, admit,
    db::CellTx, protocol::FenceEvent,
};
use tenancy_migrate::{Archive, ArchiveError, Flaw};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId};

use super::{OpenError, budgets, cells};
use crate::{
    random,
    shop::{Cell, ShopError, catalog, order, schema},
};

/// The rehearsal's only tenant, and its cell.
const TENANT: TenantId = TenantId::new(1).expect("it is not 0");
const CELL: CellId = CellId::new(1).expect("it is one");

/// Loads an archive into a cell in this folder, which is there no longer than that.
pub(super) async fn rehearse(archive: &Archive, folder: &Path) -> Result<(), ArchiveError> {
    let scratch = Scratch::new(folder).map_err(not_rehearsed)?;
    let file = scratch.0.join("cell.db");
    let opened = cells::open_one(CELL, file.clone()).await;
    let (db, shop) = opened.map_err(|error: OpenError| not_rehearsed(io::Error::other(error)))?;
    let context = admitted()?.read_write().map_err(refused)?;
    let Placement {
        lifecycle, epoch, ..
    } = context.placement();
    let fence = FenceEvent::Create { lifecycle, epoch };
    db.change_fence(TENANT, None, fence).await?;
    archive
        .load(&db, &context, &schema::manifest(), schema::newest())
        .await?;
    portable::check(&file).await?;
    make_own(&shop, &context).await.map_err(senseless)
}

/// Makes the loaded rows those of a shop of its own, which can be served.
///
/// # Errors
/// Of the database, or because the rows say what cannot be.
pub(super) async fn make_own(
    cell: &Cell,
    context: &TenantContext<ReadWrite>,
) -> Result<(), ShopError> {
    let read = async |tx: &mut CellTx<ReadOnly>| catalog::shop(tx, context.tenant()).await;
    cell.scope(&context.to_read_only(), read).await?;
    order::disown_payments(cell, context, cell.ids().now()).await
}

fn admitted() -> Result<Admitted, ArchiveError> {
    let resolved = Resolved {
        tenant: TENANT,
        placement: Placement::new(CELL, Lifecycle::Provisioning, Epoch::FIRST),
        source: Source::Internal,
    };
    let principal = Principal::platform("rehearsal", "load an archive where nobody is");
    admit(resolved, principal, Grant::ReadWrite, budgets::OF_WORKFLOWS).map_err(refused)
}

fn refused(refusal: tenancy_core::Refusal) -> ArchiveError {
    not_rehearsed(io::Error::other(refusal))
}

fn not_rehearsed(source: io::Error) -> ArchiveError {
    ArchiveError::File {
        doing: "rehearse an archive",
        source,
    }
}

/// Rows that the schema takes and the shop cannot read.
fn senseless(error: ShopError) -> ArchiveError {
    match error {
        ShopError::Database(error) => error.into(),
        error => ArchiveError::Invalid {
            entry: "tables".into(),
            line: None,
            flaw: Flaw::Senseless {
                reason: error.to_string().into(),
            },
        },
    }
}

/// A folder that is removed when it is dropped, also when the rehearsal is broken off. After a crash the next start
/// removes it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(folder: &Path) -> io::Result<Self> {
        let path = folder.join(format!("{}.rehearsal", random::hex::<16>()));
        // Another shop's data are in it.
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::error!(%error, path = %self.0.display(), "rehearsal could not be removed");
        }
    }
}
