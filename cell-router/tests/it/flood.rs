//! Made-up hosts beside known ones: what they cost the directory, the memory, and those who ask for known ones.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocation_counter::{AllocationInfo, measure};
use fastrand::Rng;
use http::{Request, Response, StatusCode};
use tenancy_cell_router::{
    Confirm, ConfirmCounts, ConfirmLimits, Confirmer, Error, Follower, LineTable, RouteKey,
    RouteLayer, RouteService,
};
use tenancy_types::{Clock, ManualClock, ProblemJson, Route, SystemClock};
use tokio::runtime::{self, Runtime};
use tower::{Layer, Service};

use crate::follower_world::{World, until};

const TENANTS: u32 = 500;
/// Of simulated time: ten thousand hosts a second.
const PACE: Duration = Duration::from_micros(100);
/// A known host is asked for so often among made-up ones.
const KNOWN: u64 = 10;
/// One of so many questions is never answered: so often that all places for questions are taken at times.
const HANGS: u64 = 2;

/// Answers with the number of the request's tenant.
#[derive(Clone)]
struct Inner;

impl Service<Request<()>> for Inner {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let route = request.extensions().get::<Route>().expect("a route");
        ready(Ok(Response::new(route.tenant.to_string())))
    }
}

/// A directory that has none of the hosts.
struct Authority {
    asked: Arc<AtomicU64>,
}

impl Confirm for Authority {
    async fn confirm(&self, _: &RouteKey) -> Result<Option<Route>, Error> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        if before.is_multiple_of(HANGS) {
            std::future::pending::<()>().await;
        }
        Ok(None)
    }
}

type Edge = RouteService<Inner, Arc<LineTable>, ProblemJson>;
type Answering = Pin<Box<<Edge as Service<Request<()>>>::Future>>;

/// A layer over a table that was filled from a directory and follows it.
struct Rig {
    edge: Edge,
    table: Arc<LineTable>,
    confirmer: Confirmer,
    asked: Arc<AtomicU64>,
    clock: ManualClock,
    runtime: Runtime,
}

impl Rig {
    fn new() -> Self {
        let mut runtime = runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let table = Arc::new(LineTable::new());
        let world = World::with(TENANTS);
        let clock = ManualClock::default();
        let follower = Follower::new(world.clone(), Arc::clone(&table), clock.clone());
        let progress = follower.progress();
        runtime.block_on(async {
            tokio::spawn(follower.run());
            until(&progress, |status| {
                status.position == Some(world.state().position())
            })
            .await;
        });
        let asked = Arc::default();
        let authority = Authority {
            asked: Arc::clone(&asked),
        };
        let limits = ConfirmLimits::default();
        let confirmer = Confirmer::new(authority, progress, clock.clone(), limits);
        let layer = RouteLayer::new(Arc::clone(&table)).confirm_with(confirmer.clone());
        Self {
            edge: layer.layer(Inner),
            table,
            confirmer,
            asked,
            clock,
            runtime,
        }
    }
}

fn request(host: &str) -> Request<()> {
    Request::get("/").header("host", host).body(()).unwrap()
}

fn known(n: u32) -> (String, u32) {
    let tenant = n % TENANTS + 1;
    (format!("shop-{tenant}.example.com"), tenant)
}

/// Below known hosts, like them, and like nothing.
fn made_up(random: &mut Rng) -> String {
    let (a, b) = (random.u64(..), random.u32(..=TENANTS));
    match random.u8(..3) {
        0 => format!("x{a:016x}.shop-{b}.example.com"),
        1 => format!(
            "shop-{}.example.com",
            u64::from(TENANTS) + 1 + a % (1 << 60)
        ),
        _ => format!("x{a:016x}.example"),
    }
}

/// The first look at the answer.
fn call(edge: &mut Edge, request: Request<()>) -> Result<Response<String>, Answering> {
    let mut context = Context::from_waker(Waker::noop());
    assert!(edge.poll_ready(&mut context).is_ready());
    let mut answering = Box::pin(edge.call(request));
    match answering.as_mut().poll(&mut context) {
        Poll::Ready(Ok(response)) => Ok(response),
        Poll::Pending => Err(answering),
    }
}

fn check_known(response: &Response<String>, tenant: u32) {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(*response.body(), tenant.to_string());
}

/// What became of made-up hosts.
#[derive(Debug, Default)]
struct Flood {
    answers: BTreeMap<u16, u64>,
    most_waiting: usize,
}

impl Flood {
    fn answered(&mut self, response: &Response<String>) {
        *self.answers.entry(response.status().as_u16()).or_default() += 1;
    }

    /// Asks for so many made-up hosts, and for known ones among them, which must be answered at the first look.
    async fn run(&mut self, rig: &Rig, hosts: u64, random: &mut Rng) {
        let mut edge = rig.edge.clone();
        let mut waiting: Vec<Answering> = Vec::new();
        for n in 1..=hosts {
            match call(&mut edge, request(&made_up(random))) {
                Ok(response) => self.answered(&response),
                Err(answering) => waiting.push(answering),
            }
            self.most_waiting = self.most_waiting.max(waiting.len());
            if n % KNOWN == 0 {
                let (host, tenant) = known(random.u32(..));
                let response = call(&mut edge, request(&host));
                check_known(&response.expect("a known host waited"), tenant);
            }
            rig.clock.advance(PACE);
            if n % 1_000 == 0 {
                tokio::time::advance(PACE * 1_000).await;
                self.look(&mut waiting);
            }
        }
        tokio::time::advance(ConfirmLimits::default().patience).await;
        self.look(&mut waiting);
        assert!(waiting.is_empty(), "questions have an end");
    }

