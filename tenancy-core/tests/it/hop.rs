//! Between gateway and cell: what a cell believes of a request, and what not.

use std::{convert::Infallible, time::Duration};

use http::{HeaderValue, Request, Response, StatusCode};
use tenancy_core::{
    hop::{HEADER, HopClaim, HopRefused, HopSignLayer, HopSigner, HopVerifier, HopVerifyLayer},
    keys::{Keyring, LiveKeyring, SecretKey},
    types::{
        CellId, Clock as _, Epoch, Lifecycle, ManualClock, Placement, ProblemJson, Respond as _,
        Route, TenantId,
    },
};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn cell(n: u16) -> CellId {
    CellId::new(n).unwrap()
}

fn route(tenant: u32, at: u16) -> Route {
    Route {
        tenant: TenantId::new(tenant).unwrap(),
        placement: Placement::new(cell(at), Lifecycle::Active, Epoch::new(0, 5)),
    }
}

fn ring(secret: u8) -> LiveKeyring {
    Keyring::new(SecretKey::new("k-1", [secret; 32]).unwrap()).into()
}

/// What a cell says to a request: its tenant, or the code of a refusal.
async fn says(verifier: &HopVerifier, request: Request<()>) -> Result<u32, String> {
    let inner = service_fn(async |request: Request<()>| {
        let claim: HopClaim = *request.extensions().get().unwrap();
        assert_eq!(request.extensions().get(), Some(&claim.route()));
        assert!(
            !request.headers().contains_key(HEADER),
            "it goes no further"
        );
        Ok::<_, Infallible>(Response::new(claim.tenant.to_string()))
    });
    let service = HopVerifyLayer::new(verifier.clone()).layer(inner);
    let Ok(answer) = service.oneshot(request).await;
    match answer.status() {
        StatusCode::OK => Ok(answer.into_body().parse().unwrap()),
        _ => Err(code(&answer)),
    }
}

fn code(answer: &Response<String>) -> String {
    let problem: serde_json::Value = serde_json::from_str(answer.body()).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}

/// The request as it leaves the gateway.
async fn sent(signer: &HopSigner, request: Request<()>) -> Request<()> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    let inner = service_fn(move |request: Request<()>| {
        let sender = sender.clone();
        async move {
            sender.send(request).await.unwrap();
            Ok::<_, Infallible>(Response::new(()))
        }
    });
    let Ok(_) = HopSignLayer::new(signer.clone())
        .layer(inner)
        .oneshot(request)
        .await;
    receiver.recv().await.unwrap()
}

fn request(route: Option<Route>, tokens: &[&HeaderValue]) -> Request<()> {
    let mut request = Request::new(());
    request.extensions_mut().extend(
        route
            .map(|route| {
                let mut extensions = http::Extensions::new();
                extensions.insert(route);
                extensions
            })
            .unwrap_or_default(),
    );
    for token in tokens {
        request.headers_mut().append(HEADER, (*token).clone());
    }
    request
}

#[tokio::test]
async fn a_cell_believes_what_the_gateway_says_and_nobody_else() {
    let clock = ManualClock::default();
    let signer = HopSigner::new(ring(7), clock.clone());
    let here = HopVerifier::new(ring(7), cell(1), clock.clone());
    let good = signer.sign(route(3, 1));
    let other = signer.sign(route(4, 1));
    let forged = HopSigner::new(ring(8), clock.clone()).sign(route(4, 1));
    let elsewhere = signer.sign(route(3, 2));
    let garbage = HeaderValue::from_static("garbage");
    let long = HeaderValue::try_from("A".repeat(10_000)).unwrap();
    for (tokens, expect) in [
        (&[&good][..], Ok(3)),
        (&[], Err("hop_missing")),
        (&[&good, &other], Err("hop_invalid")),
        (&[&good, &good], Err("hop_invalid")),
        (&[&forged], Err("hop_invalid")),
        (&[&garbage], Err("hop_invalid")),
        (&[&long], Err("hop_invalid")),
        (&[&elsewhere], Err("hop_misdirected")),
    ] {
        let said = says(&here, request(None, tokens)).await;
        assert_eq!(said, expect.map_err(str::to_owned), "{tokens:?}");
        // A route that somebody in the process left before is not asked.
        let said = says(&here, request(Some(route(9, 1)), tokens)).await;
        assert_eq!(said, expect.map_err(str::to_owned), "{tokens:?}");
    }
}

