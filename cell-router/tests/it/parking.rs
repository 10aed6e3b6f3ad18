//! Writes for a tenant that moves, in front of a cell that fences it off.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{FutureExt, future::join_all};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use tenancy_cell_router::{
    ParkingLayer, ParkingLimits, ParkingStatus, ReferenceDraft, ReferenceTable, ReplayBody,
    RouteTable,
};
use tenancy_types::{
    CellId, DirectoryEvent, DirectoryId, Epoch, History, Lifecycle, LogEntry, Lookup, Placement,
    Position, Revision, Route, TenantId,
};
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt};

fn tenant(n: u32) -> TenantId {
    TenantId::new(n).unwrap()
}

fn epoch(seq: u32) -> Epoch {
    Epoch::new(0, seq)
}

fn placement(cell: u16, seq: u32) -> Placement {
    Placement::new(CellId::new(cell).unwrap(), Lifecycle::Active, epoch(seq))
}

fn beginning() -> Position {
    let history = History {
        directory: DirectoryId::from_u128(7),
        incarnation: 0,
    };
    Position {
        history,
        revision: Revision::ZERO,
    }
}

/// Two cells; a tenant is fenced in one of them, or lives in the other.
#[derive(Clone)]
struct Cells(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    gate: Semaphore,
}

#[derive(Default)]
struct State {
    /// At which epoch the tenants are fenced where they were.
    fenced: Option<Epoch>,
    /// What each answered write said, and to which cell it went.
    written: Vec<(u16, String)>,
    /// Requests that arrived, whatever became of them.
    arrived: usize,
    /// Those inside at present, and the most there ever were.
    inside: (usize, usize),
}

impl Cells {
    fn new() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            gate: Semaphore::new(1_000),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    async fn answer(self, request: Request<ReplayBody<Full<Bytes>>>) -> Response<String> {
        let route = *request.extensions().get::<Route>().unwrap();
        {
            let mut state = self.state();
            state.arrived += 1;
            state.inside.0 += 1;
            state.inside.1 = state.inside.1.max(state.inside.0);
        }
        let _open = self.0.gate.acquire().await.unwrap();
        let is_read = request.method().is_safe();
        let fenced = self
            .state()
            .fenced
            .filter(|at| *at == route.placement.epoch);
        let answer = if fenced.is_some() && !is_read {
            let mut answer = Response::new(String::new());
            *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            answer
                .headers_mut()
                .insert("x-fenced", "1".parse().unwrap());
            answer
        } else {
            let text = request.into_body().collect().await.unwrap().to_bytes();
            let text = String::from_utf8(text.to_vec()).unwrap();
            let cell = route.placement.cell.get();
            if !is_read {
                self.state().written.push((cell, text.clone()));
            }
            Response::new(text)
        };
        self.state().inside.0 -= 1;
        answer
    }
}

impl Service<Request<ReplayBody<Full<Bytes>>>> for Cells {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<ReplayBody<Full<Bytes>>>) -> Self::Future {
        self.clone().answer(request).map(Ok).boxed()
    }
}

type IsFenced = fn(&Response<String>) -> bool;

struct Rig {
    cells: Cells,
    table: Arc<ReferenceTable>,
    layer: ParkingLayer<Arc<ReferenceTable>, IsFenced>,
}

impl Rig {
    fn new(limits: ParkingLimits) -> Self {
        let table = Arc::new(ReferenceTable::new());
        table.replace(ReferenceDraft::default(), beginning());
        let is_fenced: IsFenced = |answer| answer.headers().contains_key("x-fenced");
        let rig = Self {
            cells: Cells::new(),
            layer: ParkingLayer::new(Arc::clone(&table), limits, is_fenced),
            table,
        };
        (1..=3).for_each(|n| rig.place(n, placement(1, 1)));
        rig
    }

    fn place(&self, n: u32, placement: Placement) {
        let revision = u64::from(placement.epoch.seq()) * 10 + u64::from(n);
        self.table.apply(&LogEntry {
            revision: Revision::new(revision),
            event: DirectoryEvent::Placed {
                tenant: tenant(n),
                placement,
            },
        });
    }

    /// The move is over: the tenant is elsewhere.
    fn flip(&self, n: u32) {
        self.place(n, placement(2, 2));
    }

    fn ask(
        &self,
        method: &str,
        n: u32,
        text: &str,
    ) -> impl Future<Output = (StatusCode, String)> + Send + use<> {
        let placement = self.table.placement(tenant(n)).unwrap();
        let mut request = Request::new(Full::from(text.to_owned()));
        *request.method_mut() = method.parse().unwrap();
        let tenant = tenant(n);
        request.extensions_mut().insert(Route { tenant, placement });
        let service = self.layer.layer(self.cells.clone());
        async move {
            let Ok(answer) = service.oneshot(request).await;
            (answer.status(), answer.into_body())
        }
    }

    /// So many writes that wait.
    async fn wait_for(
        &self,
        n: u32,
        count: usize,
    ) -> Vec<tokio::task::JoinHandle<(StatusCode, String)>> {
        let mut tasks = Vec::new();
        for at in 0..count {
            let before = self.layer.status().requests;
            tasks.push(tokio::spawn(self.ask("POST", n, &format!("{n}-{at}"))));
            while self.layer.status().requests == before {
                tokio::task::yield_now().await;
            }
        }
        tasks
    }

