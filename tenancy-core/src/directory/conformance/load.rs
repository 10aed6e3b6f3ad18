use futures_util::{StreamExt, stream};
use tenancy_types::{Epoch, Lifecycle, Placement, Revision};

use super::{
    super::{Directory, DirectoryError, Import, Imports, NewTenant},
    fixture::{
        Known, all, cell, change, domain, log_after, make, put_cell, refused, request, to,
        with_cell,
    },
};

fn import(name: &str, domains: &[&str], lifecycle: Lifecycle) -> Import {
    Import {
        tenant: request(name, domains),
        lifecycle,
    }
}

fn imports(imports: Vec<Import>) -> Imports {
    stream::iter(imports).map(Ok).boxed()
}

/// Tenants from elsewhere are tenants like any other, behind those that are there.
pub async fn what_is_loaded_is_there(directory: impl Directory) {
    let directory = with_cell(directory).await;
    put_cell(&directory, 2, 2).await;
    let first = make(&directory, request("first", &["first.example"])).await;
    directory.raise_incarnation(0).await.expect("it is raised");
    let mut elsewhere = import("third", &[], Lifecycle::Suspended);
    elsewhere.tenant.cell = cell(2);
    elsewhere.tenant.region = None;
    let second = import(
        "second",
        &["b.example", "*.example", "b.example"],
        Lifecycle::Active,
    );
    let load = directory.load(imports(vec![second.clone(), elsewhere.clone()]));
    let loaded = load.await.expect("it is loaded");
    assert_eq!((loaded.tenants, loaded.domains), (2, 2));
    assert_eq!(directory.newest().await.expect("an end"), loaded.position);
    let tenants = all(&directory).await;
    assert_eq!(tenants.len(), 3);
    assert_eq!(tenants[0], first);
    let placements = [(1, Lifecycle::Active), (2, Lifecycle::Suspended)];
    for (tenant, (home, lifecycle)) in tenants[1..].iter().zip(placements) {
        let expected = Placement::new(cell(home), lifecycle, Epoch::new(1, 1));
        assert_eq!(tenant.placement, expected);
        assert!(first.revision < tenant.revision && tenant.revision <= loaded.position.revision);
    }
    assert_eq!(
        tenants[1].domains,
        [domain("*.example"), domain("b.example")]
    );
    assert_eq!(tenants[2].region, None);
    let found = directory.by_domain(&domain("b.example")).await;
    assert_eq!(found.expect("an answer").as_ref(), Some(&tenants[1]));
    let cells = directory.cells().await.expect("the cells");
    let counts: Vec<u32> = cells.iter().map(|load| load.tenants).collect();
    assert_eq!(counts, [2, 1]);
    // Its request made it.
    assert_eq!(make(&directory, second.tenant).await, tenants[1]);
    let active = change(&directory, &tenants[1], to(Lifecycle::ReadOnly)).await;
    assert_eq!(active.placement.epoch, Epoch::new(1, 2));
    let fourth = make(&directory, request("fourth", &[])).await;
    assert_eq!(fourth.id.get(), 4);
}

/// What was loaded is in no log: who followed takes a snapshot, and goes on behind it.
pub async fn who_follows_a_load_takes_a_snapshot(directory: impl Directory) {
    let directory = with_cell(directory).await;
    make(&directory, request("first", &["first.example"])).await;
    let before = directory.newest().await.expect("an end");
    let mut waiting = directory.changes(before);
    let load = directory.load(imports(vec![import("second", &[], Lifecycle::Active)]));
    let (loaded, told) = futures_util::future::join(load, waiting.next()).await;
    let loaded = loaded.expect("it is loaded");
    assert!(
        matches!(told, Some(Err(DirectoryError::LogGap { newest, .. })) if newest == loaded.position),
        "{told:?}"
    );
    let (mut known, revision) = Known::snapshot(&directory).await;
    assert_eq!(revision, loaded.position.revision);
    make(&directory, request("third", &["third.example"])).await;
    let rest = log_after(&directory, revision).await;
    assert_eq!(rest.len(), 4);
    rest.into_iter().for_each(|entry| known.learn(entry.event));
    assert_eq!(known, Known::read(&directory).await);
    let nothing = directory.load(imports(vec![])).await.expect("it is loaded");
    assert_eq!((nothing.tenants, nothing.domains), (0, 0));
}

/// A load happens wholly or not at all, whatever is wrong with whichever tenant.
pub async fn what_cannot_be_loaded_wholly_is_not_loaded(directory: impl Directory) {
    use Lifecycle::{Active, Gone};
    let directory = with_cell(directory).await;
    put_cell(&directory, 2, 1).await;
    make(&directory, request("taken", &["taken.example"])).await;
    let before = (
        all(&directory).await,
        directory.newest().await.expect("an end"),
    );
    let with = |edit: fn(&mut NewTenant)| {
        let mut import = import("other", &["other.example"], Active);
        edit(&mut import.tenant);
        import
    };
    let cases = [
        (
            with(|new| new.slug = super::fixture::slug("taken")),
            "slug_taken",
        ),
        (
            with(|new| new.slug = super::fixture::slug("new-0")),
            "slug_taken",
        ),
        (
            with(|new| new.domains = vec![domain("taken.example")]),
            "domain_taken",
        ),
        (
            with(|new| new.domains = vec![domain("new-0.example")]),
            "domain_taken",
        ),
        (
            with(|new| new.request = "make taken".parse().expect("a key")),
            "idempotency_mismatch",
        ),
        (
            with(|new| new.request = "make new-0".parse().expect("a key")),
            "idempotency_mismatch",
        ),
        (with(|new| new.cell = cell(3)), "cell_unknown"),
        (import("other", &[], Gone), "tenant_gone"),
    ];
    for (wrong, code) in cases {
        let new = |n| import(&format!("new-{n}"), &[&format!("new-{n}.example")], Active);
        let load = directory.load(imports(vec![new(0), wrong, new(1)]));
        let error = refused(load.await);
        assert_eq!(
            tenancy_types::Problem::code(&error).as_str(),
            code,
            "{error:?}"
        );
        let after = (
            all(&directory).await,
            directory.newest().await.expect("an end"),
        );
        assert_eq!(after, before, "{code}");
    }
    let full = (0..2).map(|n| {
        let mut full = import(&format!("full-{n}"), &[], Active);
        full.tenant.cell = cell(2);
        full
    });
    let error = refused(directory.load(imports(full.collect())).await);
    assert!(
        matches!(error, DirectoryError::CellFull { capacity: 1, .. }),
        "{error:?}"
    );
    let unreadable = [
        Ok(import("new", &[], Active)),
        Err(DirectoryError::unreadable("line 2")),
    ];
    let error = refused(directory.load(stream::iter(unreadable).boxed()).await);
    assert!(
        matches!(error, DirectoryError::Unreadable { .. }),
        "{error:?}"
    );
    let after = (
        all(&directory).await,
        directory.newest().await.expect("an end"),
    );
    assert_eq!(after, before);
    assert_eq!(log_after(&directory, Revision::ZERO).await.len(), 4);
}
