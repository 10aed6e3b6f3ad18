use expect_test::expect;
use proptest::{prelude::*, sample::select};
use tenancy_migrate::{Event, Home, Phase, Refusal};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, TenantId};

fn placement(lifecycle: Lifecycle, epoch: u32) -> Placement {
    Placement::new(CellId::new(1).unwrap(), lifecycle, Epoch::new(0, epoch))
}

fn home() -> Home {
    Home {
        tenant: TenantId::new(7).unwrap(),
        placement: placement(Lifecycle::Provisioning, 1),
    }
}

fn refusal() -> Refusal {
    Refusal::SlugTaken {
        slug: "garden".parse().unwrap(),
    }
}

fn phases() -> Vec<Phase> {
    vec![
        Phase::Started,
        Phase::Created(home()),
        Phase::Fenced(home()),
        Phase::Seeded(home()),
        Phase::Published(home()),
        Phase::Ready(home()),
        Phase::Unwinding(home(), refusal()),
        Phase::Retracted(home(), refusal()),
        Phase::Refused(refusal()),
    ]
}

fn events() -> Vec<Event> {
    vec![
        Event::Created(home()),
        Event::Refused(refusal()),
        Event::Fenced,
        Event::Seeded,
        Event::Published(placement(Lifecycle::Active, 2)),
        Event::Opened,
        Event::Retracted(placement(Lifecycle::Gone, 2)),
        Event::Cleared,
    ]
}

/// The whole table: every pair that it lists, and no other.
#[test]
fn the_table() {
    let mut table = String::new();
    for phase in phases() {
        for event in events() {
            if let Ok(next) = phase.clone().next(event.clone()) {
                let event = event.to_string();
                let event = event.split(' ').next().unwrap();
                table += &format!("{} + {event} = {}\n", phase.as_str(), next.as_str());
            }
        }
    }
    expect![[r#"
        started + created = created
        started + refused = refused
        created + fenced = fenced
        fenced + refused = unwinding
        fenced + seeded = seeded
        seeded + published = published
        published + opened = ready
        unwinding + retracted = retracted
        retracted + cleared = refused
    "#]]
    .assert_eq(&table);
}

#[test]
fn a_rejection_says_what_met_what() {
    let rejected = Phase::Ready(home()).next(Event::Fenced).unwrap_err();
    assert_eq!(
        rejected.to_string(),
        "a tenant in phase ready does not take the event \"fenced\""
    );
}

/// What stands in journals must be understood for ever.
#[test]
fn events_are_written_so() {
    let domain = tenancy_types::DomainName::from_normalised("garden.example").unwrap();
    let more = [
        Event::Refused(Refusal::DomainTaken { domain }),
        Event::Refused(Refusal::Invalid {
            reason: "no currency XYZ".into(),
        }),
    ];
    let lines: Vec<_> = events()
        .into_iter()
        .chain(more)
        .map(|event| event.to_string())
        .collect();
    expect![[r#"
        created 7 cell-1 provisioning 0.1
        refused slug_taken garden
        fenced
        seeded
        published cell-1 active 0.2
        opened
        retracted cell-1 gone 0.2
        cleared
        refused domain_taken garden.example
        refused invalid no currency XYZ"#]]
    .assert_eq(&lines.join("\n"));
}

#[test]
fn what_is_no_event_is_refused() {
    for bad in [
        "",
        "fence",
        "fenced ",
        "fenced twice",
        "created",
        "created 0 cell-1 active 0.1",
        "created 7 cell-1 active",
        "created 7 cell-1 active 0.1 more",
        "published cell-0 active 0.1",
        "published cell-1 busy 0.1",
        "refused",
        "refused slug_taken Garden",
        "refused domain_taken ..",
        "refused unheard_of x",
    ] {
        let error = bad.parse::<Event>().unwrap_err();
        assert_eq!(*error.found, *bad);
    }
}

proptest! {
    #[test]
    fn events_survive_the_journal(event in event()) {
        prop_assert_eq!(event.to_string().parse::<Event>().unwrap(), event);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-z]{0,12} ?.{0,30}") {
        if let Ok(event) = text.parse::<Event>() {
            prop_assert_eq!(event.to_string(), text);
        }
    }

    /// From any phase, any events in any order: once refused or ready, for ever so.
    #[test]
    fn the_last_phases_are_last(phase in select(phases()), event in select(events())) {
        if matches!(phase, Phase::Ready(_) | Phase::Refused(_)) {
            prop_assert!(phase.next(event).is_err());
        }
    }
}

fn event() -> impl Strategy<Value = Event> {
    let placement = (
        1_u16..=4095,
        select(Lifecycle::ALL.to_vec()),
        any::<u16>(),
        any::<u32>(),
    )
        .prop_map(|(cell, lifecycle, incarnation, seq)| {
            Placement::new(
                CellId::new(cell).unwrap(),
                lifecycle,
                Epoch::new(incarnation, seq),
            )
        });
    prop_oneof![
        select(events()),
        (1..=u32::MAX, placement.clone()).prop_map(|(tenant, placement)| {
            let tenant = TenantId::new(tenant).unwrap();
            Event::Created(Home { tenant, placement })
        }),
        placement.clone().prop_map(Event::Published),
        placement.prop_map(Event::Retracted),
        ".*".prop_map(|reason: String| Event::Refused(Refusal::Invalid {
            reason: reason.into()
        })),
        "[a-z0-9](-?[a-z0-9]){0,20}".prop_map(|slug| Event::Refused(Refusal::SlugTaken {
            slug: slug.parse().unwrap()
        })),
    ]
}
