//! What may take the place of what is known.

use proptest::prelude::*;
use tenancy_types::{DirectoryId, History, Position, Revision, TenantId};

use super::super::{Guards, Refusal};
use crate::TableSize;

fn position((directory, incarnation, revision): (u128, u16, u64)) -> Position {
    let history = History {
        directory: DirectoryId::from_u128(directory),
        incarnation,
    };
    let revision = Revision::new(revision);
    Position { history, revision }
}

fn size(tenants: usize, names: usize) -> TableSize {
    TableSize { tenants, names }
}

fn name(verdict: Result<(), Refusal>) -> &'static str {
    match verdict {
        Ok(()) => "taken",
        Err(Refusal::Empty { .. }) => "empty",
        Err(Refusal::Shrunken { .. }) => "shrunken",
        Err(Refusal::Oversized { .. }) => "oversized",
        Err(Refusal::TooLarge { .. }) => "too large",
        Err(Refusal::TooHigh { .. }) => "too high",
        Err(Refusal::TooLong { .. }) => "too long",
        Err(Refusal::OtherDirectory { .. }) => "other directory",
        Err(Refusal::OlderIncarnation { .. }) => "older incarnation",
        Err(Refusal::OlderRevision { .. }) => "older revision",
        Err(Refusal::Frozen { .. }) => "frozen",
    }
}

#[test]
fn only_what_is_newer_and_of_the_same_directory_is_taken() {
    let known = (1, 2, 50);
    let cases = [
        ((1, 2, 50), "taken"),
        ((1, 2, 51), "taken"),
        ((1, 2, 49), "older revision"),
        // A new history counts anew.
        ((1, 3, 1), "taken"),
        ((1, 1, 99), "older incarnation"),
        ((2, 9, 99), "other directory"),
    ];
    for (offered, expect) in cases {
        let guards = Guards::default();
        let verdict = guards.judge_origin(Some(position(known)), position(offered));
        assert_eq!(name(verdict), expect, "{offered:?}");
        assert!(guards.judge_origin(None, position(offered)).is_ok());
    }
}

#[test]
fn a_table_neither_vanishes_nor_bursts() {
    let guards = Guards::default().with_slack(10).with_most(size(500, 5_000));
    let cases = [
        (None, size(0, 0), "taken"),
        (None, size(500, 5_000), "taken"),
        (None, size(501, 0), "too large"),
        (Some(size(0, 0)), size(0, 0), "taken"),
        (Some(size(0, 0)), size(10, 10), "taken"),
        (Some(size(0, 0)), size(11, 10), "oversized"),
        (Some(size(5, 9)), size(0, 0), "empty"),
        (Some(size(5, 9)), size(1, 0), "taken"),
        (Some(size(100, 200)), size(50, 100), "taken"),
        (Some(size(100, 200)), size(50, 99), "shrunken"),
        (Some(size(100, 200)), size(49, 100), "shrunken"),
        (Some(size(100, 200)), size(200, 400), "taken"),
        (Some(size(100, 200)), size(200, 401), "oversized"),
        (Some(size(400, 200)), size(501, 200), "too large"),
        (Some(size(usize::MAX, usize::MAX)), size(1, 1), "shrunken"),
    ];
    for (known, offered, expect) in cases {
        let verdict = guards.judge_size(known, offered);
        assert_eq!(name(verdict), expect, "{known:?} {offered:?}");
    }
    let tenant = |id| TenantId::new(id).unwrap();
    assert_eq!(name(guards.judge_tenant(tenant(500))), "taken");
    assert_eq!(name(guards.judge_tenant(tenant(501))), "too high");
    let guards = guards.with_most_bytes(7);
    assert_eq!(name(guards.judge_bytes(7)), "taken");
    assert_eq!(name(guards.judge_bytes(8)), "too long");
}

proptest! {
    /// What is refused while it is read would be refused at its end, too.
    #[test]
    fn growth_is_judged_early_as_at_the_end(
        known in prop::option::of((0..99_usize, 0..99_usize)),
        early in (0..300_usize, 0..300_usize),
        more in (0..300_usize, 0..300_usize),
    ) {
        let guards = Guards::default().with_slack(5);
        let known = known.map(|(tenants, names)| size(tenants, names));
        let whole = size(early.0 + more.0, early.1 + more.1);
        if guards.judge_growth(known, size(early.0, early.1)).is_err() {
            prop_assert_eq!(name(guards.judge_size(known, whole)), "oversized");
        }
    }
}
