use std::time::Duration;

use futures_util::{StreamExt, future::join};
use tenancy_types::{Lifecycle, Revision};

use super::{
    super::{Directory, DirectoryError, Lag, TenantChange},
    fixture::{Known, at, change, domain, log_after, make, refused, request, to, with_cell},
};

/// From its floor on a compacted log leads where the whole one did; from below, it says that it does not.
pub async fn a_compacted_log_leads_on_from_its_floor(directory: impl Directory) {
    let directory = with_cell(directory).await;
    for name in ["first", "second", "third"] {
        let made = make(&directory, request(name, &[&format!("{name}.example")])).await;
        change(&directory, &made, to(Lifecycle::Active)).await;
    }
    let whole = log_after(&directory, Revision::ZERO).await;
    let end = directory.newest().await.expect("an end");
    let mut removed = 0;
    for floor in [0, 1, 7, 7, 3, 15, 99].map(Revision::new) {
        let count = directory.compact(floor).await.expect("it is compacted");
        removed += count;
        let floor = removed;
        let extent = directory.extent().await.expect("an extent");
        assert_eq!((extent.newest, extent.floor.get()), (end, floor));
        for revision in (0..=end.revision.get()).map(Revision::new) {
            if revision.get() < floor {
                let after = end.at(revision);
                let gap = directory.changes(after).next().await.expect("an answer");
                assert!(
                    matches!(gap, Err(DirectoryError::LogGap { after: a, newest })
                        if a == after && newest == end),
                    "{revision} below {floor}: {gap:?}"
                );
            } else {
                let rest = &whole[usize::try_from(revision.get()).expect("a few")..];
                assert_eq!(log_after(&directory, revision).await, rest);
            }
        }
    }
    assert_eq!(removed, end.revision.get(), "nothing is left");
    let (known, revision) = Known::snapshot(&directory).await;
    assert_eq!(
        (&known, revision),
        (&Known::read(&directory).await, end.revision)
    );
    let mut known = known;
    let late = make(&directory, request("late", &[])).await;
    assert_eq!(
        late.revision.get(),
        end.revision.get() + 3,
        "revisions go on"
    );
    for entry in log_after(&directory, revision).await {
        known.learn(entry.event);
    }
    assert_eq!(known, Known::read(&directory).await);
}

/// A follower that has seen what is removed goes on, and misses nothing of what is written meanwhile.
pub async fn a_follower_beside_a_compaction_goes_on(directory: impl Directory) {
    const TENANTS: u32 = 20;
    let directory = with_cell(directory).await;
    let write = async {
        for n in 0..TENANTS {
            make(&directory, request(&format!("shop-{n}"), &[])).await;
        }
    };
    let follow = async {
        let mut changes = directory.changes(at(&directory, Revision::ZERO).await);
        for revision in 1..=u64::from(3 * TENANTS) {
            let entry = changes.next().await.expect("the log does not end");
            let entry = entry.expect("it was not removed before it was seen");
            assert_eq!(entry.revision.get(), revision, "none is missed");
            let removed = directory.compact(entry.revision).await;
            removed.expect("it is compacted");
        }
    };
    join(write, follow).await;
    let end = directory.newest().await.expect("an end");
    assert_eq!(end.revision.get(), u64::from(3 * TENANTS));
}

/// Who is forgotten when compaction has taken a part of its life, or all of it, leaves no follower with what it no longer
/// has: each converges, or is told that it cannot.
pub async fn who_is_forgotten_behind_a_compaction_stays_with_nobody(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let more = TenantChange {
        add_domains: vec![domain("late.example")],
        ..TenantChange::default()
    };
    // What a follower knew at each revision.
    let mut known = vec![(Revision::ZERO, Known::default())];
    for (n, back) in [0, 1, 2, 4, 6].into_iter().enumerate() {
        let made = make(&directory, request(&format!("shop-{n}"), &["a.example"])).await;
        let made = change(&directory, &made, more.clone()).await;
        let gone = change(&directory, &made, to(Lifecycle::Gone)).await;
        learn(&directory, &mut known).await;
        let floor = Revision::new(gone.revision.get() - back);
        directory.compact(floor).await.expect("it is compacted");
        directory.forget(gone.id).await.expect("it is forgotten");
        learn(&directory, &mut known).await;
        let end = directory.newest().await.expect("an end");
        let now = Known::read(&directory).await;
        assert_eq!(
            Known::snapshot(&directory).await,
            (now.clone(), end.revision)
        );
        for (after, mut known) in known.clone() {
            if after < gone.revision {
                let told = directory.changes(end.at(after)).next().await;
                let is_gap = matches!(told, Some(Err(DirectoryError::LogGap { .. })));
                assert!(is_gap, "from {after}, before its end: {told:?}");
            } else {
                for entry in log_after(&directory, after).await {
                    known.learn(entry.event);
                }
                assert_eq!(known, now, "from {after}, floor {floor}");
            }
        }
    }
}

/// Goes on with what a follower knows, to the present end of the log.
async fn learn(directory: &impl Directory, known: &mut Vec<(Revision, Known)>) {
    let (after, mut now) = known.last().expect("the beginning").clone();
    for entry in log_after(directory, after).await {
        now.learn(entry.event);
        known.push((entry.revision, now.clone()));
    }
}

/// A follower's lag is what it has not seen; who cannot follow has none.
pub async fn lag_counts_what_a_follower_has_not_seen(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let start = directory.newest().await.expect("an end");
    assert_eq!(directory.lag(start).await.expect("a lag"), Lag::default());
    let made = make(&directory, request("acme", &["a.example"])).await;
    let end = directory.newest().await.expect("an end");
    for seen in 0..made.revision.get() {
        let lag = directory
            .lag(end.at(Revision::new(seen)))
            .await
            .expect("a lag");
        assert_eq!(lag.revisions, made.revision.get() - seen);
        assert!(lag.age < Duration::from_secs(60), "{lag:?}");
    }
    assert_eq!(directory.lag(end).await.expect("a lag"), Lag::default());
    directory
        .compact(made.revision)
        .await
        .expect("it is compacted");
    assert_eq!(directory.lag(end).await.expect("a lag"), Lag::default());
    for after in [start, end.at(made.revision.next())] {
        let error = refused(directory.lag(after).await);
        assert!(matches!(error, DirectoryError::LogGap { .. }), "{error:?}");
    }
}
