//! Folders that fail under a process that follows: routes go on, and the folder gets a new base.

use std::{fs, time::Duration};

use tenancy_cell_router::Recorded;

use crate::{
    follower_process::{start, strict},
    follower_world::{World, until_recorded},
};

/// Nothing can be written where a file stands in the place of the folder.
#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_written_to_delays_no_route_and_is_made_good_later() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("routes");
    std::fs::write(&folder, "in the way").unwrap();
    let world = World::with(3);
    let process = start(&world, Some(&folder), strict());
    process.reached(&world).await;
    until_recorded(&process.progress, |recorded| {
        recorded.is_behind && recorded.failures > 0
    })
    .await;
    world.add_tenant(4);
    process.reached(&world).await;
    assert_eq!(process.progress.recorded().position, None);

    std::fs::remove_file(&folder).unwrap();
    // After a minute at most, of paused time.
    let is_whole = |recorded: &Recorded| recorded.bases == 1 && !recorded.is_behind;
    assert!(process.progress.until_recorded(is_whole).await);
    process.stop().await;
    world.change(|state| state.is_away = true);
    start(&world, Some(&folder), strict()).reached(&world).await;
}

/// The directory cannot be asked for everything, only followed.
#[tokio::test(start_paused = true)]
async fn a_folder_that_cannot_be_mended_leaves_the_log_as_it_is() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("routes");
    fs::write(&folder, "in the way").unwrap();
    let world = World::with(3);
    let process = start(&world, Some(&folder), strict());
    process.reached(&world).await;
    let before = process.progress.status().counts;
    // Its snapshots are empty from now on.
    world.change(|state| state.lie = Some(Vec::clear));
    for n in 4..20 {
        world.add_tenant(n);
        process.reached(&world).await;
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert!(world.state().snapshots > 3, "nobody tried to mend it");
    let counts = process.progress.status().counts;
    assert_eq!(
        (counts.failures, counts.fillings),
        (before.failures, before.fillings)
    );
    assert_eq!(counts.refusals, before.refusals);
}

/// Changes while the base is read come behind it.
#[tokio::test(start_paused = true)]
async fn changes_during_a_repair_are_in_the_table_at_once_and_behind_the_base() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("routes");
    fs::write(&folder, "in the way").unwrap();
    let world = World::with(300);
    let process = start(&world, Some(&folder), strict());
    process.reached(&world).await;
    fs::remove_file(&folder).unwrap();
    let asked = world.state().snapshots;
    let mut n = 300;
    while process.progress.recorded().bases == 0 {
        n += 1;
        world.add_tenant(n);
        process.reached(&world).await;
        if world.state().snapshots == asked {
            tokio::time::advance(Duration::from_secs(1)).await;
        }
    }
    assert_eq!(world.state().snapshots, asked + 1);
    process.recorded(world.end()).await;
    process.stop().await;
    world.change(|state| state.is_away = true);
    start(&world, Some(&folder), strict()).reached(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_base_that_was_deleted_is_missed() {
    for is_whole_folder in [false, true] {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("routes");
        let world = World::with(3);
        let process = start(&world, Some(&folder), strict());
        process.reached(&world).await;
        let end = world.move_to(1, 2, 2);
        process.recorded(end).await;
        if is_whole_folder {
            fs::remove_dir_all(&folder).unwrap();
        } else {
            fs::remove_file(folder.join("routes-0000000001.base")).unwrap();
        }
        // Nobody writes to the directory meanwhile.
        until_recorded(&process.progress, |recorded| recorded.is_behind).await;
        let failures = process.progress.recorded().failures;
        until_recorded(&process.progress, |recorded| {
            recorded.bases == 2 && !recorded.is_behind
        })
        .await;
        let said = process.progress.recorded().failures;
        assert_eq!(said, failures, "said once");
        process.stop().await;
        world.change(|state| state.is_away = true);
        start(&world, Some(&folder), strict()).reached(&world).await;
    }
}
