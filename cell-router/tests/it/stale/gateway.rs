//! What a gateway believes, and what it sends once more.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::join_all;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{Full, combinators::UnsyncBoxBody};
use tenancy_cell_router::{HintReader, HintRefused, Undone};
use tenancy_core::hop::HopSigner;
use tenancy_types::{Lookup as _, ManualClock, Placement, Route};
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

use super::world::{Body, Cell, CellService, Deed, Gateway, World, cell, placement, ring, tenant};

/// For minutes nobody tells the gateway anything but the cells.
#[tokio::test(start_paused = true)]
async fn a_gateway_that_was_left_behind_is_told_once() {
    let world = World::new();
    assert_eq!(world.gateway.post(1, "before").await.status, 200);
    world.flip(1);
    for at in 0..100 {
        let body = format!("{at}");
        let said = world.gateway.post(1, &body).await;
        assert_eq!((said.status, said.body), (200, body));
        world.clock.advance(Duration::from_secs(3));
    }
    let after: Vec<_> = (0..100).map(|at| at.to_string()).collect();
    assert_eq!(world.done(), [vec!["before".to_owned()], after]);
    let [one, two] = &world.cells;
    assert_eq!((one.arrived(), two.arrived()), (2, 100), "one detour");
    // Of other tenants nothing was learnt.
    assert_eq!(world.gateway.post(2, "x").await.status, 200);
    assert_eq!(one.state().done.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn writes_that_come_together_are_carried_out_once_each() {
    let world = World::new();
    world.flip(1);
    let bodies: Vec<_> = (0..50).map(|at| at.to_string()).collect();
    let said = join_all(bodies.iter().map(|body| world.gateway.post(1, body))).await;
    assert!(said.iter().all(|said| said.status == 200));
    let [one, mut two] = world.done();
    two.sort_by_key(|body| body.parse::<u32>().unwrap());
    assert_eq!((one, two), (vec![], bodies));
}

/// Answers 421 with these hints, and passes on what comes to the handler of nobody.
fn misdirecting(hints: Vec<HeaderValue>, asked: Arc<Mutex<usize>>) -> CellService {
    BoxCloneSyncService::new(service_fn(move |_: Request<Body>| {
        *asked.lock().unwrap() += 1;
        let mut answer = Response::new(String::from("elsewhere"));
        *answer.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        for hint in &hints {
            answer.headers_mut().append("tenancy-hint", hint.clone());
        }
        async { Ok(answer) }
    }))
}

/// A hint as cell `issuer` makes it, whose table says so.
async fn hint(
    issuer: u16,
    n: u32,
    says: Placement,
    secret: u8,
    clock: &ManualClock,
) -> HeaderValue {
    let cell = Cell::signing_with(issuer, secret, clock);
    cell.known.place(n, says);
    let mut request = Request::new(UnsyncBoxBody::new(Full::from("")));
    let asked = Route {
        tenant: tenant(n),
        placement: placement(issuer, says.epoch.seq() - 1),
    };
    let host = HeaderValue::try_from(format!("shop-{n}.example")).unwrap();
    request.headers_mut().insert("host", host);
    let token = HopSigner::new(ring(secret), clock.clone()).sign(asked);
    request.headers_mut().insert("tenancy-hop", token);
    let Ok(answer) = cell.service.oneshot(request).await;
    assert_eq!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
    answer.headers()["tenancy-hint"].clone()
}

/// A request to a cell that answers 421 with these hints: whether it was believed.
async fn is_believed(hints: Vec<HeaderValue>, clock: &ManualClock) -> bool {
    let (asked, other) = (Arc::default(), Cell::new(2, clock));
    other.known.place(1, placement(2, 5));
    let cells = [
        (cell(1), misdirecting(hints, Arc::clone(&asked))),
        (cell(2), other.service.clone()),
    ];
    let gateway = Gateway::new(cells, clock);
    gateway.known.place(1, placement(1, 3));
    let said = gateway.post(1, "body").await;
    assert_eq!(*asked.lock().unwrap(), 1);
    let knows = gateway.known.table.placement(tenant(1)).unwrap();
    if said.status == 200 {
        assert_eq!(other.state().done, ["body"]);
        assert_eq!(knows, placement(2, 5));
        return true;
    }
    said.is_unavailable("tenant_moved");
    assert_eq!(other.arrived(), 0);
    assert_eq!(knows, placement(1, 3), "nothing was learnt");
    assert_eq!(
        gateway.known.table.placement(tenant(2)),
        Some(placement(1, 1))
    );
    false
}

#[tokio::test(start_paused = true)]
async fn only_the_cell_that_was_asked_is_believed_about_the_tenant_that_was_asked_for() {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(3_600));
    let there = placement(2, 5);
    let good = hint(1, 1, there, 7, &clock).await;
    assert!(is_believed(vec![good.clone()], &clock).await);

    let forged = hint(1, 1, there, 8, &clock).await;
    let other_tenants = hint(1, 2, there, 7, &clock).await;
    let other_cells = hint(3, 1, there, 7, &clock).await;
    let older = hint(1, 1, placement(2, 2), 7, &clock).await;
    let equal = hint(1, 1, placement(2, 3), 7, &clock).await;
    let hop = HopSigner::new(ring(7), clock.clone()).sign(Route {
        tenant: tenant(1),
        placement: there,
    });
    let garbage = HeaderValue::from_static("garbage");
    let long = HeaderValue::try_from("A".repeat(10_000)).unwrap();
    for (name, hints) in [
        ("none", vec![]),
        ("forged", vec![forged]),
        ("another tenant's", vec![other_tenants]),
        ("another cell's", vec![other_cells]),
        ("older", vec![older]),
        ("of the same epoch", vec![equal]),
        ("two", vec![good.clone(), good.clone()]),
        ("a token of requests", vec![hop]),
        ("garbage", vec![garbage]),
        ("long", vec![long]),
    ] {
        assert!(!is_believed(hints, &clock).await, "{name}");
    }

    // Seen, and used again, later.
    clock.advance(Duration::from_secs(36));
    assert!(!is_believed(vec![good], &clock).await);
}

#[tokio::test(start_paused = true)]
async fn why_a_hint_is_not_believed_is_said() {
    let clock = ManualClock::default();
    clock.advance(Duration::from_secs(3_600));
    let reader = HintReader::new(ring(7), clock.clone());
    let asked = Route {
        tenant: tenant(1),
        placement: placement(1, 3),
    };
    let mut fields = http::HeaderMap::new();
    assert_eq!(reader.read(&fields, asked), Err(HintRefused::Missing));
    let there = placement(2, 5);
    let good = hint(1, 1, there, 7, &clock).await;
    fields.insert("tenancy-hint", good.clone());
    assert_eq!(reader.read(&fields, asked), Ok(there));
    fields.append("tenancy-hint", good);
    let several = Err(HintRefused::Several { count: 2 });
    assert_eq!(reader.read(&fields, asked), several);
    fields.insert("tenancy-hint", hint(1, 2, there, 7, &clock).await);
    let (asked_for, found) = (tenant(1), tenant(2));
    let foreign = Err(HintRefused::OtherTenant {
        asked: asked_for,
        found,
    });
    assert_eq!(reader.read(&fields, asked), foreign);
}

/// Each believes that the tenant is at the other.
#[tokio::test(start_paused = true)]
async fn two_cells_that_point_at_each_other_end_it() {
    let world = World::new();
    let [one, two] = &world.cells;
    one.known.place(1, placement(2, 2));
    two.known.place(1, placement(1, 3));
    world
        .gateway
        .post(1, "x")
        .await
        .is_unavailable("tenant_moved");
    assert_eq!((one.arrived(), two.arrived()), (1, 1));
    // And so does every further one, though what the second cell said was learnt.
    for more in 2..5 {
        world.gateway.post(1, "x").await;
        assert!(one.arrived() + two.arrived() <= 2 * more);
    }
    assert_eq!(world.done(), [vec![], Vec::<String>::new()]);
}

/// A cell refuses it unread, so all of it is still there.
#[tokio::test(start_paused = true)]
async fn a_large_body_that_nobody_read_follows() {
    let world = World::new();
    world.flip(1);
    let large = "x".repeat((64 << 10) + 1);
    assert_eq!(world.gateway.post(1, &large).await.status, 200);
    assert_eq!(world.done(), [vec![], vec![large]]);
}

/// What cannot be sent a second time is refused, and was carried out nowhere; the next one goes the right way.
#[tokio::test(start_paused = true)]
async fn a_large_body_that_was_read_is_not_sent_again() {
    for (length, is_kept) in [(64 << 10, true), ((64 << 10) + 1, false)] {
        let world = World::new();
        let [one, _] = &world.cells;
        one.state().deed = Deed::AtLeast(2);
        let large = "x".repeat(length);
        let late = {
            let known = one.known.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(500)).await;
                known.place(1, placement(1, 2));
            }
        };
        let (said, ()) = tokio::join!(world.gateway.post(1, &large), late);
        if is_kept {
            assert_eq!(said.status, 200);
        } else {
            said.is_unavailable("tenant_moved");
            assert!(one.state().done.is_empty());
            assert_eq!(world.gateway.post(1, &large).await.status, 200);
        }
        assert_eq!(one.state().done, [large]);
    }
}

