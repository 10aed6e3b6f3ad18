use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tenancy_types::RequestKey;

use super::{Entry, Journal, JournalError};

/// A journal that lives as long as the process: for tests, examples and platforms made anew at each start.
/// Clones share the entries.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal(Arc<Mutex<BTreeMap<RequestKey, Workflow>>>);

#[derive(Debug, Default)]
struct Workflow {
    entries: Vec<Entry>,
    closed: bool,
}

impl MemoryJournal {
    fn workflows(&self) -> MutexGuard<'_, BTreeMap<RequestKey, Workflow>> {
        // No code under the lock can panic half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    async fn entries(&self, key: &RequestKey) -> Result<Vec<Entry>, JournalError> {
        let workflows = self.workflows();
        Ok(workflows
            .get(key)
            .map_or_else(Vec::new, |workflow| workflow.entries.clone()))
    }

    async fn append(
        &self,
        key: &RequestKey,
        number: u32,
        entry: Entry,
    ) -> Result<(), JournalError> {
        let mut workflows = self.workflows();
        let count = workflows
            .get(key)
            .map_or(0, |workflow| workflow.entries.len());
        if usize::try_from(number) != Ok(count) {
            let key = key.clone();
            return Err(JournalError::Conflict { key, number });
        }
        workflows
            .entry(key.clone())
            .or_default()
            .entries
            .push(entry);
        Ok(())
    }

    async fn close(&self, key: &RequestKey) -> Result<(), JournalError> {
        if let Some(workflow) = self.workflows().get_mut(key) {
            workflow.closed = true;
        }
        Ok(())
    }

    async fn unfinished(&self) -> Result<Vec<RequestKey>, JournalError> {
        let workflows = self.workflows();
        let open = workflows.iter().filter(|(_, workflow)| !workflow.closed);
        Ok(open.map(|(key, _)| key.clone()).collect())
    }
}
