use std::time::Duration;

use proptest::{collection::vec, prelude::*};

use super::*;

const PROBE: u64 = 250_000_000;

fn limits() -> ParkingLimits {
    ParkingLimits {
        requests: 20,
        bytes: 1_000,
        tenant_percent: 50,
        largest_body: 300,
        patience: Duration::from_secs(5),
        probe_every: Duration::from_nanos(PROBE),
        at_once: 3,
    }
}

fn tenant(n: u32) -> TenantId {
    TenantId::new(n).unwrap()
}

fn epoch(seq: u32) -> Epoch {
    Epoch::new(0, seq)
}

/// A lot in which so many requests of tenant 1 wait since 0.
fn lot(requests: usize) -> (Lot, Vec<Ticket>) {
    let mut lot = Lot::new(limits());
    let enter = |_| lot.enter(tenant(1), 10, epoch(1), Nanos::new(0)).unwrap();
    let tickets = (0..requests).map(enter).collect();
    (lot, tickets)
}

#[test]
fn one_at_a_time_finds_out_whether_the_fence_still_stands() {
    let (mut lot, tickets) = lot(3);
    let due = |lot: &mut Lot, now| lot.due(tenant(1), Nanos::new(now));
    assert_eq!(due(&mut lot, PROBE - 1), []);
    assert_eq!(due(&mut lot, PROBE), tickets[..1]);
    assert_eq!(due(&mut lot, PROBE * 9), [], "it has no answer yet");
    lot.fenced(tickets[0], epoch(1), Nanos::new(PROBE * 9));
    assert_eq!(due(&mut lot, PROBE * 10 - 1), []);
    // It has kept its place.
    assert_eq!(due(&mut lot, PROBE * 10), tickets[..1]);
    lot.served(tickets[0]);
    assert_eq!(due(&mut lot, PROBE * 10), tickets[1..]);
}

#[test]
fn a_newer_epoch_lets_a_few_at_a_time_go() {
    let (mut lot, tickets) = lot(8);
    lot.lives(tenant(1), epoch(1));
    assert_eq!(
        lot.due(tenant(1), Nanos::new(1)),
        [],
        "the same epoch says nothing"
    );
    lot.lives(tenant(1), epoch(2));
    assert_eq!(lot.due(tenant(1), Nanos::new(1)), tickets[..3]);
    assert_eq!(lot.due(tenant(1), Nanos::new(1)), []);
    lot.served(tickets[1]);
    assert_eq!(lot.due(tenant(1), Nanos::new(1)), tickets[3..4]);
    // The target is fenced, too: the next move has begun.
    lot.fenced(tickets[2], epoch(2), Nanos::new(1));
    lot.fenced(tickets[0], epoch(1), Nanos::new(1));
    assert_eq!(lot.due(tenant(1), Nanos::new(PROBE)), []);
    lot.lives(tenant(1), epoch(2));
    lot.served(tickets[3]);
    let go = lot.due(tenant(1), Nanos::new(1));
    assert_eq!(go, [tickets[0], tickets[2], tickets[4]], "in their order");
}

#[test]
fn one_tenant_takes_no_more_than_its_share() {
    let (mut lot, tickets) = lot(10);
    let now = Nanos::new(0);
    assert_eq!(lot.enter(tenant(1), 1, epoch(1), now), Err(Full));
    let other = lot.enter(tenant(2), 700, epoch(1), now);
    assert!(other.is_ok(), "one always may, also beyond its share");
    assert_eq!(lot.enter(tenant(2), 1, epoch(1), now), Err(Full));
    assert_eq!(
        lot.enter(tenant(3), 201, epoch(1), now),
        Err(Full),
        "of all bytes"
    );
    lot.leave(tickets[4]);
    assert!(lot.enter(tenant(1), 1, epoch(1), now).is_ok());
}

