//! What a cell serves, by its own table.

use std::time::Duration;

use http::{HeaderValue, Request, StatusCode};
use http_body_util::{Full, combinators::UnsyncBoxBody};
use tenancy_core::hop::HopSigner;
use tenancy_types::{ManualClock, Placement, Route};
use tower::ServiceExt;

use super::world::{Cell, cell, placement, ring, tenant};

/// What a request gets that a gateway has brought with this claim: the status, and the code or the epoch that the handler
/// saw.
async fn ask(
    cell: &Cell,
    clock: &ManualClock,
    host: &str,
    claim: (u32, Placement),
) -> (u16, String) {
    let mut request = Request::new(UnsyncBoxBody::new(Full::from("x")));
    let host = HeaderValue::try_from(host).unwrap();
    request.headers_mut().insert("host", host);
    let (tenant, placement) = (tenant(claim.0), claim.1);
    let token = HopSigner::new(ring(7), clock.clone()).sign(Route { tenant, placement });
    request.headers_mut().insert("tenancy-hop", token);
    let Ok(answer) = cell.service.clone().oneshot(request).await;
    let has_hint = answer.headers().contains_key("tenancy-hint");
    let code = answer.body().split("\"code\":\"").nth(1);
    let code = code
        .and_then(|rest| rest.split('"').next())
        .map(str::to_owned);
    let epoch = || cell.state().came.last().unwrap().0.to_string();
    let said = code.unwrap_or_else(epoch);
    let is_redirect = answer.status() == StatusCode::MISDIRECTED_REQUEST && said != "misdirected";
    assert_eq!(has_hint, is_redirect, "{said}");
    (answer.status().as_u16(), said)
}

fn said(status: u16, text: &str) -> (u16, String) {
    (status, text.to_owned())
}

const SHOP: &str = "shop-1.example";

#[tokio::test(start_paused = true)]
async fn a_tenant_that_lives_here_is_served_with_what_the_cell_knows() {
    let clock = ManualClock::default();
    let here = Cell::new(1, &clock);
    let told = (1, placement(1, 1));
    assert_eq!(ask(&here, &clock, SHOP, told).await, said(200, "1"));
    // Suspended and resumed, and the gateway has not heard of it.
    here.known.place(1, placement(1, 3));
    assert_eq!(ask(&here, &clock, SHOP, told).await, said(200, "3"));
    here.known.place(1, placement(2, 4));
    assert_eq!(
        ask(&here, &clock, SHOP, told).await,
        said(421, "tenant_not_here")
    );
    assert_eq!(here.state().came.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cell_that_is_behind_catches_up_or_gives_up() {
    let clock = ManualClock::default();
    let here = Cell::new(1, &clock);
    let told = (1, placement(1, 2));
    let began = tokio::time::Instant::now();
    let answer = ask(&here, &clock, SHOP, told).await;
    assert_eq!(answer, said(503, "cell_behind"));
    assert_eq!(began.elapsed(), Duration::from_secs(1));
    for (known, expect) in [
        (placement(1, 2), said(200, "2")),
        (placement(2, 3), said(421, "tenant_not_here")),
    ] {
        let told = (1, placement(1, known.epoch.seq()));
        let late = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            here.known.place(1, known);
        };
        let (answer, ()) = tokio::join!(ask(&here, &clock, SHOP, told), late);
        let sooner = if known.cell == cell(1) {
            expect
        } else {
            said(503, "cell_behind")
        };
        assert_eq!(answer, sooner, "{known:?}");
    }
}

/// Whoever heard of a newer epoch serves it to nobody, also not to those who know less.
#[tokio::test(start_paused = true)]
async fn what_was_heard_holds_for_all() {
    let clock = ManualClock::default();
    let here = Cell::new(1, &clock);
    let (old, new) = ((1, placement(1, 1)), (1, placement(1, 2)));
    assert_eq!(ask(&here, &clock, SHOP, old).await, said(200, "1"));
    assert_eq!(
        ask(&here, &clock, SHOP, new).await,
        said(503, "cell_behind")
    );
    assert_eq!(
        ask(&here, &clock, SHOP, old).await,
        said(503, "cell_behind")
    );
    // Others are not concerned.
    let other = (2, placement(1, 1));
    assert_eq!(
        ask(&here, &clock, "shop-2.example", other).await,
        said(200, "1")
    );
    here.known.place(1, placement(1, 2));
    assert_eq!(ask(&here, &clock, SHOP, old).await, said(200, "2"));
}

/// Two tables would both have to take the host for another's.
#[tokio::test(start_paused = true)]
async fn the_host_is_looked_up_again() {
    let clock = ManualClock::default();
    let here = Cell::new(1, &clock);
    let told = (1, placement(1, 1));
    for host in ["shop-2.example", "10.0.0.1", "shop-2.example:8080"] {
        let answer = ask(&here, &clock, host, told).await;
        assert_eq!(answer, said(421, "misdirected"), "{host}");
    }
    assert_eq!(
        ask(&here, &clock, "no host", told).await,
        said(400, "invalid_request")
    );
    // Not known yet is not the same as not there.
    let answer = ask(&here, &clock, "new.example", told).await;
    assert_eq!(answer, said(503, "cell_behind"));
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        here.known.name(1, "new.example");
    };
    let (answer, ()) = tokio::join!(ask(&here, &clock, "new.example", told), late);
    assert_eq!(answer, said(200, "1"));
    assert_eq!(here.state().came.len(), 1, "and none of the others");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_a_claim_is_refused() {
    let clock = ManualClock::default();
    let here = Cell::new(1, &clock);
    let mut request = Request::new(UnsyncBoxBody::new(Full::from("x")));
    request
        .headers_mut()
        .insert("host", HeaderValue::from_static(SHOP));
    let Ok(answer) = here.service.clone().oneshot(request).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(here.state().came.is_empty());
}
