use std::future::Future;

use tenancy_types::{RequestKey, UnixMicros};

use super::JournalError;

/// Something that a workflow wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: UnixMicros,
    /// What, in the workflow's own words.
    pub text: String,
}

/// The durable memory of workflows: for each key a list of entries that only grows.
///
/// What every implementation must do is written down as code: `journal_conformance` (feature `test-util`).
/// A journal serves one kind of workflow.
///
/// # Consistency
/// An entry that was acknowledged is there after any crash, and reads see it. Each number of a workflow is
/// taken once.
pub trait Journal: Send + Sync + 'static {
    /// The entries of a workflow in order; none when it was never begun.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`]: nothing is known then, and nothing may be concluded.
    fn entries(
        &self,
        key: &RequestKey,
    ) -> impl Future<Output = Result<Vec<Entry>, JournalError>> + Send;

    /// Adds entry `number`, counted from 0. The first one begins the workflow.
    ///
    /// # Errors
    /// [`JournalError::Conflict`] when the workflow does not have exactly `number` entries.
    ///
    /// # Cancel safety
    /// A dropped future may or may not have added the entry; read the entries again.
    fn append(
        &self,
        key: &RequestKey,
        number: u32,
        entry: Entry,
    ) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// Takes the workflow off the list of unfinished ones; its entries stay. Closing twice is closing once.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn close(&self, key: &RequestKey) -> impl Future<Output = Result<(), JournalError>> + Send;

    /// The workflows that were begun and not closed, in the order of their keys.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`].
    fn unfinished(&self) -> impl Future<Output = Result<Vec<RequestKey>, JournalError>> + Send;
}
