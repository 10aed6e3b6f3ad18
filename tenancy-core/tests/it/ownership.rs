//! Movers, followers, restored directories and read tokens: what the tables of ownership promise, for all
//! inputs.

use proptest::prelude::*;
use tenancy_core::protocol::{
    Fence, FenceEvent, FenceState, Move, Mover, Position, Rejected, Surveyed, Unsettled,
    admits_write, fence, follow, mover, reassert, settle,
};
use tenancy_types::{CellId, Epoch, Kind, Lifecycle, Placement, Problem as _, UnixMicros};

fn cell(number: u16) -> CellId {
    CellId::new(number).unwrap()
}

fn epoch(seq: u32) -> Epoch {
    Epoch::new(0, seq)
}

const UNTIL: UnixMicros = UnixMicros::new(1_000);

const STATES: [FenceState; 7] = [
    FenceState::Incoming,
    FenceState::Ready,
    FenceState::Active,
    FenceState::Fenced { until: UNTIL },
    FenceState::Sealed,
    FenceState::Gone,
    FenceState::Refused,
];

fn at(state: FenceState, seq: u32) -> Option<Fence> {
    Some(Fence {
        state,
        lifecycle: Lifecycle::Active,
        epoch: epoch(seq),
    })
}

#[test]
fn a_move_knows_its_epochs() {
    let the = Move::of(
        Placement::new(cell(1), Lifecycle::Active, epoch(7)),
        cell(2),
    );
    assert_eq!(the.reserved(), Ok(epoch(8)));
    assert_eq!(the.aborted(), Ok(epoch(9)));
    let last = Move {
        epoch: epoch(u32::MAX - 1),
        ..the
    };
    assert!(last.reserved().is_ok());
    assert!(last.aborted().is_err());
}

#[test]
fn only_the_greatest_mover_acts() {
    let me = |seq, token| Mover {
        reserved: epoch(seq),
        token,
    };
    let row = mover::claim(None, me(8, 0)).unwrap();
    assert_eq!(mover::claim(Some(row), me(8, 0)), Ok(row));
    let row = mover::claim(Some(row), me(8, 1)).unwrap();
    let rejected = mover::claim(Some(row), me(8, 0)).unwrap_err();
    assert!(matches!(rejected, Rejected::Superseded { found, .. } if found == Some(row)));
    assert_eq!(
        (rejected.kind(), rejected.code().as_str()),
        (Kind::Conflict, "mover_superseded")
    );
    // A later move comes after every take-over of an earlier one.
    let row = mover::claim(Some(row), me(10, 0)).unwrap();
    for other in [me(8, 1), me(10, 1), me(9, 0)] {
        assert!(mover::admits(Some(row), other).is_err(), "{other:?}");
    }
    assert!(mover::admits(Some(row), row).is_ok());
    assert!(mover::admits(None, row).is_err());
}

#[test]
fn a_mover_acts_on_the_fences_of_its_own_move() {
    let me = Mover {
        reserved: epoch(8),
        token: 3,
    };
    for state in STATES {
        for seq in 6..10 {
            let fence = at(state, seq);
            let source = mover::admits_source(fence, Some(me), me).is_ok();
            assert_eq!(source, seq == 7, "{fence:?}");
            let target = mover::admits_target(fence, Some(me), me).is_ok();
            let awaited = state == FenceState::Incoming && seq == 8;
            assert_eq!(target, awaited, "{fence:?}");
            assert!(mover::admits_source(fence, None, me).is_err());
            assert!(mover::admits_target(fence, None, me).is_err());
        }
    }
    assert!(mover::admits_source(None, Some(me), me).is_err());
    assert!(mover::admits_target(None, Some(me), me).is_err());
}

/// What the directory's answer (the cell itself, another one) at epochs 7 and 8 makes of a fence at 7.
#[track_caller]
fn check_follow(state: FenceState, expect: [Option<FenceEvent>; 4]) {
    let answers = [(1, 7), (1, 8), (2, 7), (2, 8)];
    for ((owner, seq), expect) in answers.into_iter().zip(expect) {
        let directory = Placement::new(cell(owner), Lifecycle::Suspended, epoch(seq));
        let found = follow(at(state, 7), cell(1), directory);
        assert_eq!(found, expect, "{state:?} after {directory:?}");
    }
}

