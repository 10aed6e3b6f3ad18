use expect_test::{Expect, expect};
use tenancy_placement::{CellFacts, CellStatus, Demand, Fleet, assign};

use crate::{anywhere, cell, fleet, within};

/// Checks the line for a log and the text for a person.
#[track_caller]
fn check(fleet: &Fleet, demand: &Demand, line: &Expect, text: &Expect) {
    match assign(fleet, demand, 7) {
        Ok(assignment) => {
            line.assert_eq(&assignment.to_string());
            text.assert_eq(&format!("{assignment:#}"));
        }
        Err(no_cell) => {
            line.assert_eq(&no_cell.to_string());
            text.assert_eq(&format!("{no_cell:#}"));
        }
    }
}

/// One cell of every fortune.
fn mixed() -> Vec<CellFacts> {
    let twin = |number| CellFacts {
        tenants: 40,
        load: 300.0,
        ..cell(number)
    };
    vec![
        CellFacts {
            region: "us".parse().unwrap(),
            ..cell(8)
        },
        CellFacts {
            load: 995.5,
            ..cell(7)
        },
        CellFacts {
            tenants: 100,
            ..cell(6)
        },
        CellFacts {
            status: CellStatus::Down,
            ..cell(5)
        },
        CellFacts {
            status: CellStatus::Draining,
            ..cell(4)
        },
        CellFacts {
            load: 713.0,
            ..cell(3)
        },
        twin(2),
        twin(1),
    ]
}

#[test]
fn a_choice_among_many() {
    check(
        &fleet(mixed()),
        &within("eu", 5.0),
        &expect![
            "cell-2 keeps 59.0 % headroom (load 30.5 %, tenants 41.0 %), next cell-1 with 59.0 %, 5 cells refused"
        ],
        &expect![[r#"
        chosen: cell-2 keeps 59.0 % headroom (load 30.5 %, tenants 41.0 %)
          next: cell-1 keeps 59.0 % headroom (load 30.5 %, tenants 41.0 %), a tie that the seed decided
          next: cell-3 keeps 28.2 % headroom (load 71.8 %, tenants 1.0 %)
           not: cell-4 is draining
           not: cell-5 is down
           not: cell-6 is full: 100 of 100 tenants
           not: cell-7 has no headroom: 995.5 + 5.0 of 1000.0 requests/s
           not: cell-8 is in us, the tenant must be in eu"#]],
    );
}

#[test]
fn the_only_cell() {
    check(
        &fleet([cell(1)]),
        &anywhere(1.0),
        &expect!["cell-1 keeps 99.0 % headroom (load 0.1 %, tenants 1.0 %)"],
        &expect!["chosen: cell-1 keeps 99.0 % headroom (load 0.1 %, tenants 1.0 %)"],
    );
}

#[test]
fn no_cell() {
    check(
        &fleet(mixed()),
        &within("eu", 750.0),
        &expect![
            "no cell can take the tenant: cell-1 has no headroom: 300.0 + 750.0 of 1000.0 requests/s; cell-2 has no headroom: 300.0 + 750.0 of 1000.0 requests/s; cell-3 has no headroom: 713.0 + 750.0 of 1000.0 requests/s; and 5 more"
        ],
        &expect![[r#"
            no cell can take the tenant
               not: cell-1 has no headroom: 300.0 + 750.0 of 1000.0 requests/s
               not: cell-2 has no headroom: 300.0 + 750.0 of 1000.0 requests/s
               not: cell-3 has no headroom: 713.0 + 750.0 of 1000.0 requests/s
               not: cell-4 is draining
               not: cell-5 is down
               not: cell-6 is full: 100 of 100 tenants
               not: cell-7 has no headroom: 995.5 + 750.0 of 1000.0 requests/s
               not: cell-8 is in us, the tenant must be in eu"#]],
    );
}
