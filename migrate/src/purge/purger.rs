use std::{error::Error, future::Future};

use tenancy_types::{Epoch, Lifecycle, Placement, TenantId};

use crate::{Home, TableCounts};

type BoxError = Box<dyn Error + Send + Sync>;

/// Whether an archive can be loaded into a tenant's cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fitness {
    /// It can.
    Fits,
    /// It is missing, damaged or of another schema, and asking again does not help. The reason is journalled
    /// and kept: an error's code, or a few words without anything from the rows.
    Unfit(Box<str>),
}

/// The acts of which a purge consists: the application's adapter to its directory, cells and other stores.
///
/// Three things are asked of every act, as of those of a [`Provisioner`](crate::Provisioner):
///
/// * **Done twice is done once.** After a crash the last act is done again.
/// * **Done means durable.** The next act begins when it returns `Ok`.
/// * **Late is harmless.** A runner that was stopped may wake up after another one has gone on. An act that
///   finds a newer epoch than its `home` has come late and must change nothing; a tenant's transaction at
///   the epoch of `home` sees to that by itself.
pub trait Purger: Send + Sync {
    /// Reads the whole archive and says whether it can be loaded where the tenant is: `Archive::open` and
    /// `Archive::check` (feature `core`). Of refills alone, before they begin; it changes nothing.
    ///
    /// An error leaves it open, and the check is done again: the cell is away, a disk does not answer.
    fn check(
        &self,
        tenant: TenantId,
        archive: &str,
    ) -> impl Future<Output = Result<Fitness, BoxError>> + Send;

    /// Makes the tenant purging in the directory, by a compare-and-set from the epoch right before `epoch`,
    /// and returns its placement. Where it is purging at `epoch` already, returns that. `None` only when the
    /// directory has any other *epoch*: somebody changed the tenant after the purge was asked for, and the
    /// purge is over. A compare-and-set that lost because something else of the tenant changed, a domain for
    /// example, and the epoch did not, must be tried again, or fail.
    fn begin(
        &self,
        tenant: TenantId,
        epoch: Epoch,
    ) -> impl Future<Output = Result<Option<Placement>, BoxError>> + Send;

    /// Takes the tenant from `home` to another lifecycle in the directory and returns its placement then.
    /// Where that is done already, returns the placement that the directory has now.
    fn decide(
        &self,
        home: Home,
        to: Lifecycle,
    ) -> impl Future<Output = Result<Placement, BoxError>> + Send;

    /// Brings the lifecycle and the epoch of `home` to the cell's fence. A fence that is newer stays.
    fn fence(&self, home: Home) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Brings to an end what is open with others and known to these rows alone: payments and refunds of which
    /// nobody knows what became of them. Their rows are deleted next, so this fails while the others are away,
    /// and the purge waits. The tenant can be written, at the epoch of `home`; what one that comes late writes is
    /// found when the rows are counted again.
    fn settle(&self, home: Home) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Counts the tenant's rows in every table that holds tenants' rows: `count_rows` (feature `core`).
    fn count(&self, home: Home) -> impl Future<Output = Result<TableCounts, BoxError>> + Send;

    /// Deletes the tenant's rows from all those tables: `delete_rows` (feature `core`).
    fn empty(&self, home: Home) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Makes everything else forget the tenant: caches, recorded answers, journals of other workflows, and
    /// what the directory knows beside number and epoch.
    fn forget(&self, home: Home) -> impl Future<Output = Result<(), BoxError>> + Send;

    /// Loads the archive: `Archive::load` (feature `core`).
    fn fill(&self, home: Home, archive: &str) -> impl Future<Output = Result<(), BoxError>> + Send;
}
