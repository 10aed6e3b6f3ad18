//! The way from a placement to a cell.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use http::{Extensions, Method, Request, Response, StatusCode};
use tenancy_cell_router::{CellTransport, Cells};
use tenancy_types::{CellId, Epoch, Lifecycle, Placement, Route, TenantId};
use tower::{Service, ServiceExt};

fn cell(id: u16) -> CellId {
    CellId::new(id).unwrap()
}

/// Answers with its name, and panics when it is called without having been ready.
#[derive(Clone)]
struct Cell {
    name: CellId,
    polls: u8,
}

impl Cell {
    fn new(name: CellId) -> Self {
        Self { name, polls: 0 }
    }
}

impl Service<Request<()>> for Cell {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.polls += 1;
        if self.polls < 3 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        assert!(self.polls >= 3, "called before it was ready");
        ready(Ok(Response::new(self.name.to_string())))
    }
}

fn cells() -> Cells<Cell> {
    (1..=2).map(|id| (cell(id), Cell::new(cell(id)))).collect()
}

fn request(method: Method, placement: Option<Placement>) -> Request<()> {
    let mut request = Request::builder().method(method).body(()).unwrap();
    if let Some(placement) = placement {
        request.extensions_mut().insert(placement);
    }
    request
}

fn at_rest(id: u16) -> Placement {
    Placement::new(cell(id), Lifecycle::Active, Epoch::FIRST)
}

#[track_caller]
fn send(method: Method, placement: Option<Placement>) -> Response<String> {
    let sent = CellTransport::new(cells()).oneshot(request(method, placement));
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(sent)
        .unwrap()
}

#[track_caller]
fn check(method: Method, placement: Option<Placement>, status: StatusCode, body: &str) {
    let response = send(method, placement);
    assert_eq!(response.status(), status);
    assert!(
        response.body().contains(body),
        "{} lacks {body}",
        response.body()
    );
}

#[test]
fn a_request_goes_to_its_cell() {
    check(Method::GET, Some(at_rest(1)), StatusCode::OK, "cell-1");
    check(Method::POST, Some(at_rest(2)), StatusCode::OK, "cell-2");
}

#[test]
fn what_cannot_be_brought_anywhere_is_refused() {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    check(
        Method::GET,
        Some(at_rest(3)),
        status,
        "\"cell_unavailable\"",
    );
    check(
        Method::GET,
        None,
        StatusCode::INTERNAL_SERVER_ERROR,
        "\"internal\"",
    );
}

#[test]
fn a_client_does_not_learn_the_names_of_cells() {
    let response = send(Method::GET, Some(at_rest(3)));
    assert!(!response.body().contains("cell-3"), "{}", response.body());
}

/// Copying takes minutes, in which the tenant can be written to; its cell says when it cannot.
#[test]
fn while_a_tenant_moves_everything_goes_to_the_source() {
    let moving = Placement {
        moving: true,
        ..at_rest(1)
    };
    for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
        check(method, Some(moving), StatusCode::OK, "cell-1");
    }
}

#[tokio::test]
async fn the_placement_is_found_where_the_application_says() {
    let transport = CellTransport::new(cells())
        .with_placement(|extensions: &Extensions| Some(extensions.get::<Route>()?.placement));
    let mut asked = request(Method::GET, Some(at_rest(1)));
    asked.extensions_mut().insert(Route {
        tenant: TenantId::new(1).unwrap(),
        placement: at_rest(2),
    });
    let response = transport.oneshot(asked).await.unwrap();
    assert_eq!(response.body(), "cell-2");
}
