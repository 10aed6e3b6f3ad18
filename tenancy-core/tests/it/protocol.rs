//! The tables of placements and fences.

use proptest::prelude::*;
use tenancy_core::protocol::{
    Denied, Fence, FenceEvent, FenceState, Move, PlacementEvent, Rejected, admits_read,
    admits_write, fence, placement,
};
use tenancy_types::{CellId, Epoch, Kind, Lifecycle, Placement, Problem as _, UnixMicros};

fn cell(number: u16) -> CellId {
    CellId::new(number).unwrap()
}

fn epoch(seq: u32) -> Epoch {
    Epoch::new(0, seq)
}

#[test]
fn lifecycles_have_one_legal_order() {
    // Rows: from; columns: to, in the order of a tenant's life.
    let expect = [
        ("provisioning", ".x....x"),
        ("active", "..xxx.."),
        ("read_only", ".x.xx.."),
        ("suspended", ".xx.xx."),
        ("offboarding", "...x.x."),
        ("purging", "x.....x"),
        ("gone", "......."),
    ];
    assert_eq!(expect.len(), Lifecycle::ALL.len());
    for (from, (name, row)) in Lifecycle::ALL.into_iter().zip(expect) {
        assert_eq!(from.as_str(), name);
        let found: String = Lifecycle::ALL
            .iter()
            .map(|&to| {
                let event = PlacementEvent::Lifecycle(to);
                match placement::next(Placement::new(cell(1), from, epoch(7)), event) {
                    Ok(after) => {
                        assert_eq!(after, Placement::new(cell(1), to, epoch(8)));
                        'x'
                    }
                    Err(_) => '.',
                }
            })
            .collect();
        assert_eq!(found, row, "from {name}");
    }
}

#[test]
fn a_move_reserves_an_epoch_and_an_abort_burns_it() {
    let at_home = Placement::new(cell(1), Lifecycle::Suspended, epoch(7));
    let the = Move::of(at_home, cell(2));
    let moving = placement::next(at_home, PlacementEvent::StartMove(the)).unwrap();
    assert_eq!(
        moving,
        Placement {
            moving: true,
            ..at_home
        }
    );
    // A suspended tenant arrives suspended.
    assert_eq!(
        placement::next(moving, PlacementEvent::Flip(the)),
        Ok(Placement::new(cell(2), Lifecycle::Suspended, epoch(8)))
    );
    assert_eq!(
        placement::next(moving, PlacementEvent::AbortMove(the)),
        Ok(Placement::new(cell(1), Lifecycle::Suspended, epoch(9)))
    );
    for event in [
        PlacementEvent::Lifecycle(Lifecycle::Active),
        PlacementEvent::StartMove(Move::of(at_home, cell(3))),
        PlacementEvent::Flip(Move::of(at_home, cell(1))),
        // A move of an earlier epoch or of another cell is another move.
        PlacementEvent::Flip(Move {
            epoch: epoch(6),
            ..the
        }),
        PlacementEvent::AbortMove(Move {
            epoch: epoch(6),
            ..the
        }),
        PlacementEvent::Flip(Move {
            from: cell(3),
            ..the
        }),
    ] {
        let rejected = placement::next(moving, event).unwrap_err();
        assert_eq!(
            rejected,
            Rejected::Placement {
                placement: moving,
                event
            }
        );
        assert_eq!(rejected.kind(), Kind::Conflict);
    }
    for event in [
        PlacementEvent::Flip(the),
        PlacementEvent::AbortMove(the),
        PlacementEvent::StartMove(Move::of(at_home, cell(1))),
        PlacementEvent::StartMove(Move {
            epoch: epoch(6),
            ..the
        }),
    ] {
        assert!(
            placement::next(at_home, event).is_err(),
            "{event:?} at rest"
        );
    }
}

#[test]
fn what_is_set_up_or_emptied_or_gone_does_not_move() {
    for lifecycle in Lifecycle::ALL {
        let at_home = Placement::new(cell(1), lifecycle, epoch(7));
        let start = PlacementEvent::StartMove(Move::of(at_home, cell(2)));
        let moves = placement::next(at_home, start).is_ok();
        let stays = matches!(
            lifecycle,
            Lifecycle::Provisioning | Lifecycle::Purging | Lifecycle::Gone
        );
        assert_eq!(moves, !stays, "{lifecycle}");
    }
}

