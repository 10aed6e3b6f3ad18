//! The whole way with a real directory: a change there is a route here.

use std::sync::Arc;

use tenancy_cell_router::{Contact, Follower, ReferenceTable};
use tenancy_core::directory::{
    AnyDirectory, CellRecord, Directory, MemoryDirectory, NewTenant, TenantChange,
};
use tenancy_types::{Answer, CellId, Lifecycle, Lookup, ManualClock};

#[tokio::test]
async fn a_change_in_the_directory_becomes_a_route() {
    let clock = ManualClock::default();
    let directory = AnyDirectory::new(MemoryDirectory::new(clock.clone()));
    let table = Arc::new(ReferenceTable::new());
    let follower = Follower::new(directory.clone(), Arc::clone(&table), clock);
    let progress = follower.progress();
    tokio::spawn(follower.run());

    let cell = CellId::new(1).unwrap();
    let record = CellRecord {
        cell,
        region: "eu".parse().unwrap(),
        capacity: 10,
    };
    directory.put_cell(record).await.unwrap();
    let new = NewTenant {
        request: "sign up".parse().unwrap(),
        slug: "acme".parse().unwrap(),
        plan: "basic".parse().unwrap(),
        region: None,
        domains: vec![],
        cell,
    };
    let made = directory.create(new).await.unwrap();
    assert!(progress.reached(made.revision).await);
    let Answer::Hit(route) = table.lookup_slug("acme") else {
        panic!("the new tenant has no route");
    };
    assert_eq!((route.tenant, route.placement), (made.id, made.placement));

    let gone = TenantChange {
        lifecycle: Some(Lifecycle::Gone),
        ..TenantChange::default()
    };
    let gone = directory
        .change(made.id, made.revision, gone)
        .await
        .unwrap();
    assert!(progress.reached(gone.revision).await);
    assert_eq!(table.lookup_slug("acme"), Answer::Absent);
    assert_eq!(table.placement(made.id), Some(gone.placement));
    assert_eq!(progress.status().contact, Contact::Live);
}
