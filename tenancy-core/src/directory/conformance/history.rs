use futures_util::{StreamExt, future::join};
use tenancy_types::{DirectoryId, Epoch, History, Kind, Lifecycle, Problem, Revision};

use super::{
    super::{Directory, DirectoryError},
    fixture::{Known, at, change, log_after, make, refused, request, to, with_cell},
};

/// A directory is the same one in each of its incarnations, and only the expected one is left.
pub async fn an_incarnation_is_raised_once(directory: impl Directory) {
    let first = directory.history().await.expect("a history");
    assert_eq!(first.incarnation, 0);
    for expected in 0..3 {
        let raised = directory.raise_incarnation(expected).await;
        assert_eq!(raised.expect("it is raised"), expected + 1);
        for other in [expected, expected + 2] {
            let error = refused(directory.raise_incarnation(other).await);
            assert!(
                matches!(error, DirectoryError::IncarnationMismatch { expected: e, found }
                    if e == other && found == expected + 1),
                "{error:?}"
            );
            assert_eq!(error.kind(), Kind::Conflict);
        }
        let history = directory.history().await.expect("a history");
        let incarnation = expected + 1;
        assert_eq!(
            history,
            History {
                incarnation,
                ..first
            }
        );
        let snapshot = directory.snapshot().await.expect("a snapshot");
        assert_eq!(snapshot.position.history, history);
    }
    let both = join(
        directory.raise_incarnation(3),
        directory.raise_incarnation(3),
    );
    let (one, two) = both.await;
    assert_ne!(one.is_ok(), two.is_ok(), "{one:?} {two:?}");
}

/// Who follows another history than the present one is told so, at once and also while waiting.
pub async fn a_follower_of_another_history_is_told(directory: impl Directory) {
    let directory = with_cell(directory).await;
    make(&directory, request("acme", &[])).await;
    let before = directory.newest().await.expect("an end");
    let foreign = History {
        directory: DirectoryId::from_u128(!before.history.directory.as_u128()),
        ..before.history
    };
    let mut waiting = directory.changes(before);
    let (told, raised) = join(waiting.next(), directory.raise_incarnation(0)).await;
    raised.expect("it is raised");
    let told = told.expect("an answer");
    assert!(
        matches!(told, Err(DirectoryError::LogGap { .. })),
        "{told:?}"
    );
    let now = directory.newest().await.expect("an end");
    assert_eq!(now.revision, before.revision);
    for history in [before.history, foreign] {
        for revision in [Revision::ZERO, before.revision] {
            let mut after = now.at(revision);
            after.history = history;
            let gap = directory.changes(after).next().await.expect("an answer");
            assert!(
                matches!(gap, Err(DirectoryError::LogGap { after: a, newest })
                    if a == after && newest == now),
                "{gap:?}"
            );
        }
    }
    // What was written before is in the log of the new history, too.
    assert_eq!(log_after(&directory, Revision::ZERO).await.len(), 3);
}

/// Whatever is issued after a restore is newer than whatever was issued before it, by this directory or by the one that
/// was lost; what is stored keeps its epoch until it changes.
pub async fn epochs_behind_a_restore_are_newer(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let old = make(&directory, request("old", &[])).await;
    let old = change(&directory, &old, to(Lifecycle::Active)).await;
    assert_eq!(old.placement.epoch, Epoch::new(0, 2));
    directory.raise_incarnation(0).await.expect("it is raised");
    let stored = directory.tenant(old.id).await.expect("an answer");
    assert_eq!(stored.as_ref(), Some(&old));
    let old = change(&directory, &old, to(Lifecycle::Suspended)).await;
    assert_eq!(old.placement.epoch, Epoch::new(1, 1));
    let old = change(&directory, &old, to(Lifecycle::Active)).await;
    assert_eq!(old.placement.epoch, Epoch::new(1, 2));
    let new = make(&directory, request("new", &[])).await;
    assert_eq!(new.placement.epoch, Epoch::new(1, 1));
    assert_eq!(
        Known::snapshot(&directory).await,
        (Known::read(&directory).await, new.revision)
    );
    let end = at(&directory, new.revision).await;
    assert_eq!(directory.newest().await.expect("an end"), end);
}

/// A pattern is a name like any other: it has one tenant, and comes and goes.
pub async fn a_pattern_has_one_tenant(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let tree = "*.shops.example";
    let first = make(&directory, request("first", &[tree, "shops.example"])).await;
    let found = directory.by_domain(&super::fixture::domain(tree)).await;
    assert_eq!(found.expect("an answer").as_ref(), Some(&first));
    let error = refused(directory.create(request("second", &[tree])).await);
    assert!(
        matches!(&error, DirectoryError::DomainTaken { domain } if domain.as_str() == tree),
        "{error:?}"
    );
    let second = make(&directory, request("second", &["a.shops.example"])).await;
    assert_eq!(
        Known::snapshot(&directory).await,
        (Known::read(&directory).await, second.revision)
    );
    change(&directory, &first, to(Lifecycle::Gone)).await;
    let nobody = directory.by_domain(&super::fixture::domain(tree)).await;
    assert_eq!(nobody.expect("an answer"), None);
}
