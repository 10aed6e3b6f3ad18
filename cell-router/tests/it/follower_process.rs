//! A process that follows, and ends.

use std::{convert::Infallible, path::Path, sync::Arc};

use tenancy_cell_router::{
    Follower, Guards, LineTable, Overrule, Progress, Recorded, Refusal, SnapshotFolder,
};
use tenancy_types::{ManualClock, Revision};
use tokio::task::JoinHandle;

use crate::follower_world::{World, until, until_recorded};

/// A process that follows.
pub(crate) struct Process {
    pub(crate) table: Arc<LineTable>,
    pub(crate) progress: Progress,
    pub(crate) overrule: Overrule,
    task: JoinHandle<Infallible>,
}

pub(crate) fn start(world: &World, folder: Option<&Path>, guards: Guards) -> Process {
    start_over(world, Arc::default(), folder, guards)
}

/// The same over a table that somebody may have filled.
pub(crate) fn start_over(
    world: &World,
    table: Arc<LineTable>,
    folder: Option<&Path>,
    guards: Guards,
) -> Process {
    let clock = ManualClock::default();
    let mut follower = Follower::new(world.clone(), Arc::clone(&table), clock).with_guards(guards);
    if let Some(folder) = folder {
        follower = follower.with_folder(SnapshotFolder::new(folder));
    }
    let (progress, overrule) = (follower.progress(), follower.overrule());
    let task = tokio::spawn(follower.run());
    Process {
        table,
        progress,
        overrule,
        task,
    }
}

/// No slack: these directories are small.
pub(crate) fn strict() -> Guards {
    Guards::default().with_slack(0)
}

impl Process {
    pub(crate) async fn reached(&self, world: &World) {
        let end = Some(world.state().position());
        until(&self.progress, |status| status.position == end).await;
        world.check(&self.table);
    }

    pub(crate) async fn recorded(&self, revision: Revision) {
        let is_there = |recorded: &Recorded| {
            recorded
                .position
                .is_some_and(|position| position.revision >= revision)
        };
        until_recorded(&self.progress, is_there).await;
    }

    pub(crate) async fn refused(&self) -> Refusal {
        until(&self.progress, |status| status.refused.is_some()).await;
        self.progress.status().refused.unwrap()
    }

    /// Waits until what was noted is written, as a process does that ends well.
    pub(crate) async fn stop(self) {
        self.task.abort();
        self.progress.until_recorded(|_| false).await;
    }
}

#[track_caller]
pub(crate) fn kind(refusal: Refusal, expect: fn(&Refusal) -> bool) {
    assert!(expect(&refusal), "{refusal}");
}