/// What happens to a lot.
#[derive(Clone, Copy, Debug)]
enum Act {
    Enter(u32, usize),
    Wait(u64),
    Served(usize),
    Fenced(usize, u32),
    Leave(usize),
    Lives(u32, u32),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (1..4_u32, 0..300_usize).prop_map(|(tenant, bytes)| Act::Enter(tenant, bytes)),
        3 => (0..PROBE * 2).prop_map(Act::Wait),
        2 => any::<usize>().prop_map(Act::Served),
        2 => (any::<usize>(), 1..5_u32).prop_map(|(at, epoch)| Act::Fenced(at, epoch)),
        1 => any::<usize>().prop_map(Act::Leave),
        1 => (1..4_u32, 1..5_u32).prop_map(|(tenant, epoch)| Act::Lives(tenant, epoch)),
    ]
}

proptest! {
    /// Nobody is lost or let go twice, the bounds hold, requests that never went go in their order, and in the end, when the
    /// tenants can be written to, all go.
    #[test]
    fn bounds_hold_and_all_go_in_the_end(acts in vec(act(), 1..200)) {
        let mut lot = Lot::new(limits());
        let mut now = Nanos::new(1);
        // Those inside, with whether they are let go at present.
        let mut inside: Vec<(Ticket, usize, bool)> = Vec::new();
        for act in acts {
            match act {
                Act::Enter(id, bytes) => {
                    let theirs = inside.iter().filter(|(ticket, ..)| ticket.tenant == tenant(id));
                    let (count, sum) = theirs.fold((0, 0), |(n, sum), (_, bytes, _)| (n + 1, sum + bytes));
                    let all: usize = inside.iter().map(|(_, bytes, _)| bytes).sum();
                    let fits = inside.len() < 20
                        && all + bytes <= 1_000
                        && (count == 0 || (count < 10 && sum + bytes <= 500));
                    let entered = lot.enter(tenant(id), bytes, epoch(1), now);
                    prop_assert_eq!(entered.is_ok(), fits);
                    inside.extend(entered.ok().map(|ticket| (ticket, bytes, false)));
                }
                Act::Wait(nanos) => now = now.after(Duration::from_nanos(nanos)),
                Act::Served(at) | Act::Fenced(at, _) | Act::Leave(at) if !inside.is_empty() => {
                    let at = at % inside.len();
                    let (ticket, _, is_out) = inside[at];
                    match act {
                        Act::Served(_) if is_out => {
                            lot.served(ticket);
                            inside.remove(at);
                        }
                        Act::Fenced(_, seq) if is_out => {
                            lot.fenced(ticket, epoch(seq), now);
                            inside[at].2 = false;
                        }
                        Act::Leave(_) => {
                            lot.leave(ticket);
                            inside.remove(at);
                        }
                        _ => {}
                    }
                }
                Act::Lives(id, seq) => lot.lives(tenant(id), epoch(seq)),
                Act::Served(_) | Act::Fenced(..) | Act::Leave(_) => {}
            }
            for id in 1..4 {
                let due = lot.due(tenant(id), now);
                for ticket in due {
                    let earlier = |(other, _, is_out): &(Ticket, usize, bool)| {
                        other.tenant == ticket.tenant && other.number < ticket.number && !is_out
                    };
                    prop_assert!(!inside.iter().any(earlier), "out of turn");
                    let it = inside.iter_mut().find(|(other, ..)| *other == ticket).unwrap();
                    prop_assert!(!std::mem::replace(&mut it.2, true), "let go twice");
                }
                let out = inside.iter().filter(|(ticket, _, is_out)| *is_out && ticket.tenant == tenant(id));
                prop_assert!(out.count() <= 3);
            }
            let bytes = inside.iter().map(|(_, bytes, _)| bytes).sum();
            let status = lot.status();
            prop_assert_eq!((status.requests, status.bytes), (inside.len(), bytes));
        }
        for id in 1..4 {
            lot.lives(tenant(id), epoch(9));
            while lot.has(tenant(id)) {
                let due = lot.due(tenant(id), now);
                for ticket in due {
                    inside.iter_mut().find(|(other, ..)| *other == ticket).unwrap().2 = true;
                }
                let at = inside.iter().position(|(ticket, _, is_out)| *is_out && ticket.tenant == tenant(id));
                let (ticket, ..) = inside.remove(at.expect("nobody goes, and somebody waits"));
                lot.served(ticket);
            }
        }
        prop_assert_eq!(lot.status(), ParkingStatus::default());
    }
}