#[tokio::test(start_paused = true)]
async fn reads_follow_too() {
    let world = World::new();
    world.flip(1);
    let said = world.gateway.ask("GET", "shop-1.example", "").await;
    assert_eq!(said.status, 200);
    assert_eq!(world.done(), [vec![], vec![String::new()]]);
}

/// A table that is about to know needs no hint.
#[tokio::test(start_paused = true)]
async fn without_a_hint_the_table_is_waited_for() {
    let clock = ManualClock::default();
    let (asked, other) = (Arc::default(), Cell::new(2, &clock));
    other.known.place(1, placement(2, 2));
    let cells = [
        (cell(1), misdirecting(vec![], Arc::clone(&asked))),
        (cell(2), other.service.clone()),
    ];
    let gateway = Gateway::new(cells, &clock);
    let late = {
        let known = gateway.known.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            known.place(1, placement(2, 2));
        }
    };
    let (said, ()) = tokio::join!(gateway.post(1, "x"), late);
    assert_eq!(said.status, 200);
    assert_eq!(other.state().done, ["x"]);
    assert_eq!(*asked.lock().unwrap(), 1);
}

/// It had done something: to send it again would do that twice.
#[tokio::test(start_paused = true)]
async fn what_was_half_done_is_not_sent_again() {
    let world = World::new();
    let [one, two] = &world.cells;
    one.state().deed = Deed::HalfDone;
    // The gateway would know where to send it.
    two.known.place(1, placement(2, 2));
    let late = {
        let known = world.gateway.known.clone();
        async move {
            tokio::task::yield_now().await;
            known.place(1, placement(2, 2));
        }
    };
    let (said, ()) = tokio::join!(world.gateway.post(1, "x"), late);
    assert_eq!(said.status, 503);
    assert_eq!(said.fields["retry-after"], "1");
    assert_eq!((one.arrived(), two.arrived()), (1, 0));
    assert_eq!(one.state().done, ["x"]);
}