#[test]
fn cells_follow_newer_answers_only() {
    let (lifecycle, newer) = (Lifecycle::Suspended, epoch(8));
    let kept = Some(FenceEvent::Lifecycle {
        lifecycle,
        epoch: newer,
    });
    let left = Some(FenceEvent::Retire { epoch: newer });
    let named = Some(FenceEvent::Activate { epoch: epoch(7) });
    let refused = Some(FenceEvent::Refuse {
        lifecycle,
        epoch: newer,
    });
    check_follow(FenceState::Active, [None, kept, None, left]);
    check_follow(
        FenceState::Fenced { until: UNTIL },
        [None, kept, None, left],
    );
    check_follow(FenceState::Sealed, [None, kept, None, left]);
    check_follow(FenceState::Ready, [named, named, None, refused]);
    check_follow(FenceState::Incoming, [None, None, None, refused]);
    check_follow(FenceState::Gone, [None; 4]);
    check_follow(FenceState::Refused, [None; 4]);
}

#[test]
fn a_restored_source_is_frozen_while_its_tenant_moves() {
    for (state, frozen) in [
        (FenceState::Active, true),
        (FenceState::Fenced { until: UNTIL }, true),
        (FenceState::Sealed, false),
        (FenceState::Incoming, false),
        (FenceState::Gone, false),
    ] {
        let moving = Placement {
            moving: true,
            ..Placement::new(cell(1), Lifecycle::Active, epoch(7))
        };
        let found = reassert(at(state, 7), cell(1), moving);
        assert_eq!(found, frozen.then_some(FenceEvent::Freeze), "{state:?}");
        let rests = Placement {
            moving: false,
            ..moving
        };
        assert_eq!(reassert(at(state, 7), cell(1), rests), None, "{state:?}");
    }
}

#[test]
fn a_restored_directory_asks_every_cell() {
    use Surveyed::Unreachable;
    let said = |state, seq| Surveyed::Fence(at(state, seq));
    let none = Surveyed::Fence(None);
    let (active, sealed) = (FenceState::Active, FenceState::Sealed);
    let fenced = FenceState::Fenced { until: UNTIL };
    let backup = Placement::new(cell(1), Lifecycle::Active, epoch(7));
    let cases = [
        // At rest where the backup says, or elsewhere.
        ([said(active, 7), none], Ok(1)),
        ([said(FenceState::Gone, 8), said(active, 8)], Ok(2)),
        // In the middle of a move.
        ([said(fenced, 7), said(FenceState::Incoming, 8)], Ok(1)),
        ([said(sealed, 7), said(FenceState::Ready, 8)], Ok(1)),
        ([said(sealed, 7), said(active, 8)], Ok(2)),
        // Nobody knows.
        (
            [said(active, 7), Unreachable],
            Err(Unsettled::Unreachable { cell: cell(2) }),
        ),
        (
            [said(fenced, 7), said(active, 8)],
            Err(Unsettled::TwoOwners {
                one: cell(2),
                other: cell(1),
            }),
        ),
        (
            [none, said(FenceState::Refused, 8)],
            Err(Unsettled::NoOwner),
        ),
    ];
    for ([one, two], expect) in cases {
        let expect =
            expect.map(|owner| Placement::new(cell(owner), Lifecycle::Active, Epoch::new(1, 1)));
        for cells in [
            [(cell(1), one), (cell(2), two)],
            [(cell(2), two), (cell(1), one)],
        ] {
            assert_eq!(settle(backup, 1, &cells), expect, "{cells:?}");
        }
    }
    let used = settle(backup, 0, &[(cell(1), said(active, 7))]);
    assert_eq!(used, Err(Unsettled::UsedIncarnation { incarnation: 0 }));
}

#[test]
fn the_newer_lifecycle_outlives_a_directory() {
    for (seq, expect) in [(6, Lifecycle::Active), (8, Lifecycle::Suspended)] {
        let backup = Placement::new(cell(1), Lifecycle::Suspended, epoch(seq));
        let fence = Surveyed::Fence(at(FenceState::Active, 7));
        let found = settle(backup, 1, &[(cell(1), fence)]);
        assert_eq!(found.map(|placement| placement.lifecycle), Ok(expect));
    }
}

