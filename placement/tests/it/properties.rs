use std::collections::BTreeSet;

use proptest::{prelude::*, sample::select};
use tenancy_placement::{
    Assignment, CellFacts, CellStatus, Demand, Fleet, NoCell, Refusal, Residency, assign,
};
use tenancy_types::{CellId, Region};

fn region() -> impl Strategy<Value = Region> {
    select(vec!["eu", "us", "asia"]).prop_map(|name| name.parse().unwrap())
}

/// Few distinct values, so that limits are met exactly and ties are frequent.
fn facts(cell: u16) -> impl Strategy<Value = CellFacts> {
    let status = select(vec![
        CellStatus::Open,
        CellStatus::Open,
        CellStatus::Open,
        CellStatus::Draining,
        CellStatus::Down,
    ]);
    let load = prop_oneof![(0_u32..12).prop_map(f64::from), 0.0..12.0];
    let load_capacity = select(vec![5.0, 10.0, 10.0, 1e-3, f64::MAX]);
    (region(), status, 0_u32..6, 0_u32..6, load, load_capacity).prop_map(
        move |(region, status, tenants, max_tenants, load, load_capacity)| CellFacts {
            cell: CellId::new(cell).unwrap(),
            region,
            status,
            tenants,
            max_tenants,
            load,
            load_capacity,
        },
    )
}

fn cells() -> impl Strategy<Value = Vec<CellFacts>> {
    prop::collection::btree_set(1_u16..=4095, 0..12)
        .prop_flat_map(|ids| ids.into_iter().map(facts).collect::<Vec<_>>())
}

fn demand() -> impl Strategy<Value = Demand> {
    let residency = prop_oneof![
        Just(Residency::Any),
        region().prop_map(Residency::In),
        Just(Residency::In("nowhere".parse().unwrap())),
    ];
    let load = prop_oneof![Just(0.0), (0_u32..5).prop_map(f64::from), 0.0..5.0];
    (residency, load).prop_map(|(residency, load)| Demand::new(residency, load).unwrap())
}

/// The hard rules once more, said in another way: what is needed, in one expression.
fn may_take(facts: &CellFacts, demand: &Demand) -> bool {
    let at_home = match demand.residency() {
        Residency::Any => true,
        Residency::In(region) => facts.region == *region,
    };
    at_home
        && facts.status == CellStatus::Open
        && facts.max_tenants.saturating_sub(facts.tenants) >= 1
        && facts.load + demand.load() <= facts.load_capacity
}

/// The score once more: the lesser of the two shares that stay free.
fn headroom(facts: &CellFacts, demand: &Demand) -> f64 {
    let load = 1.0 - (facts.load + demand.load()) / facts.load_capacity;
    let tenants = 1.0 - f64::from(facts.tenants + 1) / f64::from(facts.max_tenants);
    load.min(tenants)
}

fn refusals(answer: &Result<Assignment, NoCell>) -> &[Refusal] {
    match answer {
        Ok(assignment) => &assignment.refusals,
        Err(NoCell::WithRoom { refusals }) => refusals,
        Err(_) => &[],
    }
}