    fn look(&mut self, waiting: &mut Vec<Answering>) {
        let mut context = Context::from_waker(Waker::noop());
        waiting.retain_mut(|answering| match answering.as_mut().poll(&mut context) {
            Poll::Ready(Ok(response)) => {
                self.answered(&response);
                false
            }
            Poll::Pending => true,
        });
    }
}

/// The flood, and what it left in the thread's memory.
fn flood(rig: &Rig, hosts: u64, seed: u64) -> (Flood, AllocationInfo) {
    let mut random = Rng::with_seed(seed);
    let mut flood = Flood::default();
    // What is made once: the thread's notes, the room for questions on their way.
    rig.runtime.block_on(flood.run(rig, 1_000, &mut random));
    let used = measure(|| rig.runtime.block_on(flood.run(rig, hosts, &mut random)));
    (flood, used)
}

/// Everything that is promised of a flood, but for time.
fn check(rig: &Rig, hosts: u64, memory: usize, (flood, used): &(Flood, AllocationInfo)) {
    let ConfirmLimits {
        per_second,
        burst,
        at_once,
        ..
    } = ConfirmLimits::default();
    let all = hosts + 1_000;
    let seconds = (PACE * u32::try_from(all).unwrap()).as_secs() + 1;
    let most = u64::from(burst) + u64::from(per_second) * seconds;
    let asked = rig.asked.load(Ordering::Relaxed);
    assert!(asked <= most, "{asked} questions, {most} are allowed");
    assert!(asked > most / 2, "{asked} questions: nothing was proven");
    let ConfirmCounts {
        asked: counted,
        refused,
        remembered,
        shared,
        failed,
    } = rig.confirmer.counts();
    assert_eq!(counted, asked);
    // No host came twice.
    assert_eq!((counted + refused, remembered, shared), (all, 0, 0));
    assert_eq!(flood.answers.values().sum::<u64>(), all);
    // Those that the directory left without an answer; the table follows, so what was not asked is absent.
    assert_eq!(flood.answers[&503], failed);
    assert_eq!(flood.answers[&404], all - failed);
    assert_eq!(flood.most_waiting, at_once, "{flood:?}");

    assert_eq!(rig.table.memory(), memory, "the table grew");
    assert!(used.bytes_current < 4_096, "it left something: {used:?}");
    assert!(used.bytes_max < 65_536, "{used:?}");
}

#[test]
fn a_flood_of_hosts_costs_no_directory_no_memory_and_nobody_time() {
    const HOSTS: u64 = 100_000;
    let rig = Rig::new();
    let memory = rig.table.memory();
    let flooded = flood(&rig, HOSTS, 7);
    check(&rig, HOSTS, memory, &flooded);
}

/// How long each look at a known host took, in nanoseconds, until enough were taken or it is over.
fn visit(mut edge: Edge, looks: usize, is_over: &AtomicBool) -> Vec<u64> {
    let mut took = Vec::with_capacity(looks);
    let mut random = Rng::with_seed(8);
    while took.len() < looks && !is_over.load(Ordering::Relaxed) {
        let (host, tenant) = known(random.u32(..));
        let request = request(&host);
        let started = SystemClock.now();
        let response = call(&mut edge, request);
        let elapsed = SystemClock.now().since(started);
        took.push(elapsed.as_nanos() as u64);
        check_known(&response.expect("a known host waited"), tenant);
    }
    took.sort_unstable();
    took
}

#[test]
#[ignore = "a round of `cargo xtask soak routes`"]
fn routes_of_known_hosts_are_not_delayed_by_ten_million_others() {
    const HOSTS: u64 = 10_000_000;
    const LOOKS: usize = 2_000_000;
    let setting = |name| match std::env::var(name) {
        Ok(value) => value.parse::<u64>().unwrap(),
        Err(_) => 0,
    };
    let seed = setting("SOAK_SEED").wrapping_mul(1_000_003) + setting("SOAK_ROUND");
    let rig = Rig::new();
    let memory = rig.table.memory();
    let is_over = AtomicBool::new(false);
    let calm = visit(rig.edge.clone(), LOOKS, &is_over);
    let (stormy, flooded) = std::thread::scope(|scope| {
        let visitor = scope.spawn(|| visit(rig.edge.clone(), LOOKS, &is_over));
        let flooded = flood(&rig, HOSTS, seed);
        is_over.store(true, Ordering::Relaxed);
        (visitor.join().unwrap(), flooded)
    });
    check(&rig, HOSTS, memory, &flooded);
    let at = |took: &[u64], share: usize| took[(took.len() - 1) * share / 1_000];
    for share in [500, 990, 999] {
        let (calm, stormy) = (at(&calm, share), at(&stormy, share));
        println!("{share} of 1,000 looks: {calm} ns, {stormy} ns in the flood");
    }
    println!("{} looks in the flood, {flooded:?}", stormy.len());
    let (calm, stormy) = (at(&calm, 990), at(&stormy, 990));
    assert!(
        stormy < calm * 4 + 5_000,
        "{calm} ns, {stormy} ns in the flood"
    );
}