#[test]
fn a_token_is_covered_by_its_own_log_or_a_newer_epoch() {
    let seen = Position {
        cell: cell(1),
        epoch: epoch(7),
        timeline: 2,
        log: 50,
    };
    let elsewhere = Position {
        cell: cell(2),
        epoch: epoch(8),
        timeline: 1,
        log: 3,
    };
    let cases = [
        (seen, true),
        (Position { log: 51, ..seen }, true),
        (Position { log: 49, ..seen }, false),
        (
            Position {
                timeline: 3,
                log: 90,
                ..seen
            },
            false,
        ),
        (
            Position {
                epoch: epoch(6),
                log: 90,
                ..seen
            },
            false,
        ),
        (elsewhere, true),
        (
            Position {
                epoch: epoch(7),
                log: 90,
                ..elsewhere
            },
            false,
        ),
    ];
    for (here, expect) in cases {
        assert_eq!(here.covers(seen), expect, "{here:?}");
    }
    assert!(!seen.covers(elsewhere));
}

fn any_fence() -> impl Strategy<Value = Option<Fence>> {
    let state = proptest::sample::select(&STATES[..]);
    let lifecycle = proptest::sample::select(&Lifecycle::ALL[..]);
    let fence = (state, lifecycle, 0..9_u32).prop_map(|(state, lifecycle, seq)| Fence {
        // Whose life has ended is nowhere but gone.
        state: match lifecycle {
            Lifecycle::Gone => FenceState::Gone,
            _ => state,
        },
        lifecycle,
        epoch: epoch(seq),
    });
    proptest::option::of(fence)
}

fn any_placement() -> impl Strategy<Value = Placement> {
    let lifecycle = proptest::sample::select(&Lifecycle::ALL[..]);
    (1..4_u16, lifecycle, any::<bool>(), 0..9_u32).prop_map(|(owner, lifecycle, moving, seq)| {
        Placement {
            moving,
            ..Placement::new(cell(owner), lifecycle, epoch(seq))
        }
    })
}

fn followed(mut fence: Option<Fence>, here: CellId, directory: Placement) -> Option<Fence> {
    while let Some(event) = reassert(fence, here, directory) {
        fence = Some(fence::next(fence, event).unwrap());
    }
    fence
}

proptest! {
    /// What a cell is told to do, its table allows; it comes to an end, and whoever has followed a newer
    /// answer admits writes at that answer's epoch or not at all.
    #[test]
    fn following_comes_to_rest(fence in any_fence(), directory in any_placement()) {
        let after = followed(fence, cell(1), directory);
        prop_assert_eq!(follow(after, cell(1), directory), None);
        for seq in 0..9 {
            let writes = admits_write(after, epoch(seq)).is_ok();
            let newer = fence.is_some_and(|fence| directory.epoch > fence.epoch);
            if writes && newer {
                prop_assert_eq!(directory.cell, cell(1));
                prop_assert_eq!(directory.epoch, epoch(seq));
            }
        }
    }

    /// A cell that was restored while its tenant moves away takes no writes of it at that epoch.
    #[test]
    fn a_frozen_source_takes_no_writes(fence in any_fence(), directory in any_placement()) {
        let moves_away = directory.moving && directory.cell == cell(1);
        let after = followed(fence, cell(1), directory);
        if moves_away {
            prop_assert!(admits_write(after, directory.epoch).is_err());
        }
    }

    /// Whatever the fences say: who is settled on served before, is the only one to write after all have
    /// followed, and at an epoch that nobody has seen. The order of the answers does not matter.
    #[test]
    fn a_settled_tenant_has_one_owner(
        backup in any_placement(),
        fences in proptest::collection::vec(any_fence(), 3),
    ) {
        let cells: Vec<_> = (1..=3).map(cell).zip(fences).collect();
        let mut asked: Vec<_> =
            cells.iter().map(|&(cell, fence)| (cell, Surveyed::Fence(fence))).collect();
        let settled = settle(backup, 1, &asked);
        asked.reverse();
        prop_assert_eq!(settled, settle(backup, 1, &asked));
        if let Ok(settled) = settled {
            for (cell, fence) in cells {
                let after = followed(fence, cell, settled);
                prop_assert!(after.is_none_or(|after| after.epoch <= settled.epoch));
                if cell != settled.cell {
                    for seq in 0..9 {
                        prop_assert!(admits_write(after, epoch(seq)).is_err());
                    }
                }
            }
        }
    }
}
