use tenancy_placement::{CellFacts, Demand, Fleet, Residency};

use crate::{anywhere, cell, fleet, id};

#[track_caller]
fn check(cells: Vec<CellFacts>, expect: &str) {
    assert_eq!(Fleet::new(cells).unwrap_err().to_string(), expect);
}

fn loaded(load: f64, load_capacity: f64) -> Vec<CellFacts> {
    let bad = CellFacts {
        load,
        load_capacity,
        ..cell(7)
    };
    vec![cell(1), bad, cell(9)]
}

#[test]
fn a_fleet_names_the_cell_that_cannot_be_right() {
    check(
        vec![cell(2), cell(1), cell(2)],
        "cell-2 stands twice in the fleet",
    );
    for (load, shown) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (-0.5, "-0.5")] {
        check(
            loaded(load, 1.0),
            &format!(
                "the load of cell-7 must be a finite number of requests a second, 0 or more, not {shown}"
            ),
        );
    }
    for (capacity, shown) in [
        (f64::NAN, "NaN"),
        (f64::INFINITY, "inf"),
        (0.0, "0"),
        (-1.0, "-1"),
    ] {
        check(
            loaded(0.0, capacity),
            &format!(
                "the load capacity of cell-7 must be a finite number of requests a second above 0, not {shown}"
            ),
        );
    }
}

#[test]
fn a_cell_over_its_capacity_is_a_fact_not_an_error() {
    assert!(Fleet::new(loaded(2.0, 1.0)).is_ok());
}

#[test]
fn a_demand_has_a_usable_load() {
    for load in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.1] {
        assert!(Demand::new(Residency::Any, load).is_err(), "{load}");
    }
    assert_eq!(anywhere(0.0).load(), 0.0);
}

#[test]
fn placing_on_a_cell_that_is_not_there_says_so() {
    let error = fleet([cell(1)])
        .with_placed(id(2), &anywhere(1.0))
        .unwrap_err();
    assert_eq!(error.to_string(), "the fleet has no cell-2");
}