proptest! {
    #[test]
    fn the_chosen_cell_breaks_no_rule_and_no_other_keeps_more(
        cells in cells(), demand in demand(), seed: u64,
    ) {
        let able: Vec<_> = cells.iter().filter(|facts| may_take(facts, &demand)).collect();
        match assign(&Fleet::new(cells.clone()).unwrap(), &demand, seed) {
            Ok(assignment) => {
                let chosen = able.iter().find(|facts| facts.cell == assignment.cell());
                let chosen = headroom(chosen.expect("only an able cell is chosen"), &demand);
                prop_assert!(able.iter().all(|facts| headroom(facts, &demand) <= chosen));
                prop_assert!((assignment.chosen.headroom() - chosen).abs() < 1e-12);
            }
            Err(_) => prop_assert!(able.is_empty()),
        }
    }

    #[test]
    fn every_cell_is_named_once_and_on_its_side(
        cells in cells(), demand in demand(), seed: u64,
    ) {
        let answer = assign(&Fleet::new(cells.clone()).unwrap(), &demand, seed);
        if let Err(NoCell::InRegion { region }) = &answer {
            prop_assert!(!cells.is_empty());
            prop_assert!(cells.iter().all(|facts| facts.region != *region));
            return Ok(());
        }
        let able: Vec<_> = answer.iter()
            .flat_map(|assignment| std::iter::once(&assignment.chosen).chain(&assignment.runners_up))
            .map(|candidate| candidate.cell)
            .collect();
        let unable: Vec<_> = refusals(&answer).iter().map(|refusal| refusal.cell).collect();
        prop_assert_eq!(able.len() + unable.len(), cells.len());
        for facts in &cells {
            let side = if may_take(facts, &demand) { &able } else { &unable };
            prop_assert!(side.contains(&facts.cell), "{}", facts.cell);
        }
    }

    #[test]
    fn runners_up_come_best_first(cells in cells(), demand in demand(), seed: u64) {
        if let Ok(assignment) = assign(&Fleet::new(cells).unwrap(), &demand, seed) {
            let ranked: Vec<_> = std::iter::once(assignment.chosen).chain(assignment.runners_up).collect();
            prop_assert!(ranked.is_sorted_by(|a, b| a.headroom() >= b.headroom()));
            prop_assert!(ranked.iter().all(|candidate| (0.0..=1.0).contains(&candidate.headroom())));
        }
    }

    #[test]
    fn the_order_of_the_facts_changes_nothing(
        (cells, shuffled) in cells().prop_flat_map(|cells| (Just(cells.clone()), Just(cells).prop_shuffle())),
        demand in demand(), seed: u64,
    ) {
        let [one, other] = [cells, shuffled].map(|cells| assign(&Fleet::new(cells).unwrap(), &demand, seed));
        prop_assert_eq!(format!("{one:?}"), format!("{other:?}"));
    }

    #[test]
    fn no_limit_is_passed_in_a_long_sequence(
        cells in cells(), demands in prop::collection::vec(demand(), 1..80),
    ) {
        let start = Fleet::new(cells).unwrap();
        let mut fleet = start.clone();
        for (seed, demand) in (0..).zip(&demands) {
            if let Ok(assignment) = assign(&fleet, demand, seed) {
                fleet = fleet.with_placed(assignment.cell(), demand).unwrap();
            }
        }
        for (before, after) in start.cells().iter().zip(fleet.cells()) {
            let untouched = before == after;
            let in_bounds = after.tenants <= after.max_tenants && after.load <= after.load_capacity;
            prop_assert!(untouched || (in_bounds && after.status == CellStatus::Open), "{after:?}");
        }
    }

    #[test]
    fn the_seed_decides_nothing_but_ties(cells in cells(), demand in demand(), seeds: [u64; 2]) {
        let fleet = Fleet::new(cells).unwrap();
        let [one, other] = seeds.map(|seed| assign(&fleet, &demand, seed));
        if let (Ok(one), Ok(other)) = (&one, &other) {
            prop_assert_eq!(one.chosen.headroom(), other.chosen.headroom());
        }
        prop_assert_eq!(refusals(&one), refusals(&other));
    }
}

/// Over many seeds each of several equal cells is drawn about equally often, also with neighbouring seeds.
#[test]
fn ties_are_drawn_fairly() {
    let cells: Vec<_> = (1..=8).map(crate::cell).collect();
    let fleet = Fleet::new(cells).unwrap();
    let mut drawn = [0_u32; 9];
    for seed in 0..8_000 {
        let cell = assign(&fleet, &crate::anywhere(1.0), seed).unwrap().cell();
        drawn[usize::from(cell.get())] += 1;
    }
    // Binomial with mean 1,000 and deviation 30: five deviations to either side.
    assert!(
        drawn[1..].iter().all(|times| (850..1_150).contains(times)),
        "{drawn:?}"
    );
}

/// Two seeds in a row must not choose a pair of cells more often than chance: tenants that are created in a
/// row have neighbouring numbers.
#[test]
fn neighbouring_seeds_draw_independently() {
    let fleet = Fleet::new([1, 2, 3, 4].map(crate::cell)).unwrap();
    let draw = |seed| assign(&fleet, &crate::anywhere(1.0), seed).unwrap().cell();
    let pairs: BTreeSet<_> = (0..400).map(|seed| (draw(seed), draw(seed + 1))).collect();
    assert_eq!(pairs.len(), 16);
}