    fn written(&self) -> Vec<(u16, String)> {
        self.cells.state().written.clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_waits_for_the_move_and_goes_to_the_new_cell_once() {
    let rig = Rig::new(ParkingLimits::default());
    assert_eq!(rig.ask("POST", 1, "before").await.1, "before");
    rig.cells.state().fenced = Some(epoch(1));
    let tasks = rig.wait_for(1, 20).await;
    // Reads go on, and so do others' writes.
    assert_eq!(
        rig.ask("GET", 1, "read").await,
        (StatusCode::OK, "read".into())
    );
    rig.flip(1);
    for task in join_all(tasks).await {
        assert_eq!(task.unwrap().0, StatusCode::OK);
    }
    let expect = (0..20).map(|at| (2, format!("1-{at}")));
    let expect: Vec<_> = [(1, "before".into())].into_iter().chain(expect).collect();
    assert_eq!(rig.written(), expect, "each once, in their order");
    assert_eq!(rig.layer.status(), ParkingStatus::default());
}

/// The fence was lifted: no epoch says so.
#[tokio::test(start_paused = true)]
async fn a_fence_that_is_lifted_is_found_out() {
    let rig = Rig::new(ParkingLimits::default());
    rig.cells.state().fenced = Some(epoch(1));
    let tasks = rig.wait_for(1, 8).await;
    let arrived = rig.cells.state().arrived;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let tries = rig.cells.state().arrived - arrived;
    assert!(
        (6..=9).contains(&tries),
        "one every 250 ms, and not {tries}"
    );
    rig.cells.state().fenced = None;
    for task in join_all(tasks).await {
        assert_eq!(task.unwrap().0, StatusCode::OK);
    }
    assert_eq!(rig.written().len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_few_at_a_time_go() {
    let rig = Rig::new(ParkingLimits::default());
    rig.cells.state().fenced = Some(epoch(1));
    let tasks = rig.wait_for(1, 30).await;
    rig.cells.state().inside.1 = 0;
    let closed = rig.cells.0.gate.acquire_many(1_000).await.unwrap();
    rig.flip(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.cells.state().inside, (4, 4));
    drop(closed);
    join_all(tasks).await;
    assert_eq!(rig.cells.state().inside, (0, 4));
    assert_eq!(rig.written().len(), 30);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_leaves_nothing_behind() {
    let rig = Rig::new(ParkingLimits::default());
    rig.cells.state().fenced = Some(epoch(1));
    let began = tokio::time::Instant::now();
    let (status, text) = rig.ask("POST", 1, "late").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("tenant_moving"), "{text}");
    assert_eq!(began.elapsed(), ParkingLimits::default().patience);
    assert_eq!(rig.layer.status(), ParkingStatus::default());
    assert_eq!(rig.written(), []);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_gives_the_place_and_the_turn_up() {
    let rig = Rig::new(ParkingLimits::default());
    rig.cells.state().fenced = Some(epoch(1));
    let tasks = rig.wait_for(1, 6).await;
    let closed = rig.cells.0.gate.acquire_many(1_000).await.unwrap();
    rig.flip(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Of the four that are with the cell, and of those that wait.
    tasks[0].abort();
    tasks[1].abort();
    tasks[5].abort();
    tokio::task::yield_now().await;
    assert_eq!(rig.layer.status().requests, 3);
    drop(closed);
    let answered = join_all(tasks).await.into_iter().filter(Result::is_ok);
    assert_eq!(answered.count(), 3);
    assert_eq!(rig.layer.status(), ParkingStatus::default());
}

#[tokio::test(start_paused = true)]
async fn one_tenant_leaves_room_for_the_others() {
    let limits = ParkingLimits {
        requests: 40,
        ..ParkingLimits::default()
    };
    let rig = Rig::new(limits);
    rig.cells.state().fenced = Some(epoch(1));
    let first = rig.wait_for(1, 4).await;
    let (status, text) = rig.ask("POST", 1, "one more").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("parking_full"), "{text}");
    let second = rig.wait_for(2, 4).await;
    rig.flip(1);
    rig.flip(2);
    for task in join_all(first.into_iter().chain(second)).await {
        assert_eq!(task.unwrap().0, StatusCode::OK);
    }
}

/// What cannot be sent a second time is refused, and was not written.
#[tokio::test(start_paused = true)]
async fn a_large_body_does_not_wait() {
    let limits = ParkingLimits {
        largest_body: 10,
        ..ParkingLimits::default()
    };
    let rig = Rig::new(limits);
    assert_eq!(rig.ask("POST", 1, "more than ten").await.0, StatusCode::OK);
    rig.cells.state().fenced = Some(epoch(1));
    for has_others in [false, true] {
        let others = rig.wait_for(1, usize::from(has_others)).await;
        let (status, text) = rig.ask("POST", 1, "more than ten").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(text.contains("tenant_moving"), "{text}");
        others.iter().for_each(tokio::task::JoinHandle::abort);
    }
    assert_eq!(rig.written().len(), 1);
}

/// Another tenant's fence, and a cell that fails, are no reason to wait.
#[tokio::test(start_paused = true)]
async fn only_a_fence_makes_a_write_wait() {
    let rig = Rig::new(ParkingLimits::default());
    rig.cells.state().fenced = Some(epoch(1));
    rig.flip(2);
    let waiting = rig.wait_for(1, 1).await;
    assert_eq!(rig.ask("POST", 2, "here").await.0, StatusCode::OK);
    assert_eq!(rig.layer.status().tenants, 1);
    waiting[0].abort();
}
