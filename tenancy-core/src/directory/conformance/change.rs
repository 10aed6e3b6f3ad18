use tenancy_types::{Kind, Lifecycle, Problem, Revision, TenantId};

use super::{
    super::{Directory, DirectoryError, TenantChange},
    fixture::{change, domain, log_after, make, plan, refused, request, slug, to, with_cell},
};

/// A change of what has changed since it was read is refused, and so is one of a tenant that never was.
pub async fn a_change_expects_the_present_revision(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &[])).await;
    let active = change(&directory, &made, to(Lifecycle::Active)).await;
    assert!(active.revision > made.revision);
    let late = directory.change(made.id, made.revision, to(Lifecycle::Gone));
    let error = refused(late.await);
    assert!(
        matches!(error, DirectoryError::VersionMismatch { expected, found }
            if expected == made.revision && found == active.revision)
    );
    assert_eq!(error.kind(), Kind::Conflict);
    let nobody = TenantId::new(99).expect("not zero");
    let error = refused(
        directory
            .change(nobody, Revision::ZERO, to(Lifecycle::Active))
            .await,
    );
    assert!(matches!(error, DirectoryError::NotFound { tenant } if tenant == nobody));
}

/// Lifecycle, plan and domains change together or not at all.
pub async fn a_change_happens_wholly_or_not_at_all(directory: impl Directory) {
    let directory = with_cell(directory).await;
    make(&directory, request("other", &["taken.example"])).await;
    let made = make(&directory, request("acme", &["old.example"])).await;
    let log = log_after(&directory, Revision::ZERO).await;
    let wanted = TenantChange {
        lifecycle: Some(Lifecycle::Active),
        plan: Some(plan("enterprise")),
        add_domains: vec![domain("free.example"), domain("taken.example")],
        remove_domains: vec![domain("old.example")],
    };
    let refused_change = directory.change(made.id, made.revision, wanted.clone());
    let error = refused(refused_change.await);
    assert!(
        matches!(error, DirectoryError::DomainTaken { .. }),
        "{error:?}"
    );
    assert_eq!(log_after(&directory, Revision::ZERO).await, log);
    let now = directory.tenant(made.id).await.expect("an answer");
    assert_eq!(now.as_ref(), Some(&made));

    let possible = TenantChange {
        add_domains: vec![domain("free.example")],
        ..wanted
    };
    let changed = change(&directory, &made, possible).await;
    assert_eq!(changed.placement.lifecycle, Lifecycle::Active);
    assert_eq!(changed.plan, plan("enterprise"));
    assert_eq!(changed.domains, [domain("free.example")]);
    let now = directory.tenant(made.id).await.expect("an answer");
    assert_eq!(now, Some(changed));
}

/// Asking for what is so already leaves no entry and the revision as it was.
pub async fn a_change_that_changes_nothing_leaves_the_revision(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &["a.example"])).await;
    let active = change(&directory, &made, to(Lifecycle::Active)).await;
    let same = TenantChange {
        lifecycle: Some(Lifecycle::Active),
        plan: Some(plan("basic")),
        add_domains: vec![domain("a.example")],
        remove_domains: vec![domain("a.example"), domain("never.example")],
    };
    assert_eq!(change(&directory, &active, same).await, active);
    assert_eq!(log_after(&directory, active.revision).await, []);
}

/// A domain that one tenant gives up, another may take.
pub async fn domains_come_and_go(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let first = make(&directory, request("first", &["wandering.example"])).await;
    let second = make(&directory, request("second", &[])).await;
    let wandering = || vec![domain("wandering.example")];
    let give = TenantChange {
        remove_domains: wandering(),
        ..TenantChange::default()
    };
    change(&directory, &first, give).await;
    let nobody = directory.by_domain(&domain("wandering.example")).await;
    assert_eq!(nobody.expect("an answer"), None);
    let take = TenantChange {
        add_domains: wandering(),
        ..TenantChange::default()
    };
    let second = change(&directory, &second, take).await;
    let owner = directory.by_domain(&domain("wandering.example")).await;
    assert_eq!(owner.expect("an answer"), Some(second));
}

/// Each change of lifecycle raises the epoch; other changes leave it.
pub async fn every_change_of_lifecycle_has_an_epoch_of_its_own(directory: impl Directory) {
    use Lifecycle::{Active, Gone, Offboarding, Purging, ReadOnly, Suspended};
    let directory = with_cell(directory).await;
    let mut tenant = make(&directory, request("acme", &[])).await;
    for lifecycle in [
        Active,
        ReadOnly,
        Suspended,
        Active,
        Offboarding,
        Purging,
        Gone,
    ] {
        let epoch = tenant.placement.epoch;
        if lifecycle != Active {
            let other_plan = TenantChange {
                plan: Some(plan(&format!("before-{}", lifecycle.as_str()))),
                ..TenantChange::default()
            };
            tenant = change(&directory, &tenant, other_plan).await;
            assert_eq!(tenant.placement.epoch, epoch);
        }
        tenant = change(&directory, &tenant, to(lifecycle)).await;
        assert_eq!(tenant.placement.lifecycle, lifecycle);
        assert_eq!(
            tenant.placement.epoch,
            epoch.next().expect("a further epoch")
        );
    }
}

