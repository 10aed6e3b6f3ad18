//! Cells and a gateway in one process, each with a table of its own.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use tenancy_cell_router::{
    CatchUp, CellTransport, Cells, EpochGuardLayer, HintReader, HintSigner, ParkingLayer,
    ParkingLimits, ReferenceDraft, ReferenceTable, RouteLayer, RouteTable, StaleRouteLayer, Undone,
    says_fenced,
};
use tenancy_core::{
    hop::{HopSignLayer, HopSigner, HopVerifier, HopVerifyLayer},
    keys::{Keyring, LiveKeyring, SecretKey},
};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, DomainName, Epoch, History, Lifecycle, LogEntry,
    ManualClock, Placement, Position, Revision, Route, TenantId,
};
use tokio::sync::watch;
use tower::{Layer, ServiceExt, service_fn, util::BoxCloneSyncService};

pub(super) type Body = UnsyncBoxBody<Bytes, Infallible>;
pub(super) type CellService = BoxCloneSyncService<Request<Body>, Response<String>, Infallible>;

pub(super) fn tenant(n: u32) -> TenantId {
    TenantId::new(n).unwrap()
}

pub(super) fn cell(n: u16) -> CellId {
    CellId::new(n).unwrap()
}

pub(super) fn placement(at: u16, seq: u32) -> Placement {
    Placement::new(cell(at), Lifecycle::Active, Epoch::new(0, seq))
}

pub(super) fn ring(secret: u8) -> LiveKeyring {
    Keyring::new(SecretKey::new("k-1", [secret; 32]).unwrap()).into()
}

/// A table and whoever notices that it changes.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) table: Arc<ReferenceTable>,
    revision: watch::Sender<u64>,
}

impl CatchUp for Known {
    async fn until(&self, is_so: impl Fn() -> bool + Send + Sync) -> bool {
        let mut changes = self.revision.subscribe();
        changes.wait_for(|_| is_so()).await.is_ok()
    }
}

impl Known {
    /// Tenants 1 and 2, of `shop-1.example` and `shop-2.example`, in cell 1 at epoch 1.
    pub(super) fn new() -> Self {
        let history = History {
            directory: DirectoryId::from_u128(7),
            incarnation: 0,
        };
        let table = Arc::new(ReferenceTable::new());
        let revision = Revision::ZERO;
        table.replace(ReferenceDraft::default(), Position { history, revision });
        let known = Self {
            table,
            revision: watch::Sender::new(0),
        };
        for n in [1, 2] {
            known.place(n, placement(1, 1));
            known.name(n, &format!("shop-{n}.example"));
        }
        known
    }

    pub(super) fn place(&self, n: u32, placement: Placement) {
        let tenant = tenant(n);
        self.apply(DirectoryEvent::Placed { tenant, placement });
    }

    pub(super) fn name(&self, n: u32, host: &str) {
        let domain = DomainName::from_normalised(host).unwrap();
        let tenant = tenant(n);
        self.apply(DirectoryEvent::DomainAdded { domain, tenant });
    }

    fn apply(&self, event: DirectoryEvent) {
        self.revision.send_modify(|revision| {
            *revision += 1;
            let revision = Revision::new(*revision);
            self.table.apply(&LogEntry { revision, event });
        });
    }
}

/// What a handler does with a request.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Deed {
    #[default]
    Serves,
    /// The guard of its first transaction refuses; the second time it serves.
    RefusedOnce(Undone),
    /// Its guard refuses requests of before this epoch.
    AtLeast(u32),
    /// It has done something, and then came to a guard that refused.
    HalfDone,
    /// It writes the fields in which cells and gateways talk.
    Lies,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) deed: Deed,
    /// What came to the handler: the epoch, and the body.
    pub(super) came: Vec<(u32, String)>,
    /// What was carried out.
    pub(super) done: Vec<String>,
}

/// A cell with its table.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) known: Known,
    pub(super) service: CellService,
    /// Requests that came to the cell, before all of its layers.
    arrived: Arc<AtomicUsize>,
    state: Arc<Mutex<State>>,
}

impl Cell {
    pub(super) fn new(n: u16, clock: &ManualClock) -> Self {
        Self::signing_with(n, 7, clock)
    }

