use tenancy_placement::{CellFacts, CellStatus, Demand, NoCell, assign};
use tenancy_types::{Kind, Problem, Retry};

use crate::{anywhere, cell, fleet, within};

/// Checks what is said of one cell.
#[track_caller]
fn check(facts: CellFacts, demand: &Demand, expect: Result<(), &str>) {
    let number = facts.cell;
    // A second cell of the region keeps a wrong region a reason instead of an unknown region.
    let haven = CellFacts {
        region: "us".parse().unwrap(),
        tenants: 100,
        ..cell(4095)
    };
    match (assign(&fleet([facts, haven]), demand, 0), expect) {
        (Ok(assignment), Ok(())) => assert_eq!(assignment.cell(), number),
        (Err(NoCell::WithRoom { refusals }), Err(why_not)) => {
            assert_eq!(refusals[0].to_string(), format!("{number} {why_not}"));
        }
        (answer, expect) => panic!("{answer:?} instead of {expect:?}"),
    }
}

#[test]
fn region() {
    check(cell(1), &within("eu", 1.0), Ok(()));
    check(cell(1), &anywhere(1.0), Ok(()));
    check(
        cell(1),
        &within("us", 1.0),
        Err("is in eu, the tenant must be in us"),
    );
}

#[test]
fn open() {
    let in_state = |status| CellFacts { status, ..cell(1) };
    check(in_state(CellStatus::Open), &anywhere(1.0), Ok(()));
    check(
        in_state(CellStatus::Draining),
        &anywhere(1.0),
        Err("is draining"),
    );
    check(in_state(CellStatus::Down), &anywhere(1.0), Err("is down"));
}

#[test]
fn capacity() {
    let with = |tenants, max_tenants| CellFacts {
        tenants,
        max_tenants,
        ..cell(1)
    };
    check(with(99, 100), &anywhere(0.0), Ok(()));
    check(
        with(100, 100),
        &anywhere(0.0),
        Err("is full: 100 of 100 tenants"),
    );
    check(
        with(101, 100),
        &anywhere(0.0),
        Err("is full: 101 of 100 tenants"),
    );
    check(with(0, 0), &anywhere(0.0), Err("is full: 0 of 0 tenants"));
    check(with(u32::MAX - 1, u32::MAX), &anywhere(0.0), Ok(()));
}

#[test]
fn headroom() {
    let at = |load| CellFacts { load, ..cell(1) };
    check(at(990.0), &anywhere(10.0), Ok(()));
    check(
        at(990.0),
        &anywhere(10.5),
        Err("has no headroom: 990.0 + 10.5 of 1000.0 requests/s"),
    );
    check(
        at(1_200.0),
        &anywhere(0.0),
        Err("has no headroom: 1200.0 + 0.0 of 1000.0 requests/s"),
    );
    check(
        at(f64::MAX),
        &anywhere(f64::MAX),
        Err(&format!(
            "has no headroom: {0:.1} + {0:.1} of 1000.0 requests/s",
            f64::MAX
        )),
    );
}

#[test]
fn the_first_reason_is_the_one_that_lasts() {
    let hopeless = CellFacts {
        status: CellStatus::Down,
        tenants: 100,
        load: 1_000.0,
        ..cell(1)
    };
    check(
        hopeless.clone(),
        &within("us", 1.0),
        Err("is in eu, the tenant must be in us"),
    );
    check(hopeless, &within("eu", 1.0), Err("is down"));
}

#[test]
fn a_region_without_any_cell_is_a_wrong_request() {
    let error = assign(&fleet([cell(1)]), &within("mars", 1.0), 0).unwrap_err();
    assert_eq!(error.to_string(), "no cell of the fleet is in mars");
    assert_eq!(error.code().as_str(), "invalid_request");
    assert_eq!(error.kind(), Kind::Invalid);
    assert_eq!(error.retry(), Retry::No);
    assert_eq!(error.client_text(), "there is no region mars");
}

#[test]
fn a_region_whose_cells_are_all_down_exists() {
    let down = CellFacts {
        status: CellStatus::Down,
        ..cell(1)
    };
    let error = assign(&fleet([down]), &within("eu", 1.0), 0).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[test]
fn an_empty_fleet_is_our_fault_not_the_clients() {
    let error = assign(&fleet([]), &within("eu", 1.0), 0).unwrap_err();
    assert_eq!(error.to_string(), "the fleet has no cells");
    assert_eq!(error.code().as_str(), "no_capacity");
    assert_eq!(error.kind(), Kind::Unavailable);
}

#[test]
fn the_client_hears_nothing_of_our_cells() {
    let full = CellFacts {
        tenants: 100,
        ..cell(1)
    };
    let error = assign(&fleet([full]), &anywhere(1.0), 0).unwrap_err();
    assert!(matches!(error.retry(), Retry::After(_)));
    assert_eq!(
        error.client_text(),
        "there is no room for another tenant right now"
    );
}
