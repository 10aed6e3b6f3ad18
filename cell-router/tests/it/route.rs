//! The layer that finds a request's route.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    net::IpAddr,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::FutureExt;
use http::{Request, Response, StatusCode, request::Builder};
use proptest::prelude::*;
use tenancy_cell_router::{
    ConfirmLimits, Confirmer, Follower, Progress, ReferenceDraft, ReferenceTable, RouteLayer,
    RouteTable,
};
use tenancy_core::{
    authority::{Authority, Host},
    directory::{CellRecord, Directory, MemoryDirectory, NewTenant},
    middleware::Peer,
};
use tenancy_types::{
    Answer, CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    Lookup, ManualClock, Placement, Position, Revision, Route, TenantId,
};
use tower::{Layer, Service, ServiceExt};

fn domain(pattern: &str) -> DomainName {
    DomainName::from_pattern(pattern).unwrap()
}

fn tenant(id: u32) -> TenantId {
    TenantId::new(id).unwrap()
}

/// Tenant 1 has a domain and a slug, tenant 2 a pattern, tenant 3 a name below it and an address's look-alike.
fn table() -> Arc<ReferenceTable> {
    let home = Placement::new(CellId::new(1).unwrap(), Lifecycle::Active, Epoch::FIRST);
    let mut events: Vec<_> = (1..=3)
        .map(|id| DirectoryEvent::Placed {
            tenant: tenant(id),
            placement: home,
        })
        .collect();
    for (id, name) in [
        (1, "shop.example"),
        (1, "xn--bcher-kva.example"),
        (2, "*.brand.example"),
        (3, "a.brand.example"),
    ] {
        events.push(DirectoryEvent::DomainAdded {
            domain: domain(name),
            tenant: tenant(id),
        });
    }
    events.push(DirectoryEvent::SlugAdded {
        slug: "acme".parse().unwrap(),
        tenant: tenant(1),
    });
    let revision = Revision::new(1);
    let mut draft = ReferenceDraft::default();
    draft.extend(events.into_iter().map(|event| LogEntry { revision, event }));
    let history = History {
        directory: DirectoryId::from_u128(1),
        incarnation: 0,
    };
    let table = ReferenceTable::new();
    table.replace(draft, Position { history, revision });
    Arc::new(table)
}

/// Answers with the number of the request's tenant. Panics when it was not polled ready.
#[derive(Default)]
struct Inner {
    is_ready: bool,
}

impl Clone for Inner {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<()>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        assert!(self.is_ready, "called before it was ready");
        self.is_ready = false;
        let route = request.extensions().get::<Route>().expect("a route");
        ready(Ok(Response::new(route.tenant.to_string())))
    }
}

fn layer() -> RouteLayer<Arc<ReferenceTable>> {
    RouteLayer::new(table()).below(domain("platform.example"))
}

async fn ask<L: Lookup + Clone>(
    layer: &RouteLayer<L>,
    request: Builder,
) -> Result<u32, StatusCode> {
    let service = layer.layer(Inner::default());
    let request = request.body(()).unwrap();
    let Ok(response) = service.oneshot(request).await;
    match response.status() {
        StatusCode::OK => Ok(response.body().parse().unwrap()),
        status => Err(status),
    }
}

fn get(host: &str) -> Builder {
    Request::get("/").header("host", host)
}

#[tokio::test]
async fn a_request_gets_the_route_of_its_host() {
    let layer = layer();
    for (host, expect) in [
        ("shop.example", Ok(1)),
        ("SHOP.example.:8080", Ok(1)),
        ("Bücher.example", Err(StatusCode::BAD_REQUEST)),
        ("xn--bcher-kva.example", Ok(1)),
        ("x.brand.example", Ok(2)),
        ("x.y.brand.example:443", Ok(2)),
        ("a.brand.example", Ok(3)),
        ("A.brand.example", Ok(3)),
        ("brand.example", Err(StatusCode::NOT_FOUND)),
        ("acme.platform.example", Ok(1)),
        ("ACME.platform.example:80", Ok(1)),
        ("x.acme.platform.example", Err(StatusCode::NOT_FOUND)),
        ("platform.example", Err(StatusCode::NOT_FOUND)),
        ("a--b.platform.example", Err(StatusCode::NOT_FOUND)),
        ("acme", Err(StatusCode::NOT_FOUND)),
        ("10.0.0.1", Err(StatusCode::NOT_FOUND)),
        ("[::1]:80", Err(StatusCode::NOT_FOUND)),
        ("a..brand.example", Err(StatusCode::BAD_REQUEST)),
        ("-a.brand.example", Err(StatusCode::BAD_REQUEST)),
        ("user@shop.example", Err(StatusCode::BAD_REQUEST)),
        ("", Err(StatusCode::BAD_REQUEST)),
    ] {
        assert_eq!(ask(&layer, get(host)).await, expect, "{host}");
    }
    let twice = get("shop.example").header("host", "shop.example");
    assert_eq!(ask(&layer, twice).await, Err(StatusCode::BAD_REQUEST));
    let conflict = Request::get("http://a.brand.example/").header("host", "shop.example");
    assert_eq!(ask(&layer, conflict).await, Err(StatusCode::BAD_REQUEST));
}

