//! Archives that a cell loads.

use std::path::Path;

use tenancy_core::{ReadWrite, TenantContext, db::DbError};
use tenancy_migrate::{ArchiveError, Fitness, Home};
use tenancy_types::Problem;

use super::{WorkError, admitted, enter};
use crate::{
    platform::{
        archives,
        cells::{self, OpenCell},
        rehearsal::make_own,
    },
    shop::{ShopError, schema},
};

impl OpenCell {
    /// Says whether the archive in this file can be loaded where this shop is. Nothing is written.
    pub(in crate::platform) async fn check_archive(
        &self,
        home: Home,
        file: &Path,
    ) -> Result<Fitness, WorkError> {
        // It is suspended still.
        let context = admitted(home).map_err(WorkError::failed)?.read_only();
        let checked = async {
            let archive = archives::open(file).await?;
            let manifest = schema::manifest();
            Box::pin(archive.check(&self.db, &context, &manifest, schema::newest())).await
        };
        match checked.await {
            Ok(()) => Ok(Fitness::Fits),
            Err(error) if error.is_verdict() => Ok(Fitness::Unfit(error.code().as_str().into())),
            Err(error) => Err(WorkError::failed(error)),
        }
    }

    /// Gives a shop that was emptied what the archive has.
    pub(in crate::platform) async fn refill(
        &self,
        home: Home,
        file: &Path,
    ) -> Result<(), WorkError> {
        let loaded = self.load(&enter(home)?, file).await;
        loaded.map_err(WorkError::failed)
    }

    /// Gives a new shop what the archive of another one has.
    pub(in crate::platform) async fn seed(&self, home: Home, file: &Path) -> Result<(), WorkError> {
        match self.try_seed(home, file).await {
            // It has been opened, or undone, since.
            Err(SeedError::Database(DbError::StaleEpoch { .. })) => Ok(()),
            Err(SeedError::Archive(error)) if error.is_verdict() => {
                let reason = error.client_text().into();
                Err(WorkError::Refused { reason })
            }
            // Only an archive has rows that make no sense.
            Err(SeedError::Shop(error)) => {
                let reason = error.to_string().into();
                Err(WorkError::Refused { reason })
            }
            seeded => seeded.map_err(WorkError::failed),
        }
    }

    async fn try_seed(&self, home: Home, file: &Path) -> Result<(), SeedError> {
        let context = enter(home).map_err(|_| DbError::NotHere)?;
        match self.load(&context, file).await {
            // What an attempt before this one has loaded was changed by it already: nobody else was here.
            Err(ArchiveError::Occupied { .. }) => {
                cells::empty(&self.db, &context).await?;
                self.load(&context, file).await?;
            }
            loaded => loaded?,
        }
        // Boxed, as the load is.
        Ok(Box::pin(make_own(&self.shops, &context)).await?)
    }

    async fn load(
        &self,
        context: &TenantContext<ReadWrite>,
        file: &Path,
    ) -> Result<(), ArchiveError> {
        let archive = archives::open(file).await?;
        let manifest = schema::manifest();
        // Boxed, since it is deep and stands in workflows, which are deep by themselves.
        Box::pin(archive.load(&self.db, context, &manifest, schema::newest())).await
    }
}

/// Why a shop has not got its first rows.
#[derive(Debug, thiserror::Error)]
enum SeedError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Shop(ShopError),
    #[error(transparent)]
    Archive(ArchiveError),
}

impl From<ShopError> for SeedError {
    fn from(error: ShopError) -> Self {
        match error {
            ShopError::Database(error) => Self::Database(error),
            error => Self::Shop(error),
        }
    }
}

impl From<ArchiveError> for SeedError {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Database(error) => Self::Database(error),
            error => Self::Archive(error),
        }
    }
}