    /// A cell with another secret than the platform's, unless it is 7.
    pub(super) fn signing_with(n: u16, secret: u8, clock: &ManualClock) -> Self {
        let (known, state) = (Known::new(), Arc::new(Mutex::new(State::default())));
        let arrived = Arc::new(AtomicUsize::new(0));
        let handler = {
            let state = Arc::clone(&state);
            service_fn(move |request| handle(Arc::clone(&state), request))
        };
        let hints = HintSigner::new(ring(secret), cell(n), clock.clone());
        let guard = EpochGuardLayer::new(Arc::clone(&known.table), known.clone(), hints);
        let verifier = HopVerifier::new(ring(secret), cell(n), clock.clone());
        let layers = HopVerifyLayer::new(verifier).layer(guard.layer(handler));
        let counted = Arc::clone(&arrived);
        let service = layers.map_request(move |request| {
            counted.fetch_add(1, Ordering::Relaxed);
            request
        });
        Self {
            known,
            service: BoxCloneSyncService::new(service),
            arrived,
            state,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(super) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }
}

async fn handle(
    state: Arc<Mutex<State>>,
    request: Request<Body>,
) -> Result<Response<String>, Infallible> {
    let epoch = request.extensions().get::<Route>().unwrap().placement.epoch;
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let mut state = state.lock().unwrap();
    state.came.push((epoch.seq(), body.clone()));
    let mut answer = Response::new(body.clone());
    match state.deed {
        Deed::RefusedOnce(undone) => {
            state.deed = Deed::Serves;
            refuse(&mut answer, undone);
        }
        Deed::AtLeast(seq) if epoch.seq() < seq => refuse(&mut answer, Undone::NotHere),
        Deed::Serves | Deed::AtLeast(_) => state.done.push(body),
        Deed::HalfDone => {
            state.done.push(body);
            *answer.status_mut() = StatusCode::MISDIRECTED_REQUEST;
        }
        Deed::Lies => {
            state.done.push(body);
            let lie = HeaderValue::from_static("1");
            answer.headers_mut().insert("tenancy-fenced", lie.clone());
            answer.headers_mut().insert("tenancy-hint", lie);
        }
    }
    Ok(answer)
}

fn refuse(answer: &mut Response<String>, undone: Undone) {
    *answer.status_mut() = match undone {
        Undone::Fenced => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::MISDIRECTED_REQUEST,
    };
    answer.extensions_mut().insert(undone);
}

/// A gateway with its table, and the way to the cells.
#[derive(Clone)]
pub(super) struct Gateway {
    pub(super) known: Known,
    pub(super) service: CellService,
}

impl Gateway {
    pub(super) fn new(
        cells: impl IntoIterator<Item = (CellId, CellService)>,
        clock: &ManualClock,
    ) -> Self {
        let known = Known::new();
        let cells: Cells<_> = cells.into_iter().collect();
        let transport = CellTransport::new(cells)
            .with_placement(|extensions: &http::Extensions| {
                Some(extensions.get::<Route>()?.placement)
            })
            .map_request(|request: Request<_>| request.map(UnsyncBoxBody::new));
        let sign = HopSignLayer::new(HopSigner::new(ring(7), clock.clone()));
        let reader = HintReader::new(ring(7), clock.clone());
        let stale = StaleRouteLayer::new(Arc::clone(&known.table), known.clone(), reader);
        let limits = ParkingLimits::default();
        let parking = ParkingLayer::new(Arc::clone(&known.table), limits, says_fenced);
        let service = parking.layer(stale.layer(sign.layer(transport)));
        let service = RouteLayer::new(Arc::clone(&known.table)).layer(service);
        Self {
            known,
            service: BoxCloneSyncService::new(service),
        }
    }

    /// What a client gets. It never sees how cells and gateways talk.
    pub(super) async fn ask(&self, method: &str, host: &str, body: &str) -> Said {
        let request = Request::builder().method(method).uri("/");
        let request = request.header("host", host);
        let body = Full::from(body.to_owned());
        let request = request.body(UnsyncBoxBody::new(body)).unwrap();
        let Ok(answer) = self.service.clone().oneshot(request).await;
        Said::of(answer)
    }

    pub(super) async fn post(&self, n: u32, body: &str) -> Said {
        self.ask("POST", &format!("shop-{n}.example"), body).await
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) fields: HeaderMap,
    pub(super) body: String,
}

impl Said {
    fn of(answer: Response<String>) -> Self {
        let fields = answer.headers().clone();
        for field in ["tenancy-hint", "tenancy-fenced", "tenancy-hop"] {
            assert!(!fields.contains_key(field), "{field} reached a client");
        }
        assert_ne!(answer.status(), StatusCode::MISDIRECTED_REQUEST);
        Self {
            status: answer.status().as_u16(),
            fields,
            body: answer.into_body(),
        }
    }

    /// 503 with this code, and when to ask again.
    #[track_caller]
    pub(super) fn is_unavailable(&self, code: &str) {
        assert_eq!(self.status, 503, "{self:?}");
        let code = format!("\"code\":\"{code}\"");
        assert!(self.body.contains(&code), "{self:?}");
        assert_eq!(self.fields["retry-after"], "1");
    }
}

/// Two cells, and a gateway in front of them.
pub(super) struct World {
    pub(super) clock: ManualClock,
    pub(super) cells: [Cell; 2],
    pub(super) gateway: Gateway,
}

impl World {
    pub(super) fn new() -> Self {
        let clock = ManualClock::default();
        clock.advance(Duration::from_secs(3_600));
        let cells = [Cell::new(1, &clock), Cell::new(2, &clock)];
        let services = (1..).map(cell).zip(&cells);
        let services = services.map(|(id, cell)| (id, cell.service.clone()));
        let gateway = Gateway::new(services, &clock);
        Self {
            clock,
            cells,
            gateway,
        }
    }

    /// The tenant has moved to cell 2, and both cells know.
    pub(super) fn flip(&self, n: u32) {
        for cell in &self.cells {
            cell.known.place(n, placement(2, 2));
        }
    }

    /// What each cell carried out.
    pub(super) fn done(&self) -> [Vec<String>; 2] {
        self.cells.each_ref().map(|cell| cell.state().done.clone())
    }
}