/// A field that anybody can send counts only from a proxy of ours.
#[tokio::test]
async fn a_proxy_of_ours_may_name_the_host() {
    let layer = layer().behind("10.0.0.0/8".parse().unwrap());
    let from = |peer: &str| {
        let peer: IpAddr = peer.parse().unwrap();
        get("shop.example")
            .header("x-forwarded-host", "a.brand.example")
            .extension(Peer(peer))
    };
    assert_eq!(ask(&layer, from("10.1.2.3")).await, Ok(3));
    assert_eq!(ask(&layer, from("192.0.2.1")).await, Ok(1));
}

#[tokio::test]
async fn a_table_that_was_never_filled_is_no_404() {
    let layer = RouteLayer::new(Arc::new(ReferenceTable::new()));
    let unavailable = Err(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask(&layer, get("shop.example")).await, unavailable);
}

/// A directory with a shop that the layer's table has not heard of.
async fn directory_with_a_new_shop() -> MemoryDirectory {
    let directory = MemoryDirectory::new(ManualClock::default());
    let cell = CellId::new(1).unwrap();
    let record = CellRecord {
        cell,
        region: "eu".parse().unwrap(),
        capacity: 10,
    };
    directory.put_cell(record).await.unwrap();
    let new = NewTenant {
        request: "sign up".parse().unwrap(),
        slug: "fresh".parse().unwrap(),
        plan: "basic".parse().unwrap(),
        region: None,
        domains: vec![domain("fresh.example")],
        cell,
    };
    directory.create(new).await.unwrap();
    directory
}

fn progress(directory: &MemoryDirectory) -> Progress {
    let table = Arc::new(ReferenceTable::new());
    Follower::new(directory.clone(), table, ManualClock::default()).progress()
}

#[tokio::test]
async fn a_host_that_the_table_does_not_know_yet_is_confirmed() {
    let directory = directory_with_a_new_shop().await;
    let progress = progress(&directory);
    let limits = ConfirmLimits::default();
    let confirmer = Confirmer::new(directory, progress, ManualClock::default(), limits);
    let layer = layer().confirm_with(confirmer.clone());
    assert_eq!(ask(&layer, get("fresh.example")).await, Ok(1));
    assert_eq!(ask(&layer, get("fresh.platform.example")).await, Ok(1));
    assert_eq!(confirmer.counts().asked, 2);
    let unknown = ask(&layer, get("nobody.example")).await;
    assert_eq!(unknown, Err(StatusCode::NOT_FOUND));
    assert_eq!(ask(&layer, get("shop.example")).await, Ok(1));
    assert_eq!(confirmer.counts().asked, 3, "a known host asks nobody");
    // Nobody follows the directory here, so what is not asked for is not known to be absent.
    let mut last = Ok(0);
    for n in 0..100 {
        last = ask(&layer, get(&format!("made-up-{n}.example"))).await;
    }
    assert_eq!(last, Err(StatusCode::SERVICE_UNAVAILABLE));
    assert_eq!(confirmer.counts().asked, 20);
}

proptest! {
    /// The glance at a host and the parser agree on whose request it is.
    #[test]
    fn the_layer_finds_what_the_parsed_host_leads_to(
        host in r"[aA.-]{0,3}(shop\.example|a\.brand\.example|brand\.example|acme\.platform\.example|x--y)[.:80]{0,3}",
    ) {
        let table = table();
        let parsed = host.parse::<Authority>().map(Authority::into_host);
        let expect = match parsed {
            Err(_) => Err(StatusCode::BAD_REQUEST),
            Ok(Host::Name(name)) => {
                let slug = name.label_below(&domain("platform.example"));
                match slug.map_or_else(|| table.lookup(&name), |slug| table.lookup_slug(slug)) {
                    Answer::Hit(route) => Ok(route.tenant.get()),
                    _ => Err(StatusCode::NOT_FOUND),
                }
            }
            Ok(_) => Err(StatusCode::NOT_FOUND),
        };
        let layer = RouteLayer::new(table).below(domain("platform.example"));
        let found = ask(&layer, get(&host)).now_or_never().expect("nobody is waited for");
        prop_assert_eq!(found, expect);
    }
}
