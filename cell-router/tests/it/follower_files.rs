//! Processes that end and start again, and directories that lie, are away, or were restored.

use std::{path::Path, time::Duration};

use tenancy_cell_router::{Contact, FollowerStatus, Refusal, RouteTable, TableSize};
use tenancy_types::{Answer, DirectoryEvent, DirectoryId, LogEntry, Lookup, Revision};

use crate::{
    follower_process::{Process, kind, start, strict},
    follower_world::{World, domain, tenant, until},
};

#[tokio::test]
async fn a_process_starts_from_its_files_while_the_directory_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(5);
    let first = start(&world, Some(folder.path()), strict());
    first.reached(&world).await;
    first.stop().await;
    world.change(|state| state.is_away = true);
    for _ in 0..3 {
        let again = start(&world, Some(folder.path()), strict());
        again.reached(&world).await;
        assert_eq!(again.progress.status().contact, Contact::Never);
        again.stop().await;
    }
}

/// Entries of several runs, with moves, removals and names that change hands.
#[tokio::test]
async fn what_was_applied_outlives_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(3);
    for run in 0..4_u32 {
        let process = start(&world, Some(folder.path()), strict());
        process.reached(&world).await;
        world.move_to(1, 2, run + 2);
        world.add_tenant(10 + run);
        let (from, to) = (tenant(1 + run % 2), tenant(1 + (run + 1) % 2));
        let passed = domain(1);
        world.tell(DirectoryEvent::DomainRemoved {
            domain: passed.clone(),
            tenant: from,
        });
        let end = world.tell(DirectoryEvent::DomainAdded {
            domain: passed,
            tenant: to,
        });
        process.reached(&world).await;
        process.recorded(end).await;
        process.stop().await;
    }
    // One snapshot at the first start; since then the log was enough.
    assert_eq!(world.state().snapshots, 1);
    world.change(|state| state.is_away = true);
    let process = start(&world, Some(folder.path()), strict());
    process.reached(&world).await;
}

#[tokio::test]
async fn a_log_that_does_not_reach_back_costs_one_snapshot_while_serving() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(3);
    let first = start(&world, Some(folder.path()), strict());
    first.reached(&world).await;
    first.stop().await;
    world.change(|state| state.is_away = true);
    world.add_tenant(4);
    world.change(|state| state.reaches_back_to = state.log.len());

    let process = start(&world, Some(folder.path()), strict());
    assert!(process.progress.reached(Revision::new(6)).await);
    assert!(matches!(process.table.lookup(&domain(3)), Answer::Hit(_)));
    world.change(|state| state.is_away = false);
    process.reached(&world).await;
    assert_eq!(world.state().snapshots, 2);
    assert_eq!(process.progress.status().counts.fillings, 2);
}

/// Lets the directory lie, and looks that the routes stay as they were, that it is said why, and that the follower goes
/// on by itself once the directory is right.
async fn check_lie(lie: fn(&mut World), expect: fn(&Refusal) -> bool) {
    let world = World::with(8);
    let process = start(&world, None, strict());
    process.reached(&world).await;
    let good = world.state().clone();
    lie(&mut world.clone());
    kind(process.refused().await, expect);
    assert_eq!(process.table.position(), Some(good.position()));
    assert!(matches!(process.table.lookup(&domain(8)), Answer::Hit(_)));
    assert!(process.progress.status().counts.refusals > 0);
    assert_ne!(process.progress.status().contact, Contact::Live);

    world.change(|state| *state = good);
    world.add_tenant(9);
    process.reached(&world).await;
    assert_eq!(process.progress.status().refused, None);
}

/// The follower must ask for a snapshot.
fn lose_log(world: &World, lie: fn(&mut Vec<LogEntry>)) {
    world.change(|state| state.lie = Some(lie));
    world.move_to(1, 3, 2);
    world.change(|state| state.reaches_back_to = state.log.len());
}

