use proptest::prelude::*;

use super::*;

fn tenant(id: u32) -> Party {
    Some(TenantId::new(id).unwrap())
}

/// Everybody who is let in, in order.
fn let_in(turns: &mut Turns<u32>) -> Vec<(u32, u32)> {
    std::iter::from_fn(|| turns.next(|_| true))
        .map(|(party, ticket)| (party.unwrap().get(), ticket))
        .collect()
}

#[test]
fn a_hundred_writers_of_one_tenant_do_not_delay_another() {
    let mut turns = Turns::new(1);
    for ticket in 0..100 {
        turns.ask(tenant(1), 200, ticket);
    }
    assert_eq!(let_in(&mut turns), [(1, 0)]);
    turns.ask(tenant(2), 200, 1_000);
    assert_eq!(let_in(&mut turns), []);
    // Only the transaction that was running comes before it.
    turns.give_back(tenant(1));
    assert_eq!(let_in(&mut turns), [(2, 1_000)]);
    turns.give_back(tenant(2));
    assert_eq!(let_in(&mut turns), [(1, 1)]);
}

#[test]
fn tenants_take_turns() {
    let mut turns = Turns::new(1);
    for ticket in 0..3 {
        for id in 1..=3 {
            turns.ask(tenant(id), 4, ticket);
        }
    }
    let mut order = Vec::new();
    while let Some((id, _)) = turns.next(|_| true) {
        order.push(id.unwrap().get());
        turns.give_back(id);
    }
    assert_eq!(order, [1, 2, 3, 1, 2, 3, 1, 2, 3]);
}

#[test]
fn a_tenant_holds_no_more_than_its_limit_and_a_raised_limit_counts_at_once() {
    let mut turns = Turns::new(8);
    for ticket in 0..5 {
        turns.ask(tenant(1), 2, ticket);
    }
    assert_eq!(let_in(&mut turns), [(1, 0), (1, 1)]);
    turns.ask(tenant(1), 4, 5);
    assert_eq!(let_in(&mut turns), [(1, 2), (1, 3)]);
}

#[test]
fn who_has_gone_away_is_not_counted() {
    let mut turns = Turns::new(1);
    for ticket in 0..4 {
        turns.ask(tenant(1), 9, ticket);
    }
    assert_eq!(let_in(&mut turns), [(1, 0)]);
    assert_eq!(turns.waiting(tenant(1), |ticket| *ticket == 3), 1);
    assert_eq!(turns.waiting(tenant(2), |_| true), 0);
    turns.give_back(tenant(1));
    assert_eq!(let_in(&mut turns), [(1, 3)]);
}

/// Past bug: a connection for somebody who had gone counted as one that the tenant had, and it was last again.
#[test]
fn who_has_gone_away_costs_its_tenant_no_turn() {
    let mut turns = Turns::new(1);
    turns.ask(tenant(3), 9, 30);
    assert_eq!(let_in(&mut turns), [(3, 30)]);
    for (id, ticket) in [(1, 10), (1, 11), (2, 20)] {
        turns.ask(tenant(id), 9, ticket);
    }
    turns.give_back(tenant(3));
    let next = turns.next(|ticket| *ticket != 10);
    assert_eq!(next, Some((tenant(1), 11)), "it has waited longer than 2");
    turns.give_back(tenant(1));
    assert_eq!(turns.next(|ticket| *ticket != 20), None);
    assert!(turns.lines.is_empty() && turns.eligible.is_empty());
    assert_eq!(turns.free, 1);
}

proptest! {
    /// Never more than there are, never more than a tenant may hold, nobody waits beside a free connection
    /// that it may have, and in the end everybody was served once and nothing is remembered.
    #[test]
    fn connections_are_shared_fairly_and_none_is_lost(
        connections in 1..5_usize,
        limits in proptest::collection::vec(1..4_u16, 4),
        steps in proptest::collection::vec((0..6_u8, 0..4_u32), 1..200),
    ) {
        let mut turns = Turns::new(connections);
        let mut held: Vec<u32> = Vec::new();
        let (mut asked, mut served) = (0_u32, Vec::new());
        let limit = |id: u32| limits[id as usize - 1];
        for (step, id) in steps {
            let id = id + 1;
            if step < 4 {
                turns.ask(tenant(id), limit(id), asked);
                asked += 1;
            } else if !held.is_empty() {
                let id = held.swap_remove(step as usize * id as usize % held.len());
                turns.give_back(tenant(id));
            }
            for (id, ticket) in let_in(&mut turns) {
                held.push(id);
                served.push(ticket);
            }
            prop_assert!(held.len() <= connections);
            for id in 1..=4 {
                let holds = held.iter().filter(|held| **held == id).count();
                prop_assert!(holds <= usize::from(limit(id)));
                let waits = turns.waiting(tenant(id), |_| true) > 0;
                prop_assert!(!waits || held.len() == connections || holds == usize::from(limit(id)));
            }
        }
        while let Some(id) = held.pop() {
            turns.give_back(tenant(id));
            for (id, ticket) in let_in(&mut turns) {
                held.push(id);
                served.push(ticket);
            }
        }
        served.sort_unstable();
        prop_assert_eq!(served, (0..asked).collect::<Vec<_>>());
        prop_assert!(turns.lines.is_empty() && turns.eligible.is_empty());
        prop_assert_eq!(turns.free, connections);
    }
}

proptest! {
    /// Who takes the short way is let in exactly when the line would have let it in, and changes nothing for
    /// those who come later.
    #[test]
    fn the_short_way_is_the_line_without_waiting(
        connections in 1..5_usize,
        steps in proptest::collection::vec((0..6_u8, 0..4_u32, 0..4_u16), 1..200),
    ) {
        let (mut line, mut short) = (Turns::new(connections), Turns::new(connections));
        let mut held: Vec<u32> = Vec::new();
        for (ticket, (step, id, limit)) in (0..).zip(steps) {
            let id = id + 1;
            let (mut by_line, mut by_short) = (Vec::new(), Vec::new());
            if step < 4 {
                line.ask(tenant(id), limit, ticket);
                if short.at_once(tenant(id), limit) {
                    by_short.push((id, ticket));
                } else {
                    short.ask(tenant(id), limit, ticket);
                }
            } else if !held.is_empty() {
                let id = held.swap_remove(step as usize * id as usize % held.len());
                line.give_back(tenant(id));
                short.give_back(tenant(id));
            }
            by_line.extend(let_in(&mut line));
            by_short.extend(let_in(&mut short));
            prop_assert_eq!(&by_line, &by_short);
            held.extend(by_line.iter().map(|(id, _)| id));
        }
        prop_assert_eq!(line.free, short.free);
    }
}
