use futures_util::StreamExt;
use tenancy_types::{DirectoryEvent, Kind, Lifecycle, Problem, Revision, TenantId};

use super::{
    super::{Directory, DirectoryError, TenantChange},
    fixture::{Known, at, change, domain, log_after, make, refused, request, to, with_cell},
};

/// Only its numbers and the name of its plan remain: in its record, in the log, and of its request.
pub async fn a_forgotten_tenant_leaves_its_numbers(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &["a.example"])).await;
    let gone = change(&directory, &made, to(Lifecycle::Gone)).await;
    let forgotten = directory.forget(made.id).await.expect("it is forgotten");
    assert!(forgotten.revision > gone.revision);
    let mut expected = gone.clone();
    expected.region = None;
    expected.revision = forgotten.revision;
    assert_eq!(forgotten, expected);
    let kept = directory.tenant(made.id).await.expect("an answer");
    assert_eq!(kept.as_ref(), Some(&forgotten));
    let again = directory.forget(made.id).await.expect("it was forgotten");
    assert_eq!(again, forgotten, "doing it twice does it once");

    let log = log_after(&directory, Revision::ZERO).await;
    let placement = gone.placement;
    let (tenant, plan) = (made.id, gone.plan.clone());
    let events: Vec<_> = log.iter().map(|entry| entry.event.clone()).collect();
    assert_eq!(
        events,
        [
            DirectoryEvent::Placed { tenant, placement },
            DirectoryEvent::PlanChanged { tenant, plan },
        ]
    );
    let newest = log.last().map(|entry| entry.revision);
    assert_eq!(newest, Some(forgotten.revision));

    let refusal = directory.change(made.id, forgotten.revision, to(Lifecycle::Active));
    let error = refused(refusal.await);
    assert!(
        matches!(error, DirectoryError::TenantGone { .. }),
        "{error:?}"
    );
    let successor = make(&directory, request("acme", &["a.example"])).await;
    assert_eq!(
        successor.id.get(),
        made.id.get() + 1,
        "the key names nobody any more, the id is not given again"
    );
}

/// Whoever can still come back, or has not left its last row, is not forgotten.
pub async fn a_tenant_that_is_not_gone_is_not_forgotten(directory: impl Directory) {
    use Lifecycle::{Active, Offboarding, Purging};
    let directory = with_cell(directory).await;
    let mut tenant = make(&directory, request("acme", &["a.example"])).await;
    for lifecycle in [Active, Offboarding, Purging] {
        tenant = change(&directory, &tenant, to(lifecycle)).await;
        let log = log_after(&directory, Revision::ZERO).await;
        let error = refused(directory.forget(tenant.id).await);
        assert!(
            matches!(error, DirectoryError::NotGone { tenant: id } if id == tenant.id),
            "{error:?}"
        );
        assert_eq!(error.kind(), Kind::Conflict);
        assert_eq!(log_after(&directory, Revision::ZERO).await, log);
    }
    let nobody = TenantId::new(99).expect("not zero");
    let error = refused(directory.forget(nobody).await);
    assert!(matches!(error, DirectoryError::NotFound { tenant } if tenant == nobody));
}

/// From every revision the log either leads to what is known now, or says that it cannot; from before and
/// after the tenant's life it leads there.
pub async fn who_follows_the_log_converges_after_a_tenant_is_forgotten(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let other = make(&directory, request("other", &[])).await;
    let made = make(&directory, request("acme", &["a.example", "b.example"])).await;
    let give = TenantChange {
        remove_domains: vec![domain("a.example")],
        ..TenantChange::default()
    };
    let made = change(&directory, &made, give).await;
    let take = TenantChange {
        add_domains: vec![domain("a.example")],
        ..TenantChange::default()
    };
    change(&directory, &other, take).await;
    let gone = change(&directory, &made, to(Lifecycle::Gone)).await;
    make(&directory, request("late", &["b.example"])).await;
    // What a follower knew at each revision.
    let whole = log_after(&directory, Revision::ZERO).await;
    let mut known = vec![(Revision::ZERO, Known::default())];
    for entry in &whole {
        let mut next = known[known.len() - 1].1.clone();
        next.learn(entry.event.clone());
        known.push((entry.revision, next));
    }
    let mut live = directory.changes(at(&directory, whole[whole.len() - 1].revision).await);
    directory.forget(gone.id).await.expect("it is forgotten");
    let placed = live.next().await.expect("the log does not end");
    assert!(
        placed.is_ok(),
        "a follower that keeps up goes on: {placed:?}"
    );

    let now = Known::read(&directory).await;
    let (snapshot, newest) = Known::snapshot(&directory).await;
    assert_eq!(snapshot, now);
    let first = whole.iter().find(|entry| entry.event.tenant() == gone.id);
    let first = first.expect("the tenant was made").revision;
    for (after, mut known) in known {
        if first <= after && after < gone.revision {
            let after = at(&directory, after).await;
            let gap = directory.changes(after).next().await.expect("an answer");
            assert!(
                matches!(gap, Err(DirectoryError::LogGap { after: a, newest: n })
                    if a == after && n == after.at(newest)),
                "from {after:?}: {gap:?}"
            );
        } else {
            for entry in log_after(&directory, after).await {
                known.learn(entry.event);
            }
            assert_eq!(known, now, "from {after}");
        }
    }
}
