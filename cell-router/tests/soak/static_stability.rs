//! The directory is down for the whole round. Edges are killed and started again, and every host that the directory had
//! leads where it did.

use std::{
    env, io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use fastrand::Rng;
use tenancy_core::directory::{
    CellRecord, Directory, NewTenant, PostgresDirectory, PostgresDirectoryOptions, TenantChange,
};
use tenancy_testkit::Postgres;
use tenancy_types::{CellId, Clock, DomainName, SystemClock};

use crate::{edge::Edge, visitor::get};

const TENANTS: u32 = 500;
const EDGES: usize = 3;
const VISITORS: u64 = 2;
const ROUND: Duration = Duration::from_secs(45);

fn host(tenant: u32) -> String {
    format!("www.shop-{tenant}.example")
}

/// The edges that take requests. One that is killed was taken out before, as a load balancer would by its probes.
type Balancer = Arc<Mutex<Vec<SocketAddr>>>;

#[test]
#[ignore = "takes a minute: cargo xtask soak static-stability"]
fn static_stability() {
    let seed = env::var("SOAK_SEED").map_or(1, |seed| seed.parse().unwrap());
    let round = env::var("SOAK_ROUND").map_or(0, |round| round.parse().unwrap());
    let mut rng = Rng::with_seed(seed ^ round << 32);
    let folder = tempfile::tempdir().unwrap();
    let mut server = Postgres::start().unwrap();
    let url = server.database().unwrap().url();
    block_on(fill(&url));
    let mut edges: Vec<_> = (0..EDGES)
        .map(|n| Edge::start(&url, &folder.path().join(n.to_string())))
        .collect();
    let files = (0..EDGES).map(|n| folder.path().join(n.to_string()));
    files.for_each(|folder| wait_until("the routes are in the folder", || has_base(&folder)));

    server.stop().unwrap();
    let balancer: Balancer = Arc::default();
    *balancer.lock().unwrap() = edges.iter().map(|edge| edge.address).collect();
    let is_over = Arc::new(AtomicBool::new(false));
    let visitors: Vec<_> = (0..VISITORS)
        .map(|n| {
            let (balancer, is_over, rng) =
                (Arc::clone(&balancer), Arc::clone(&is_over), rng.fork());
            thread::Builder::new()
                .name(format!("visitor {n}"))
                .spawn(move || visit(&balancer, &is_over, rng))
                .unwrap()
        })
        .collect();
    let begin = SystemClock.now();
    let mut kills = 0;
    while SystemClock.now().since(begin) < ROUND {
        let edge = &mut edges[rng.usize(..EDGES)];
        balancer
            .lock()
            .unwrap()
            .retain(|address| *address != edge.address);
        edge.kill_and_start_again();
        balancer.lock().unwrap().push(edge.address);
        kills += 1;
    }
    is_over.store(true, Ordering::Relaxed);
    let visits: Vec<Visits> = visitors
        .into_iter()
        .map(|visitor| visitor.join().unwrap())
        .collect();
    let known: u64 = visits.iter().map(|visits| visits.known).sum();
    let unknown: u64 = visits.iter().map(|visits| visits.unknown).sum();
    println!("{kills} kills, {known} visits to known hosts, {unknown} to unknown ones");
    assert!(
        kills >= 5 && known >= 1_000 && unknown >= 100,
        "the round did too little"
    );

    server.start_again().unwrap();
    heals(&url, &edges);
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(work)
}

async fn directory(url: &str) -> PostgresDirectory {
    let options = PostgresDirectoryOptions::default();
    PostgresDirectory::open(url, SystemClock, options)
        .await
        .unwrap()
}

async fn fill(url: &str) {
    let directory = directory(url).await;
    let cell = CellId::new(1).unwrap();
    let record = CellRecord {
        cell,
        region: "eu".parse().unwrap(),
        capacity: TENANTS,
    };
    directory.put_cell(record).await.unwrap();
    for n in 1..=TENANTS {
        let new = NewTenant {
            request: format!("request {n}").parse().unwrap(),
            slug: format!("shop-{n}").parse().unwrap(),
            plan: "basic".parse().unwrap(),
            region: None,
            domains: vec![DomainName::from_normalised(&host(n)).unwrap()],
            cell,
        };
        assert_eq!(directory.create(new).await.unwrap().id.get(), n);
    }
    directory.close().await;
}

fn has_base(folder: &Path) -> bool {
    folder.read_dir().is_ok_and(|mut files| {
        files.any(|file| {
            file.unwrap()
                .file_name()
                .to_string_lossy()
                .ends_with(".base")
        })
    })
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = SystemClock.now();
    while !is_so() {
        let waited = SystemClock.now().since(begin);
        assert!(waited < Duration::from_secs(60), "still not: {what}");
        thread::yield_now();
    }
}

struct Visits {
    known: u64,
    unknown: u64,
}

/// Panics at the first answer that is wrong.
fn visit(balancer: &Balancer, is_over: &AtomicBool, mut rng: Rng) -> Visits {
    let mut visits = Visits {
        known: 0,
        unknown: 0,
    };
    while !is_over.load(Ordering::Relaxed) {
        let edge = {
            let edges = balancer.lock().unwrap();
            edges[rng.usize(..edges.len())]
        };
        let is_known = rng.u8(..10) > 0;
        let tenant = rng.u32(1..=TENANTS);
        let host = if is_known {
            host(tenant)
        } else {
            format!("made-up-{tenant}.example")
        };
        match get(edge, &host) {
            Ok((200, found)) if is_known && found == tenant.to_string() => visits.known += 1,
            // Nobody can say at present that there is no such shop.
            Ok((503, _)) if !is_known => visits.unknown += 1,
            // Whoever is killed takes its connections along; a load balancer asks another one.
            Err(error) if is_cut(&error) && !balancer.lock().unwrap().contains(&edge) => {}
            other => panic!("{host} at {edge}: {other:?}"),
        }
    }
    visits
}

fn is_cut(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionRefused, ConnectionReset, UnexpectedEof};
    matches!(
        error.kind(),
        BrokenPipe | ConnectionRefused | ConnectionReset | UnexpectedEof
    )
}

/// When the directory is back, its changes are routes at each edge, and what is unknown is absent again.
fn heals(url: &str, edges: &[Edge]) {
    block_on(async {
        let directory = directory(url).await;
        let shop = directory
            .by_slug(&"shop-1".parse().unwrap())
            .await
            .unwrap()
            .unwrap();
        let change = TenantChange {
            add_domains: vec![DomainName::from_normalised("new.example").unwrap()],
            ..TenantChange::default()
        };
        directory
            .change(shop.id, shop.revision, change)
            .await
            .unwrap();
    });
    for edge in edges {
        wait_until(
            "a new host is a route",
            || matches!(get(edge.address, "new.example"), Ok((200, found)) if found == "1"),
        );
        wait_until("an unknown host is absent", || {
            matches!(get(edge.address, "nobody.example"), Ok((404, _)))
        });
    }
}