/// The cell changed the lifecycle between its layer and its transaction, and hints at itself.
#[tokio::test(start_paused = true)]
async fn a_guard_that_knows_more_sends_it_to_the_same_cell_once_more() {
    let world = World::new();
    let [one, _] = &world.cells;
    one.state().deed = Deed::AtLeast(2);
    let late = {
        let known = one.known.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(500)).await;
            known.place(1, placement(1, 2));
        }
    };
    let (said, ()) = tokio::join!(world.gateway.post(1, "x"), late);
    assert_eq!(said.status, 200);
    let came = vec![(1, "x".to_owned()), (2, "x".to_owned())];
    assert_eq!(one.state().came, came);
    assert_eq!(one.state().done, ["x"]);
}

/// The cell's table does not learn what its fence knows.
#[tokio::test(start_paused = true)]
async fn a_guard_that_knows_more_than_anybody_ends_it() {
    let world = World::new();
    let [one, two] = &world.cells;
    one.state().deed = Deed::AtLeast(2);
    let said = world.gateway.post(1, "x").await;
    assert_eq!(said.status, 503);
    assert_eq!(said.fields["retry-after"], "1");
    assert_eq!((one.arrived(), two.arrived()), (1, 0));
    assert_eq!(one.state().done, Vec::<String>::new());
}

/// Fenced, then moved: the two layers together.
#[tokio::test(start_paused = true)]
async fn a_write_that_was_fenced_waits_and_follows_the_tenant() {
    let world = World::new();
    let [one, two] = &world.cells;
    one.state().deed = Deed::RefusedOnce(Undone::Fenced);
    let gateway = world.gateway.clone();
    let waiting = tokio::spawn(async move { gateway.post(1, "x").await });
    while one.state().came.is_empty() {
        tokio::task::yield_now().await;
    }
    world.flip(1);
    // It tries again after a while, at the old cell, which knows better by now.
    assert_eq!(waiting.await.unwrap().status, 200);
    assert_eq!(world.done(), [vec![], vec!["x".to_owned()]]);
    assert_eq!((one.arrived(), two.arrived()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_says_in_their_fields_stays_in_the_cell() {
    let world = World::new();
    let [one, _] = &world.cells;
    one.state().deed = Deed::Lies;
    let said = world.gateway.post(1, "x").await;
    assert_eq!((said.status, said.body.as_str()), (200, "x"));
    // Nor did anything wait for it.
    assert_eq!(one.arrived(), 1);
}

/// Somebody between them adds what the gateway did not say.
#[tokio::test(start_paused = true)]
async fn a_request_with_two_tokens_comes_to_no_handler() {
    let clock = ManualClock::default();
    let one = Cell::new(1, &clock);
    let stolen = HopSigner::new(ring(7), clock.clone()).sign(Route {
        tenant: tenant(2),
        placement: placement(1, 1),
    });
    let adds = one
        .service
        .clone()
        .map_request(move |mut request: Request<Body>| {
            let fields = request.headers_mut();
            fields.append("tenancy-hop", stolen.clone());
            request
        });
    let gateway = Gateway::new([(cell(1), BoxCloneSyncService::new(adds))], &clock);
    let said = gateway.post(1, "x").await;
    assert_eq!(said.status, 403);
    assert!(said.body.contains("hop_invalid"), "{said:?}");
    assert!(one.state().came.is_empty());
}

/// A gateway whose list of endpoints is wrong.
#[tokio::test(start_paused = true)]
async fn a_request_that_came_to_another_cell_than_was_meant_ends_as_unavailable() {
    let world = World::new();
    let [_, two] = &world.cells;
    let gateway = Gateway::new([(cell(1), two.service.clone())], &world.clock);
    gateway.post(1, "x").await.is_unavailable("tenant_moved");
    assert_eq!(two.arrived(), 1);
    assert!(two.state().came.is_empty());
}