#[tokio::test]
async fn what_a_visitor_sends_under_the_name_never_arrives() {
    let clock = ManualClock::default();
    let signer = HopSigner::new(ring(7), clock.clone());
    let here = HopVerifier::new(ring(7), cell(1), clock.clone());
    // Even a good one of another tenant, which somebody got hold of.
    let stolen = signer.sign(route(4, 1));
    let leaving = sent(&signer, request(Some(route(3, 1)), &[&stolen, &stolen])).await;
    assert_eq!(says(&here, leaving).await, Ok(3));
    let leaving = sent(&signer, request(None, &[&stolen])).await;
    assert!(!leaving.headers().contains_key(HEADER));
    // Without the gateway's layer it would be believed.
    assert_eq!(says(&here, request(None, &[&stolen])).await, Ok(4));
}

#[tokio::test]
async fn a_token_is_good_for_a_while() {
    let clock = ManualClock::default();
    let signer = HopSigner::new(ring(7), clock.clone());
    let here = HopVerifier::new(ring(7), cell(1), clock.clone());
    let mut fields = http::HeaderMap::new();
    fields.insert(HEADER, signer.sign(route(3, 1)));
    for (seconds, is_good) in [(0, true), (35, true), (1, false), (3_600, false)] {
        clock.advance(Duration::from_secs(seconds));
        let said = here.verify(&fields);
        assert_eq!(said.is_ok(), is_good, "{said:?}");
        assert!(is_good || matches!(said, Err(HopRefused::Expired { .. })));
    }
    // The gateway's clock is ahead.
    let ahead = ManualClock::default();
    ahead.advance(clock.now().since(ManualClock::default().now()));
    for (seconds, is_good) in [(5, true), (1, false)] {
        ahead.advance(Duration::from_secs(seconds));
        fields.insert(
            HEADER,
            HopSigner::new(ring(7), ahead.clone()).sign(route(3, 1)),
        );
        let said = here.verify(&fields);
        assert_eq!(said.is_ok(), is_good, "{said:?}");
        assert!(is_good || matches!(said, Err(HopRefused::Early { .. })));
    }
}

#[test]
fn a_token_is_kept_for_a_tenant_a_place_and_a_second() {
    let clock = ManualClock::default();
    let keys = ring(7);
    let signer = HopSigner::new(keys.clone(), clock.clone());
    let first = signer.sign(route(3, 1));
    assert_eq!(signer.sign(route(3, 1)), first);
    // Of the same place, and the same tenant elsewhere.
    assert_ne!(signer.sign(route(3 + 4_096, 1)), first);
    assert_ne!(signer.sign(route(3, 2)), first);
    assert_eq!(signer.sign(route(3, 1)), first);
    clock.advance(Duration::from_secs(1));
    let second = signer.sign(route(3, 1));
    assert_ne!(second, first);
    // Another key signs from the next second on.
    keys.replace(Keyring::new(SecretKey::new("k-2", [9; 32]).unwrap()));
    assert_eq!(signer.sign(route(3, 1)), second);
    clock.advance(Duration::from_secs(1));
    let mut fields = http::HeaderMap::new();
    fields.insert(HEADER, signer.sign(route(3, 1)));
    let here = HopVerifier::new(ring(7), cell(1), clock.clone());
    let id = "k-2".into();
    assert_eq!(here.verify(&fields), Err(HopRefused::UnknownKey { id }));
    assert!(
        HopVerifier::new(keys, cell(1), clock)
            .verify(&fields)
            .is_ok()
    );
}

/// A busy tenant costs no memory a request.
#[test]
fn what_is_kept_is_not_copied() {
    let signer = HopSigner::new(ring(7), ManualClock::default());
    let kept = signer.sign(route(3, 1));
    let again = signer.sign(route(3, 1));
    assert_eq!(kept.as_bytes().as_ptr(), again.as_bytes().as_ptr());
    assert!(kept.is_sensitive(), "it stands in no log");
}

#[test]
fn a_refusal_says_nothing_of_inside() {
    for refused in [
        HopRefused::Missing,
        HopRefused::Forged,
        HopRefused::UnknownKey { id: "k-1".into() },
        HopRefused::OtherCell {
            meant: cell(1),
            here: cell(2),
        },
    ] {
        let answer: Response<String> = ProblemJson.respond(&refused, &http::HeaderMap::new());
        let body = answer.into_body();
        for inside in ["k-1", "cell", "token"] {
            assert!(!body.contains(inside), "{body}");
        }
    }
}
