use proptest::prelude::*;
use tenancy_placement::{CellFacts, Demand, Fleet, assign};

use crate::{anywhere, cell, fleet};

fn place_all(mut fleet: Fleet, demands: impl IntoIterator<Item = Demand>) -> Fleet {
    for (seed, demand) in (0..).zip(demands) {
        let cell = assign(&fleet, &demand, seed).unwrap().cell();
        fleet = fleet.with_placed(cell, &demand).unwrap();
    }
    fleet
}

fn large(number: u16) -> CellFacts {
    CellFacts {
        max_tenants: 10_000,
        load_capacity: 10_000.0,
        ..cell(number)
    }
}

/// Least and most tenants of a cell.
fn tenants(fleet: &Fleet) -> (u32, u32) {
    let tenants = || fleet.cells().iter().map(|facts| facts.tenants);
    (tenants().min().unwrap(), tenants().max().unwrap())
}

#[test]
fn ten_thousand_equal_tenants_balance() {
    let start = fleet((1..=16).map(large));
    let after = place_all(start, (0..10_000).map(|_| anywhere(0.5)));
    assert_eq!(tenants(&after), (625, 625));
}

#[test]
fn without_counting_the_placed_they_pile_up() {
    // The control: facts that are never refreshed send everyone to the cell that looked best once.
    let quiet = CellFacts {
        load: 10.0,
        ..large(3)
    };
    let others = [1, 2].map(|number| CellFacts {
        load: 20.0,
        ..large(number)
    });
    let stale = fleet(others.into_iter().chain([quiet]));
    let piled =
        (0..100).all(|seed| assign(&stale, &anywhere(1.0), seed).unwrap().cell() == crate::id(3));
    assert!(piled);
    let counted = place_all(stale, (0..100).map(|_| anywhere(1.0)));
    let loads: Vec<_> = counted.cells().iter().map(|facts| facts.load).collect();
    assert_eq!(loads, [50.0, 50.0, 50.0]);
}

#[test]
fn a_larger_cell_takes_its_share() {
    let double = CellFacts {
        max_tenants: 200,
        load_capacity: 2_000.0,
        ..cell(2)
    };
    let after = place_all(fleet([cell(1), double]), (0..90).map(|_| anywhere(1.0)));
    let tenants: Vec<_> = after.cells().iter().map(|facts| facts.tenants).collect();
    assert_eq!(tenants, [30, 60]);
}

#[test]
fn a_full_fleet_says_no_and_not_before() {
    let start = fleet([1, 2, 3].map(cell));
    let full = place_all(start, (0..300).map(|_| anywhere(0.0)));
    assert_eq!(tenants(&full), (100, 100));
    assert!(assign(&full, &anywhere(0.0), 0).is_err());
}

proptest! {
    #[test]
    fn equal_tenants_differ_by_one_at_most(count in 1_usize..400, cells in 1_u16..12, load in 0.0..2.0) {
        let after = place_all(fleet((1..=cells).map(large)), (0..count).map(|_| anywhere(load)));
        let (least, most) = tenants(&after);
        prop_assert!(most - least <= 1, "{least}..{most}");
    }

    #[test]
    fn unequal_tenants_differ_by_the_largest_at_most(
        loads in prop::collection::vec(0.0..50.0, 1..300), cells in 1_u16..12,
    ) {
        let demands = loads.iter().map(|&load| anywhere(load));
        let after = place_all(fleet((1..=cells).map(large)), demands);
        let taken = |facts: &CellFacts| (facts.load / 1e4).max(f64::from(facts.tenants) / 1e4);
        let most = after.cells().iter().map(taken).fold(0.0, f64::max);
        let least = after.cells().iter().map(taken).fold(1.0, f64::min);
        let largest = loads.iter().fold(1.0, |a: f64, &b| a.max(b)) / 1e4;
        prop_assert!(most - least <= largest + 1e-12, "{least}..{most}, largest {largest}");
    }
}
