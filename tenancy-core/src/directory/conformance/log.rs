use futures_util::{StreamExt, future::join};
use tenancy_types::{DirectoryEvent, Lifecycle, LogEntry, Placement, Revision};

use super::{
    super::{Directory, DirectoryError, Tenant, TenantChange},
    fixture::{Known, at, change, domain, log_after, make, plan, request, slug, to, with_cell},
};

/// Each effect of an operation is one entry, and revisions rise.
pub async fn every_effect_is_one_entry(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &["a.example"])).await;
    let placed = |placement: Placement| DirectoryEvent::Placed {
        tenant: made.id,
        placement,
    };
    let at_plan = |name| DirectoryEvent::PlanChanged {
        tenant: made.id,
        plan: plan(name),
    };
    let slug_added = DirectoryEvent::SlugAdded {
        slug: slug("acme"),
        tenant: made.id,
    };
    let added = |name| DirectoryEvent::DomainAdded {
        domain: domain(name),
        tenant: made.id,
    };
    let removed = |name| DirectoryEvent::DomainRemoved {
        domain: domain(name),
        tenant: made.id,
    };
    let told = log_after(&directory, Revision::ZERO).await;
    let expected = [
        placed(made.placement),
        at_plan("basic"),
        slug_added,
        added("a.example"),
    ];
    assert_eq!(events(&told), expected);
    assert_eq!(told.last().map(|entry| entry.revision), Some(made.revision));

    let everything = TenantChange {
        lifecycle: Some(Lifecycle::Active),
        plan: Some(plan("enterprise")),
        add_domains: vec![domain("b.example")],
        remove_domains: vec![domain("a.example")],
    };
    let changed = change(&directory, &made, everything).await;
    let expected = [
        placed(changed.placement),
        at_plan("enterprise"),
        removed("a.example"),
        added("b.example"),
    ];
    let behind = log_after(&directory, made.revision).await;
    assert_eq!(events(&behind), expected);
    assert_eq!(
        behind.last().map(|entry| entry.revision),
        Some(changed.revision)
    );
    let whole = log_after(&directory, Revision::ZERO).await;
    assert!(whole.is_sorted_by(|earlier, later| earlier.revision < later.revision));
}

/// From every revision the rest of the log makes of what was known then what is known now.
pub async fn the_log_can_be_followed_from_anywhere(directory: impl Directory) {
    let directory = with_cell(directory).await;
    live(&directory).await;
    let whole = log_after(&directory, Revision::ZERO).await;
    let now = Known::read(&directory).await;
    let mut known = Known::default();
    for (at, entry) in whole.iter().enumerate() {
        known.learn(entry.event.clone());
        let rest = log_after(&directory, entry.revision).await;
        assert_eq!(rest, whole[at + 1..]);
        let mut followed = known.clone();
        rest.into_iter()
            .for_each(|entry| followed.learn(entry.event));
        assert_eq!(followed, now);
    }
}

/// A snapshot is the directory, and with the log behind it stays so.
pub async fn a_snapshot_and_the_log_behind_it_are_the_directory(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let (empty, start) = Known::snapshot(&directory).await;
    assert_eq!((empty, start), (Known::default(), Revision::ZERO));
    let last = live(&directory).await;
    let (mut known, revision) = Known::snapshot(&directory).await;
    assert_eq!(known, Known::read(&directory).await);
    assert_eq!(revision, last.revision);
    make(&directory, request("late", &["late.example"])).await;
    change(&directory, &last, to(Lifecycle::Active)).await;
    for entry in log_after(&directory, revision).await {
        known.learn(entry.event);
    }
    assert_eq!(known, Known::read(&directory).await);
}

/// What happens while a snapshot is read is not in it.
pub async fn a_snapshot_is_of_one_moment(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let last = live(&directory).await;
    let before = Known::read(&directory).await;
    let snapshot = directory.snapshot().await.expect("a snapshot");
    make(&directory, request("late", &["late.example"])).await;
    change(&directory, &last, to(Lifecycle::Gone)).await;
    assert_eq!(Known::collect(snapshot).await, (before, last.revision));
}

/// Who waits for the next entry gets it when it is written.
pub async fn the_log_is_live(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let mut changes = directory.changes(at(&directory, Revision::ZERO).await);
    for n in 0..3 {
        let (entry, made) = join(
            changes.next(),
            make(&directory, request(&format!("shop-{n}"), &[])),
        )
        .await;
        let entry = entry.expect("the log does not end").expect("an entry");
        assert_eq!(entry.event.tenant(), made.id);
        // The plan and the slug.
        changes.next().await;
        changes.next().await;
    }
}

/// Who is ahead of the log follows another one, and is told so rather than left waiting.
pub async fn a_follower_ahead_of_the_log_is_told(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &[])).await;
    let end = directory.newest().await.expect("an end");
    assert_eq!(end.revision, made.revision);
    let ahead = end.at(made.revision.next());
    let mut changes = directory.changes(ahead);
    let gap = changes.next().await.expect("an answer");
    assert!(
        matches!(gap, Err(DirectoryError::LogGap { after, newest })
            if after == ahead && newest == end),
        "{gap:?}"
    );
    assert!(changes.next().await.is_none(), "an error ends the stream");
}

fn events(entries: &[LogEntry]) -> Vec<DirectoryEvent> {
    entries.iter().map(|entry| entry.event.clone()).collect()
}

/// Some life: tenants come, change, swap a domain, and go. The last one is still being provisioned.
async fn live(directory: &impl Directory) -> Tenant {
    let first = make(directory, request("first", &["a.example", "b.example"])).await;
    let second = make(directory, request("second", &[])).await;
    let first = change(directory, &first, to(Lifecycle::Active)).await;
    let give = TenantChange {
        remove_domains: vec![domain("a.example")],
        plan: Some(plan("enterprise")),
        ..TenantChange::default()
    };
    change(directory, &first, give).await;
    let take = TenantChange {
        add_domains: vec![domain("a.example")],
        lifecycle: Some(Lifecycle::Active),
        ..TenantChange::default()
    };
    change(directory, &second, take).await;
    let third = make(directory, request("third", &["c.example"])).await;
    change(directory, &third, to(Lifecycle::Gone)).await;
    make(directory, request("fourth", &["c.example"])).await
}