/// The table of transitions has the last word.
pub async fn what_the_table_does_not_list_is_rejected(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &[])).await;
    for lifecycle in [
        Lifecycle::ReadOnly,
        Lifecycle::Suspended,
        Lifecycle::Offboarding,
        Lifecycle::Purging,
    ] {
        let refusal = directory.change(made.id, made.revision, to(lifecycle));
        let error = refused(refusal.await);
        assert!(
            matches!(error, DirectoryError::Rejected { .. }),
            "{error:?}"
        );
        assert_eq!(error.kind(), Kind::Conflict);
    }
    let now = directory.tenant(made.id).await.expect("an answer");
    assert_eq!(now, Some(made));
}

/// Of an undo and a purge that meet, one wins; from a purge there is no way back, and without one no way on.
/// Its names lead to the tenant until it is gone.
pub async fn a_purge_goes_on_to_its_end(directory: impl Directory) {
    use Lifecycle::{Active, Gone, Offboarding, Provisioning, Purging, ReadOnly, Suspended};
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &["a.example"])).await;
    let active = change(&directory, &made, to(Active)).await;
    let leaving = change(&directory, &active, to(Offboarding)).await;
    let refusal = directory.change(leaving.id, leaving.revision, to(Gone));
    let error = refused(refusal.await);
    assert!(
        matches!(error, DirectoryError::Rejected { .. }),
        "{error:?}"
    );
    let purging = change(&directory, &leaving, to(Purging)).await;
    let undo = directory.change(leaving.id, leaving.revision, to(Suspended));
    let error = refused(undo.await);
    assert!(
        matches!(error, DirectoryError::VersionMismatch { .. }),
        "{error:?}"
    );
    for back in [Active, ReadOnly, Suspended, Offboarding] {
        let refusal = directory.change(purging.id, purging.revision, to(back));
        let error = refused(refusal.await);
        assert!(
            matches!(error, DirectoryError::Rejected { .. }),
            "{back}: {error:?}"
        );
    }
    let owner = directory.by_domain(&domain("a.example")).await;
    assert_eq!(owner.expect("an answer").as_ref(), Some(&purging));
    let anew = change(&directory, &purging, to(Provisioning)).await;
    assert_eq!(anew.slug, Some(slug("acme")));
    assert_eq!(anew.domains, [domain("a.example")]);
    let served = change(&directory, &anew, to(Active)).await;
    let suspended = change(&directory, &served, to(Suspended)).await;
    let purging = change(&directory, &suspended, to(Purging)).await;
    let gone = change(&directory, &purging, to(Gone)).await;
    assert_eq!((gone.slug, gone.domains), (None, vec![]));
}

/// A tenant that is gone leaves its number: names and what its request asked for are given back, its id is
/// not, and it takes no further change.
pub async fn a_tenant_that_is_gone_gives_its_names_back(directory: impl Directory) {
    let directory = with_cell(directory).await;
    let made = make(&directory, request("acme", &["a.example"])).await;
    let gone = change(&directory, &made, to(Lifecycle::Gone)).await;
    assert_eq!(gone.slug, None);
    assert_eq!(gone.domains, []);
    let by_slug = directory.by_slug(&slug("acme")).await;
    assert_eq!(by_slug.expect("an answer"), None);
    let kept = directory.tenant(made.id).await.expect("an answer");
    assert_eq!(kept.as_ref(), Some(&gone));

    let refusal = directory.change(gone.id, gone.revision, to(Lifecycle::Active));
    let error = refused(refusal.await);
    assert!(
        matches!(error, DirectoryError::TenantGone { .. }),
        "{error:?}"
    );
    assert_eq!(error.kind(), Kind::Gone);
    let repeated = make(&directory, request("acme", &["a.example"])).await;
    assert_eq!(repeated, gone, "the key still names the tenant it made");

    let mut again = request("acme", &["a.example"]);
    again.request = "a new key".parse().expect("a key");
    let successor = make(&directory, again).await;
    assert_eq!(successor.id.get(), made.id.get() + 1);
    let owner = directory.by_domain(&domain("a.example")).await;
    assert_eq!(owner.expect("an answer"), Some(successor));
}
