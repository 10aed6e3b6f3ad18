use expect_test::expect;
use proptest::{prelude::*, sample::select};
use tenancy_migrate::{Deletion, PurgeEvent, PurgePhase, PurgeReceipt, TableCounts};
use tenancy_types::{Lifecycle, UnixMicros};

use crate::purge_world::{counts, home};

const NOW: UnixMicros = UnixMicros::new(9);

fn deletion() -> Deletion {
    Deletion {
        home: home(Lifecycle::Purging, 6),
        began: UnixMicros::new(5),
        rows: counts([("product", 10)]),
    }
}

fn phases() -> Vec<PurgePhase> {
    let receipt = PurgeReceipt {
        tenant: deletion().home.tenant,
        epoch: deletion().home.placement.epoch,
        began: deletion().began,
        ended: NOW,
        rows: deletion().rows,
    };
    vec![
        PurgePhase::Started,
        PurgePhase::Checked,
        PurgePhase::Begun(deletion()),
        PurgePhase::Fenced(deletion()),
        PurgePhase::Settled(deletion()),
        PurgePhase::Counted(deletion()),
        PurgePhase::Emptied(deletion()),
        PurgePhase::Proven(deletion()),
        PurgePhase::Retracted(deletion()),
        PurgePhase::Closed(deletion()),
        PurgePhase::Purged(receipt),
        PurgePhase::Reopened(deletion()),
        PurgePhase::Readied(deletion()),
        PurgePhase::Filled(deletion().home),
        PurgePhase::Published(deletion().home),
        PurgePhase::Refilled(deletion().home),
        PurgePhase::Overtaken,
        PurgePhase::Refused("archive_invalid".into()),
    ]
}

fn events() -> Vec<PurgeEvent> {
    vec![
        PurgeEvent::Checked,
        PurgeEvent::Refused("archive_invalid".into()),
        PurgeEvent::Begun(home(Lifecycle::Purging, 6)),
        PurgeEvent::Overtaken,
        PurgeEvent::Fenced,
        PurgeEvent::Settled,
        PurgeEvent::Counted(counts([("product", 10), ("variant", 20)])),
        PurgeEvent::Emptied,
        PurgeEvent::Proven,
        PurgeEvent::Left(counts([("product", 1)])),
        PurgeEvent::Retracted(home(Lifecycle::Gone, 7).placement),
        PurgeEvent::Closed,
        PurgeEvent::Forgotten,
        PurgeEvent::Reopened(home(Lifecycle::Provisioning, 7).placement),
        PurgeEvent::Readied,
        PurgeEvent::Abandoned,
        PurgeEvent::Filled,
        PurgeEvent::Published(home(Lifecycle::Active, 8).placement),
        PurgeEvent::Opened,
    ]
}

/// The whole table: every pair that it lists, and no other.
#[test]
fn the_table() {
    let mut table = String::new();
    for phase in phases() {
        for event in events() {
            if let Ok(next) = phase.clone().next(event.clone(), NOW) {
                let event = event.to_string();
                let event = event.split(' ').next().unwrap();
                table += &format!("{} + {event} = {}\n", phase.as_str(), next.as_str());
            }
        }
    }
    expect![[r#"
        started + checked = checked
        started + refused = refused
        started + begun = begun
        started + overtaken = overtaken
        checked + begun = begun
        checked + overtaken = overtaken
        begun + fenced = fenced
        fenced + settled = settled
        settled + counted = counted
        counted + emptied = emptied
        emptied + proven = proven
        emptied + left = counted
        proven + retracted = retracted
        proven + reopened = reopened
        retracted + closed = closed
        closed + forgotten = purged
        reopened + readied = readied
        readied + abandoned = fenced
        readied + filled = filled
        filled + published = published
        published + opened = refilled
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_rejection_says_what_met_what() {
    let rejected = PurgePhase::Proven(deletion()).next(PurgeEvent::Opened, NOW);
    assert_eq!(
        rejected.unwrap_err().to_string(),
        "a purge in phase proven does not take the event \"opened\""
    );
}

/// What stands in journals must be understood for ever.
#[test]
fn events_are_written_so() {
    let lines: Vec<_> = events().iter().map(ToString::to_string).collect();
    expect![[r#"
        checked
        refused archive_invalid
        begun 7 cell-1 purging 0.6
        overtaken
        fenced
        settled
        counted product=10 variant=20
        emptied
        proven
        left product=1
        retracted cell-1 gone 0.7
        closed
        forgotten
        reopened cell-1 provisioning 0.7
        readied
        abandoned
        filled
        published cell-1 active 0.8
        opened"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn what_is_no_event_is_refused() {
    for bad in [
        "",
        "fence",
        "fenced ",
        "fenced twice",
        "refused",
        "refused ",
        "begun",
        "begun 0 cell-1 purging 0.6",
        "begun 7 cell-1 purging",
        "counted",
        "counted ",
        "counted product",
        "counted =1",
        "counted product=-1",
        "counted product=01",
        "counted variant=1 product=1",
        "counted product=1 product=1",
        "left product=1  variant=2",
        "retracted cell-1 gone 0.7 more",
    ] {
        let error = bad.parse::<PurgeEvent>().unwrap_err();
        assert_eq!(*error.found, *bad);
    }
}

proptest! {
    #[test]
    fn events_survive_the_journal(
        event in select(events()), rows in prop::collection::btree_map("[a-z_][a-z0-9_]{0,5}", any::<u64>(), 0..4),
    ) {
        prop_assert_eq!(&event.to_string().parse::<PurgeEvent>().unwrap(), &event);
        let rows: TableCounts = rows.into_iter().map(|(table, rows)| (table.into(), rows)).collect();
        for event in [PurgeEvent::Counted(rows.clone()), PurgeEvent::Left(rows)] {
            prop_assert_eq!(&event.to_string().parse::<PurgeEvent>().unwrap(), &event);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(refused|begun|counted|left|proven)? ?[a-z0-9= .-]{0,30}") {
        if let Ok(event) = text.parse::<PurgeEvent>() {
            prop_assert_eq!(event.to_string(), text);
        }
    }

    /// Rows are never in the receipt more or less often than they were counted.
    #[test]
    fn a_receipt_has_all_that_was_counted(left in prop::collection::vec(1..100_u64, 0..5)) {
        let mut phase = PurgePhase::Settled(Deletion { rows: TableCounts::default(), ..deletion() });
        let mut events = vec![PurgeEvent::Counted(counts([("product", 10)])), PurgeEvent::Emptied];
        for rows in &left {
            events.extend([PurgeEvent::Left(counts([("product", *rows)])), PurgeEvent::Emptied]);
        }
        let gone = PurgeEvent::Retracted(home(Lifecycle::Gone, 7).placement);
        events.extend([PurgeEvent::Proven, gone, PurgeEvent::Closed, PurgeEvent::Forgotten]);
        for event in events {
            phase = phase.next(event, NOW).unwrap();
        }
        let PurgePhase::Purged(receipt) = phase else { panic!("{phase:?}") };
        prop_assert_eq!(receipt.rows.total(), 10 + left.iter().sum::<u64>());
        prop_assert_eq!((receipt.began, receipt.ended), (deletion().began, NOW));
    }
}
