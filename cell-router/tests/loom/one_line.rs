//! The order of two stores, which is all that keeps a reader from a wrong hit.

use std::sync::Arc;

use tenancy_types::TenantId;

use crate::{
    fingerprint::Fingerprint,
    line::{Line, Probe},
    sync::explore,
};

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

/// Two names that differ only in the word that is stored first: as near to a wrong hit as one can come.
const ONE: Fingerprint = Fingerprint { high: 7, low: 1 };
const OTHER: Fingerprint = Fingerprint { high: 0, low: 1 };

/// One name comes, goes and comes back to another tenant, and another name comes behind it. Readers of both never see
/// a tenant that did not have the name, nor an older answer after a newer one.
fn come_and_go(careless: bool) {
    explore(careless, || {
        let line = Arc::new(Line::default());
        let read = Arc::clone(&line);
        let reader = loom::thread::spawn(move || {
            let seen = [read.probe(ONE), read.probe(ONE)];
            let order = [
                Probe::Free(0),
                Probe::Taken(0, Some(tenant(1))),
                Probe::Taken(0, None),
                Probe::Taken(0, Some(tenant(2))),
            ];
            let at = seen.map(|probe| order.iter().position(|state| *state == probe));
            assert!(at[0].is_some() && at[0] <= at[1], "{seen:?}");
        });
        let read = Arc::clone(&line);
        let other = loom::thread::spawn(move || {
            let seen = read.probe(OTHER);
            let right = [
                Probe::Free(0),
                Probe::Free(1),
                Probe::Taken(1, Some(tenant(3))),
            ];
            assert!(right.contains(&seen), "{seen:?}");
        });
        line.publish(0, ONE, tenant(1));
        line.point(0, ONE, None);
        line.point(0, ONE, Some(tenant(2)));
        line.publish(1, OTHER, tenant(3));
        reader.join().unwrap();
        other.join().unwrap();
        assert_eq!(line.probe(ONE), Probe::Taken(0, Some(tenant(2))));
        assert_eq!(line.probe(OTHER), Probe::Taken(1, Some(tenant(3))));
    });
}

#[test]
fn a_reader_never_takes_one_name_for_another() {
    come_and_go(false);
}

#[test]
#[should_panic = "Taken(0, Some(tenant 1))"]
fn without_release_it_would() {
    come_and_go(true);
}