#[tokio::test(start_paused = true)]
async fn an_empty_snapshot_is_refused() {
    check_lie(
        |world| lose_log(world, Vec::clear),
        |refusal| matches!(refusal, Refusal::Empty { .. }),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_shrunken_snapshot_is_refused() {
    check_lie(
        |world| lose_log(world, |facts| facts.truncate(6)),
        |refusal| matches!(refusal, Refusal::Shrunken { .. }),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_oversized_snapshot_is_refused() {
    fn grow(facts: &mut Vec<LogEntry>) {
        for _ in 0..2 {
            facts.extend(facts.clone());
        }
    }
    check_lie(
        |world| lose_log(world, grow),
        |refusal| matches!(refusal, Refusal::Oversized { .. }),
    )
    .await;
}

/// One id can cost the memory of a thousand tenants, in the table and in whatever else keeps something for each.
#[tokio::test(start_paused = true)]
async fn a_tenant_id_beyond_all_others_is_refused() {
    fn name_the_last(facts: &mut Vec<LogEntry>) {
        let mut last = facts[0].clone();
        if let DirectoryEvent::Placed { tenant, .. } = &mut last.event {
            *tenant = self::tenant(u32::MAX);
        }
        facts.push(last);
    }
    let is_too_high = |refusal: &Refusal| matches!(refusal, Refusal::TooHigh { .. });
    check_lie(|world| lose_log(world, name_the_last), is_too_high).await;
    let in_the_log = |world: &mut World| {
        world.move_to(u32::MAX, 1, 1);
    };
    check_lie(in_the_log, is_too_high).await;
}

/// What no table may have, no operator lets through: it could not be read from a file again.
#[tokio::test(start_paused = true)]
async fn the_most_that_a_table_may_have_cannot_be_overruled() {
    let world = World::with(5);
    let most = TableSize {
        tenants: 5,
        names: 100,
    };
    let process = start(&world, None, strict().with_most(most));
    process.reached(&world).await;
    world.add_tenant(6);
    let refusal = process.refused().await;
    assert!(matches!(refusal, Refusal::TooHigh { .. }), "{refusal}");
    assert!(!refusal.can_be_accepted());
    assert!(!process.overrule.accept_once(refusal));
    let before = process.progress.status().counts.refusals;
    until(&process.progress, |status| {
        status.counts.refusals > before + 2
    })
    .await;
    assert_eq!(
        process.progress.status().refused,
        Some(refusal),
        "it stands"
    );

    let world = World::with(6);
    let process = start(&world, None, strict().with_most(most));
    let refusal = process.refused().await;
    assert!(matches!(refusal, Refusal::TooLarge { .. }), "{refusal}");
    assert!(!process.overrule.accept_once(refusal));
}

#[tokio::test(start_paused = true)]
async fn another_directory_is_refused() {
    check_lie(
        |world| {
            world.change(|state| state.history.directory = DirectoryId::from_u128(8));
            world.change(|state| state.is_away = true);
            world.change(|state| state.is_away = false);
        },
        |refusal| matches!(refusal, Refusal::OtherDirectory { .. }),
    )
    .await;
}

/// A directory from a backup: its tenants are frozen for the follower.
#[tokio::test(start_paused = true)]
async fn a_restored_directory_is_refused_until_its_incarnation_rises() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(8);
    let process = start(&world, Some(folder.path()), strict());
    process.reached(&world).await;
    world.change(|state| state.log.truncate(10));
    process.refused().await;
    world.change(|state| state.history.incarnation = 1);
    process.reached(&world).await;
    process.recorded(world.end()).await;
    process.stop().await;

    // The file is of the new history: what is older is refused from the start.
    world.change(|state| state.history.incarnation = 0);
    let process = start(&world, Some(folder.path()), strict());
    kind(process.refused().await, |refusal| {
        matches!(refusal, Refusal::OlderIncarnation { .. })
    });
}

#[tokio::test(start_paused = true)]
async fn an_operator_can_let_one_refused_snapshot_through() {
    let world = World::with(8);
    let process = start(&world, None, strict());
    process.reached(&world).await;
    world.change(|state| state.log.truncate(2));
    let refusal = process.refused().await;
    // Accepting something else does not help.
    assert!(!process.overrule.accept_once(Refusal::TooLong { most: 1 }));
    let refusals = process.progress.status().counts.refusals;
    until(&process.progress, |status| {
        status.counts.refusals > refusals
    })
    .await;
    assert_eq!(process.progress.status().refused, Some(refusal));

    assert!(process.overrule.accept_once(refusal));
    // The snapshot is refused for its size now, which is another matter.
    let is_shrunken = |refusal| matches!(refusal, Some(Refusal::Shrunken { .. }));
    let status = |status: &FollowerStatus| is_shrunken(status.refused);
    until(&process.progress, status).await;
    let shrunken = process.progress.status().refused.unwrap();
    assert!(process.overrule.accept_once(shrunken));
    process.reached(&world).await;
    // Once is not always.
    world.add_tenant(20);
    process.reached(&world).await;
    world.change(|state| state.log.truncate(2));
    process.refused().await;
}

/// Between two meetings the directory is away, so that its log could be followed on.
async fn meet_another_directory(world: &World, process: &Process) -> Refusal {
    world.change(|state| state.is_away = true);
    let is_lost = |status: &FollowerStatus| matches!(status.contact, Contact::Lost { .. });
    until(&process.progress, is_lost).await;
    world.change(|state| {
        state.history.directory = DirectoryId::from_u128(8);
        state.is_away = false;
    });
    process.refused().await
}

/// What an operator accepted is not kept for another day.
#[tokio::test(start_paused = true)]
async fn what_was_accepted_and_not_needed_is_forgotten() {
    let world = World::with(8);
    let process = start(&world, None, strict());
    process.reached(&world).await;
    let good = world.state().clone();
    let refusal = meet_another_directory(&world, &process).await;
    // The follower meets the right one again before it asks, and follows it without a snapshot.
    world.change(|state| *state = good);
    assert!(process.overrule.accept_once(refusal));
    world.add_tenant(9);
    process.reached(&world).await;
    assert!(!process.overrule.accept_once(refusal), "nothing is refused");

    meet_another_directory(&world, &process).await;
    assert_eq!(world.state().snapshots, 1);
    assert!(matches!(process.table.lookup(&domain(9)), Answer::Hit(_)));
}

/// Each run leaves a log; base and logs are merged without asking the directory.
#[tokio::test]
async fn many_runs_are_merged_into_a_new_base() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(3);
    let mut merged = 0;
    for run in 0..20 {
        let process = start(&world, Some(folder.path()), strict());
        process.reached(&world).await;
        let end = world.move_to(1, 1 + run % 7, 2 + u32::from(run));
        process.recorded(end).await;
        let progress = process.progress.clone();
        process.stop().await;
        merged += progress.recorded().bases;
    }
    assert_eq!(world.state().snapshots, 1);
    assert_eq!(merged, 2, "the first base, and one of 16 logs");
    let logs = std::fs::read_dir(folder.path()).unwrap().count();
    assert!(logs < 25, "{logs} files");
    world.change(|state| state.is_away = true);
    start(&world, Some(folder.path()), strict())
        .reached(&world)
        .await;
}

/// Who left is in an old base until newer ones have taken its place, whether or not anything else changes.
#[tokio::test(start_paused = true)]
async fn an_old_base_is_made_anew_though_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(3);
    let process = start(&world, Some(folder.path()), strict());
    process.recorded(world.end()).await;
    process.stop().await;
    let base = folder.path().join("routes-0000000001.base");
    let yesterday =
        std::fs::metadata(&base).unwrap().modified().unwrap() - Duration::from_secs(86_400);
    let file = std::fs::File::options().append(true).open(&base).unwrap();
    file.set_modified(yesterday).unwrap();

    let process = start(&world, Some(folder.path()), strict());
    let made = process
        .progress
        .until_recorded(|recorded| recorded.bases == 1);
    let made = tokio::time::timeout(Duration::from_secs(3_600), made).await;
    assert_eq!(made, Ok(true), "of paused time");
    process.reached(&world).await;
    process.stop().await;
    assert_eq!(world.state().snapshots, 1);
    world.change(|state| state.is_away = true);
    start(&world, Some(folder.path()), strict())
        .reached(&world)
        .await;
}

/// Who may log in to the machine need not learn every tenant's name.
#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("routes");
    let world = World::with(3);
    let process = start(&world, Some(&folder), strict());
    process.reached(&world).await;
    process.recorded(world.move_to(1, 2, 2)).await;
    process.stop().await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    let files = std::fs::read_dir(&folder).unwrap();
    let modes: Vec<_> = files.map(|file| mode(&file.unwrap().path())).collect();
    assert_eq!(modes, [0o600; 2], "a base and a log");
}

#[tokio::test]
async fn a_damaged_base_costs_a_longer_way_and_no_route() {
    let folder = tempfile::tempdir().unwrap();
    let world = World::with(3);
    let first = start(&world, Some(folder.path()), strict());
    first.reached(&world).await;
    first.recorded(world.end()).await;
    first.stop().await;
    let base = folder.path().join("routes-0000000001.base");
    let mut bytes = std::fs::read(&base).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&base, bytes).unwrap();
    world.change(|state| state.is_away = true);

    let process = start(&world, Some(folder.path()), strict());
    until(&process.progress, |status| {
        status.counts.skipped_files == 1 && status.counts.failures > 1
    })
    .await;
    assert_eq!(process.table.lookup(&domain(1)), Answer::NotReady);
    world.change(|state| state.is_away = false);
    process.reached(&world).await;
    process.recorded(world.end()).await;
    process.stop().await;
    world.change(|state| state.is_away = true);
    start(&world, Some(folder.path()), strict())
        .reached(&world)
        .await;
}