#[test]
fn a_change_without_an_epoch_left_is_rejected() {
    let last = Placement::new(cell(1), Lifecycle::Active, epoch(u32::MAX - 1));
    let start = PlacementEvent::StartMove(Move::of(last, cell(2)));
    assert!(matches!(
        placement::next(last, start),
        Err(Rejected::Exhausted(_))
    ));
    assert!(placement::next(last, PlacementEvent::Lifecycle(Lifecycle::Suspended)).is_ok());
}

const UNTIL: UnixMicros = UnixMicros::new(1_000);

fn states() -> [(&'static str, Option<Fence>); 8] {
    let fence = |state| {
        Some(Fence {
            state,
            lifecycle: Lifecycle::Active,
            epoch: epoch(7),
        })
    };
    [
        ("nothing", None),
        ("incoming", fence(FenceState::Incoming)),
        ("ready", fence(FenceState::Ready)),
        ("active", fence(FenceState::Active)),
        ("fenced", fence(FenceState::Fenced { until: UNTIL })),
        ("sealed", fence(FenceState::Sealed)),
        ("gone", fence(FenceState::Gone)),
        ("refused", fence(FenceState::Refused)),
    ]
}

fn letter(fence: Fence) -> char {
    match fence.state {
        FenceState::Incoming => 'i',
        FenceState::Ready => 'y',
        FenceState::Active => 'a',
        FenceState::Fenced { .. } => 'f',
        FenceState::Sealed => 's',
        FenceState::Gone => 'g',
        FenceState::Refused => 'r',
    }
}

/// `expect`: the state after the event, from: nothing, incoming, ready, active, fenced,
/// sealed, gone, refused.
#[track_caller]
fn check_fence(event: FenceEvent, expect: &str) {
    let found: String = states()
        .into_iter()
        .map(|(_, fence)| fence::next(fence, event).map_or('.', letter))
        .collect();
    assert_eq!(found, expect, "{event:?}");
}

#[test]
fn fences_take_what_the_table_lists_and_nothing_else() {
    let lifecycle = Lifecycle::Active;
    let cases = |epoch| {
        [
            FenceEvent::Create { lifecycle, epoch },
            FenceEvent::Lifecycle { lifecycle, epoch },
            FenceEvent::Retire { epoch },
            FenceEvent::Receive { lifecycle, epoch },
            FenceEvent::Refuse { lifecycle, epoch },
        ]
    };
    // A newer epoch, and one that is not.
    let newer = ["a.......", "...aaa..", "...ggg..", "i.....ii", "rrr...rr"];
    let same = ["a.......", "........", "........", "i.......", "r......."];
    for (seq, expect) in [(8, newer), (7, same), (6, same)] {
        for (event, expect) in cases(epoch(seq)).into_iter().zip(expect) {
            check_fence(event, expect);
        }
    }
    let (lifecycle, epoch_8) = (Lifecycle::Gone, epoch(8));
    for (event, expect) in [
        (
            FenceEvent::Create {
                lifecycle,
                epoch: epoch_8,
            },
            "........",
        ),
        (
            FenceEvent::Lifecycle {
                lifecycle,
                epoch: epoch_8,
            },
            "...ggg..",
        ),
        (FenceEvent::Set { until: UNTIL }, "...f...."),
        (FenceEvent::Release, "....a..."),
        (
            FenceEvent::Expire {
                now: UnixMicros::new(999),
            },
            "........",
        ),
        (FenceEvent::Expire { now: UNTIL }, "....a..."),
        (FenceEvent::Seal, "....s..."),
        (FenceEvent::Freeze, "...ss..."),
        // An abort is at the epoch after the reserved one, and at no other.
        (FenceEvent::Abort { epoch: epoch_8 }, "........"),
        (FenceEvent::Abort { epoch: epoch(9) }, "...aaa.."),
        (FenceEvent::Abort { epoch: epoch(10) }, "........"),
        (FenceEvent::Complete, ".y......"),
        (FenceEvent::Activate { epoch: epoch(7) }, "..a....."),
        (FenceEvent::Activate { epoch: epoch(6) }, "........"),
        (FenceEvent::Activate { epoch: epoch_8 }, "........"),
    ] {
        check_fence(event, expect);
    }
}

#[test]
fn who_is_gone_for_good_does_not_come_back() {
    let gone = Fence {
        state: FenceState::Gone,
        lifecycle: Lifecycle::Gone,
        epoch: epoch(7),
    };
    let back = FenceEvent::Receive {
        lifecycle: Lifecycle::Active,
        epoch: epoch(8),
    };
    assert!(fence::next(Some(gone), back).is_err());
}

/// `reads` and `writes`: per state as above, `+` admitted, `n` not here, `s` stale, `f` fenced.
#[track_caller]
fn check_admission(at: u32, reads: &str, writes: &str) {
    let letter = |answer: Result<(), Denied>| match answer {
        Ok(()) => '+',
        Err(Denied::NotHere) => 'n',
        Err(Denied::StaleEpoch { .. }) => 's',
        Err(Denied::Fenced { .. }) => 'f',
        Err(Denied::NotWritable { .. }) => 'l',
    };
    let all = |admits: fn(Option<Fence>, Epoch) -> Result<(), Denied>| -> String {
        states()
            .into_iter()
            .map(|(_, fence)| letter(admits(fence, epoch(at))))
            .collect()
    };
    assert_eq!(
        (&*all(admits_read), &*all(admits_write)),
        (reads, writes),
        "at epoch {at}"
    );
}

#[test]
fn only_the_fences_own_epoch_is_admitted() {
    check_admission(6, "nnnsssnn", "nnnsssnn");
    check_admission(7, "nff+++nn", "nff+ffnn");
    check_admission(8, "nffsssnn", "nffsssnn");
}

#[test]
fn the_lifecycle_beside_the_state_stops_writes() {
    for lifecycle in Lifecycle::ALL {
        let fence = Some(Fence {
            state: FenceState::Active,
            lifecycle,
            epoch: epoch(7),
        });
        let written = matches!(
            lifecycle,
            Lifecycle::Provisioning | Lifecycle::Active | Lifecycle::Purging
        );
        assert_eq!(
            admits_write(fence, epoch(7)).is_ok(),
            written,
            "{lifecycle}"
        );
        assert_eq!(admits_read(fence, epoch(7)), Ok(()), "{lifecycle}");
    }
}

fn any_event() -> impl Strategy<Value = FenceEvent> {
    let lifecycle = proptest::sample::select(&Lifecycle::ALL[..]);
    let seq = 0..20_u32;
    (0..13_u8, lifecycle, seq, 0..2_000_i64).prop_map(|(kind, lifecycle, seq, time)| {
        let (epoch, time) = (epoch(seq), UnixMicros::new(time));
        match kind {
            0 => FenceEvent::Create { lifecycle, epoch },
            1 => FenceEvent::Lifecycle { lifecycle, epoch },
            2 => FenceEvent::Set { until: time },
            3 => FenceEvent::Release,
            4 => FenceEvent::Expire { now: time },
            5 => FenceEvent::Seal,
            6 => FenceEvent::Abort { epoch },
            7 => FenceEvent::Retire { epoch },
            8 => FenceEvent::Receive { lifecycle, epoch },
            9 => FenceEvent::Activate { epoch },
            10 => FenceEvent::Complete,
            11 => FenceEvent::Freeze,
            _ => FenceEvent::Refuse { lifecycle, epoch },
        }
    })
}

proptest! {
    /// Whatever happens to it, a fence's epoch never falls, and a write that it admits is one of its epoch.
    #[test]
    fn epochs_never_fall(events in proptest::collection::vec(any_event(), 1..60)) {
        let mut now: Option<Fence> = None;
        for event in events {
            if let Ok(after) = fence::next(now, event) {
                prop_assert!(now.is_none_or(|before| after.epoch >= before.epoch));
                now = Some(after);
            }
            for seq in 0..20 {
                if admits_write(now, epoch(seq)).is_ok() {
                    prop_assert_eq!(now.unwrap().epoch, epoch(seq));
                    prop_assert!(admits_read(now, epoch(seq)).is_ok());
                }
            }
        }
    }
}
