//! Directories that lose changes, and make others under their numbers.

use std::{path::Path, sync::Arc};

use tenancy_cell_router::{FollowerStatus, Refusal, RouteTable};
use tenancy_types::{Answer, Lookup, Revision};

use crate::{
    follower_process::{Process, kind, start, start_over, strict},
    follower_world::{World, domain, until},
};

/// The directory loses its last changes, and makes others under their numbers.
fn regrow(world: &World) {
    world.change(|state| state.log.truncate(10));
    (30..40).for_each(|n| world.add_tenant(n));
}

async fn frozen(process: &Process) -> Refusal {
    let is_frozen =
        |status: &FollowerStatus| matches!(status.refused, Some(Refusal::Frozen { .. }));
    until(&process.progress, is_frozen).await;
    process.progress.status().refused.unwrap()
}

/// A follower that finds the directory behind, and then ahead again, on what it has lost.
async fn freeze(world: &World, folder: Option<&Path>) -> Process {
    let process = start(world, folder, strict());
    process.reached(world).await;
    world.change(|state| state.log.truncate(10));
    kind(process.refused().await, |refusal| {
        matches!(refusal, Refusal::OlderRevision { .. })
    });
    process
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_grew_again_after_it_lost_changes_stays_refused() {
    let world = World::with(8);
    let before = world.state().position();
    let process = freeze(&world, None).await;
    regrow(&world);
    let refusal = frozen(&process).await;
    let refusals = process.progress.status().counts.refusals;
    until(&process.progress, |status| {
        status.counts.refusals > refusals + 3
    })
    .await;
    assert_eq!(process.table.position(), Some(before));
    assert!(matches!(process.table.lookup(&domain(8)), Answer::Hit(_)));
    assert_eq!(process.table.lookup(&domain(39)), Answer::Absent);

    // Who accepts the one accepts the other: an operator may have looked before it grew.
    let seen = Refusal::OlderRevision {
        known: before.revision,
        offered: Revision::new(10),
    };
    assert!(refusal.is_like(&seen));
    assert!(process.overrule.accept_once(seen));
    process.reached(&world).await;
    assert_eq!(process.table.lookup(&domain(8)), Answer::Absent);
    world.add_tenant(40);
    process.reached(&world).await;
}

#[tokio::test]
async fn what_is_frozen_stays_so_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(8);
    let before = world.state().position();
    freeze(&world, Some(folder.path())).await.stop().await;
    regrow(&world);
    for _ in 0..2 {
        let process = start(&world, Some(folder.path()), strict());
        frozen(&process).await;
        assert_eq!(process.table.position(), Some(before));
        process.stop().await;
    }
    // A new history ends it.
    world.change(|state| state.history.incarnation = 1);
    let process = start(&world, Some(folder.path()), strict());
    process.reached(&world).await;
    process.recorded(world.end()).await;
    process.stop().await;
    world.add_tenant(40);
    let process = start(&world, Some(folder.path()), strict());
    process.reached(&world).await;
    assert_eq!(process.progress.status().counts.refusals, 0);
}

/// A supervisor starts the follower anew, over the table that the last one has left.
#[tokio::test]
async fn what_is_frozen_stays_so_for_the_next_follower_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(8);
    let before = world.state().position();
    let process = freeze(&world, Some(folder.path())).await;
    let table = Arc::clone(&process.table);
    process.stop().await;
    regrow(&world);
    let process = start_over(&world, table, Some(folder.path()), strict());
    frozen(&process).await;
    assert_eq!(process.table.position(), Some(before));
    assert!(matches!(process.table.lookup(&domain(8)), Answer::Hit(_)));
    assert_eq!(process.table.lookup(&domain(39)), Answer::Absent);
}

/// The base of the restored directory is lost: the one before it must not be continued by its log.
#[tokio::test]
async fn an_overruled_history_is_not_continued_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(8);
    let before = world.state().position();
    let process = freeze(&world, Some(folder.path())).await;
    let refusal = process.progress.status().refused.unwrap();
    // Now what it has lost no longer shows.
    regrow(&world);
    assert!(process.overrule.accept_once(refusal));
    process.reached(&world).await;
    process.recorded(world.end()).await;
    let end = world.move_to(1, 5, 9);
    process.reached(&world).await;
    process.recorded(end).await;
    process.stop().await;

    let newest = folder.path().join("routes-0000000003.base");
    std::fs::remove_file(newest).unwrap();
    let process = start(&world, Some(folder.path()), strict());
    frozen(&process).await;
    assert_eq!(process.table.position(), Some(before));
    assert!(matches!(process.table.lookup(&domain(8)), Answer::Hit(_)));
}
