//! Processes that start from another one's routes, and peers that lie.

use std::{convert::Infallible, error::Error as _, path::Path, sync::Arc};

use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tenancy_cell_router::{
    Contact, Damage, Error, Follower, Guards, HttpPeer, LineTable, Peer, Progress, Refusal,
    RouteTable, SnapshotFolder, SnapshotService,
};
use tenancy_types::{Answer, DirectoryEvent, Lookup, ManualClock, Position};
use tokio::{net::TcpListener, task::JoinHandle};
use tower::{ServiceExt, service_fn};

use crate::follower_world::{World, domain, tenant, until, until_recorded};

/// A process that serves what it knows.
struct Server {
    service: SnapshotService,
    progress: Progress,
    _folder: tempfile::TempDir,
    task: JoinHandle<Infallible>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// With entries behind its base.
async fn server(world: &World) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let files = SnapshotFolder::new(folder.path());
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(world.clone(), table, ManualClock::default());
    let follower = follower.with_folder(files.clone());
    let progress = follower.progress();
    let task = tokio::spawn(follower.run());
    let recorded = async |position: Position| {
        until_recorded(&progress, |recorded| recorded.position == Some(position)).await;
    };
    let base = world.state().position();
    recorded(base).await;
    world.move_to(1, 2, 2);
    let (moved, gone) = (domain(2), domain(3));
    world.tell(DirectoryEvent::DomainRemoved {
        domain: moved.clone(),
        tenant: tenant(2),
    });
    world.tell(DirectoryEvent::DomainAdded {
        domain: moved,
        tenant: tenant(1),
    });
    world.tell(DirectoryEvent::DomainRemoved {
        domain: gone,
        tenant: tenant(3),
    });
    let end = world.state().position();
    recorded(end).await;
    Server {
        service: SnapshotService::new(files, progress.clone()),
        progress,
        _folder: folder,
        task,
    }
}

/// A process without files whose directory is away.
fn start(world: &World, peers: Vec<Box<dyn Peer>>) -> (Arc<LineTable>, Progress) {
    let table = Arc::new(LineTable::new());
    let clock = ManualClock::default();
    let mut follower = Follower::new(world.clone(), Arc::clone(&table), clock);
    for peer in peers {
        follower = follower.with_peer(peer);
    }
    let progress = follower.progress();
    tokio::spawn(follower.run());
    (table, progress)
}

/// On a socket of its own.
async fn listen(service: SnapshotService) -> Uri {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(service.clone());
            let server = auto::Builder::new(TokioExecutor::new());
            tokio::spawn(async move {
                // A client that goes away is no matter of the test.
                server
                    .serve_connection(TokioIo::new(stream), service)
                    .await
                    .ok();
            });
        }
    });
    format!("http://{address}/routes").parse().unwrap()
}

fn over_http(
    uri: Uri,
) -> HttpPeer<Client<HttpConnector, Empty<bytes::Bytes>>, Empty<bytes::Bytes>> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    HttpPeer::new(client, uri)
}

#[tokio::test]
async fn a_process_without_files_starts_from_a_peer() {
    let world = World::with(5);
    let server = server(&world).await;
    let uri = listen(server.service.clone()).await;
    world.change(|state| state.is_away = true);

    let (table, progress) = start(&world, vec![Box::new(over_http(uri.clone()))]);
    let end = Some(world.state().position());
    until(&progress, |status| status.position == end).await;
    world.check(&table);
    assert_eq!(progress.status().contact, Contact::Never);
    // Nothing newer is nothing.
    let again = over_http(uri).fetch(end).await.unwrap();
    assert!(again.is_none());
    assert_eq!(server.progress.status().counts.fillings, 1);

    // And from there on along the log.
    world.change(|state| state.is_away = false);
    world.add_tenant(6);
    let end = Some(world.state().position());
    until(&progress, |status| status.position == end).await;
    world.check(&table);
    assert_eq!(world.state().snapshots, 1, "the server's own");
}

#[tokio::test]
async fn who_has_nothing_says_so() {
    let world = World::with(1);
    let table = Arc::new(LineTable::new());
    let follower = Follower::new(world.clone(), table, ManualClock::default());
    let folder = SnapshotFolder::new(Path::new("there is none"));
    let service = SnapshotService::new(folder, follower.progress());
    let ask = |method: &str| {
        let request = Request::builder().method(method).body(()).unwrap();
        service.clone().oneshot(request)
    };
    let response = ask("GET").await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[header::RETRY_AFTER], "1");
    let response = ask("POST").await.unwrap();
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}

type Chunks = Vec<Result<Vec<u8>, &'static str>>;

/// A peer that answers so.
#[derive(Clone)]
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    chunks: Chunks,
    /// Whether it says nothing more behind them, and does not end either.
    stalls: bool,
}

impl Answered {
    async fn truth(server: &Server) -> Self {
        let request = Request::new(());
        let response = server.service.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            chunks: vec![Ok(bytes.to_vec())],
            stalls: false,
        }
    }

    fn bytes(&mut self) -> &mut Vec<u8> {
        self.chunks[0].as_mut().unwrap()
    }

    fn peer(self) -> impl Peer {
        let service = service_fn(move |_: Request<Empty<bytes::Bytes>>| {
            let Self {
                status,
                headers,
                chunks,
                stalls,
            } = self.clone();
            let frames = stream::iter(chunks).map(|chunk| {
                let frame = |bytes: Vec<u8>| http_body::Frame::data(bytes::Bytes::from(bytes));
                chunk.map(frame)
            });
            let body: UnsyncBoxBody<_, _> = if stalls {
                StreamBody::new(frames.chain(stream::pending())).boxed_unsync()
            } else {
                StreamBody::new(frames).boxed_unsync()
            };
            let mut response = Response::new(body);
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            std::future::ready(Ok::<_, Infallible>(response))
        });
        HttpPeer::new(service, Uri::from_static("http://peer.internal/"))
    }

    /// What a reader finds wrong, to the last fact.
    async fn wrong(self) -> Error {
        let snapshot = match self.peer().fetch(None).await {
            Ok(snapshot) => snapshot.expect("everything is new"),
            Err(error) => return error,
        };
        let facts: Vec<_> = snapshot.facts.collect().await;
        let wrong = facts.into_iter().find_map(Result::err);
        wrong.expect("the lie was believed")
    }
}

#[track_caller]
fn damage(error: &Error, expect: Damage) {
    match error {
        Error::Damaged { damage } if *damage == expect => {}
        other => panic!("{other:?}: {:?}", other.source()),
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_lies_is_not_believed() {
    let world = World::with(50);
    let server = server(&world).await;
    let truth = Answered::truth(&server).await;
    let lie = |lie: &dyn Fn(&mut Answered)| {
        let mut answered = truth.clone();
        lie(&mut answered);
        answered.wrong()
    };

    damage(
        &lie(&|a| *a.bytes() = b"<html>busy</html>".repeat(9)).await,
        Damage::Magic,
    );
    damage(&lie(&|a| a.bytes().clear()).await, Damage::Truncated);
    damage(&lie(&|a| a.bytes().push(0)).await, Damage::Trailing);
    let middle = truth.clone().bytes().len() / 2;
    damage(
        &lie(&|a| a.bytes().truncate(middle)).await,
        Damage::Truncated,
    );
    damage(&lie(&|a| a.bytes()[middle] ^= 4).await, Damage::Checksum);
    let broken = lie(&|a| a.chunks.push(Err("the connection broke"))).await;
    assert!(matches!(broken, Error::Peer { .. }), "{broken:?}");
    let stalled = lie(&|a| {
        a.bytes().truncate(middle);
        a.stalls = true;
    });
    assert!(matches!(stalled.await, Error::Peer { .. }));
    let busy = lie(&|a| a.status = StatusCode::BAD_GATEWAY).await;
    assert!(matches!(busy, Error::Peer { .. }), "{busy:?}");
    let elsewhere = lie(&|a| {
        let tag = HeaderValue::from_static("\"00000000000000000000000000000007-0-9999\"");
        a.headers.insert(header::ETAG, tag);
    });
    assert!(matches!(elsewhere.await, Error::Peer { .. }));
    // The logs alone: the base never comes.
    let at = |bytes: &[u8]| {
        let mut headers = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"\x8aRoutes\n"));
        headers.next_back().unwrap()
    };
    damage(
        &lie(&|a| {
            let base = at(a.bytes());
            a.bytes().truncate(base);
        })
        .await,
        Damage::Truncated,
    );
    // The base first: it is not the one that the position says, but older.
    let swapped = lie(&|a| {
        let base = at(a.bytes());
        let mut swapped = a.bytes().split_off(base);
        swapped.append(a.bytes());
        *a.bytes() = swapped;
    });
    assert!(matches!(swapped.await, Error::Peer { .. }));
}

/// A lie in the length is noticed before it is read, and an endless body while it is.
#[tokio::test]
async fn no_more_is_read_than_allowed() {
    let world = World::with(50);
    let server = server(&world).await;
    let guards = Guards::default().with_most_bytes(1_000);
    let uri = listen(server.service.clone()).await;
    let refused = over_http(uri).with_guards(guards).fetch(None).await;
    let refused = refused.unwrap_err();
    let too_long = |error: &Error| {
        let refusal = Refusal::TooLong { most: 1_000 };
        matches!(error, Error::Refused { refusal: found } if *found == refusal)
    };
    assert!(too_long(&refused), "{refused:?}");
}

/// The directory is away, the first peers are poisoned, and one is good.
#[tokio::test(start_paused = true)]
async fn a_poisoned_peer_delays_nothing_but_itself() {
    let world = World::with(20);
    let server = server(&world).await;
    world.change(|state| state.is_away = true);
    let truth = Answered::truth(&server).await;
    let mut torn = truth.clone();
    let middle = torn.bytes().len() / 2;
    torn.bytes().truncate(middle);
    let mut stalled = torn.clone();
    stalled.stalls = true;

    let alone = start(&world, vec![Box::new(torn.clone().peer())]);
    until(&alone.1, |status| status.counts.failures > 3).await;
    assert_eq!(alone.0.lookup(&domain(1)), Answer::NotReady);

    let peers: Vec<Box<dyn Peer>> = vec![
        Box::new(torn.peer()),
        Box::new(stalled.peer()),
        Box::new(truth.peer()),
    ];
    let (table, progress) = start(&world, peers);
    let end = Some(world.state().position());
    until(&progress, |status| status.position == end).await;
    world.check(&table);
}

/// A peer that is older than what is known, or of another directory, changes nothing.
#[tokio::test(start_paused = true)]
async fn a_peer_does_not_take_routes_back() {
    let world = World::with(20);
    let folder = tempfile::tempdir().unwrap();
    let server = server(&world).await;
    let old = Answered::truth(&server).await;
    world.add_tenant(21);
    let files = || SnapshotFolder::new(folder.path());
    let table = Arc::new(LineTable::new());
    let first = Follower::new(world.clone(), Arc::clone(&table), ManualClock::default());
    let first = first.with_folder(files());
    let progress = first.progress();
    let task = tokio::spawn(first.run());
    let end = Some(world.state().position());
    until_recorded(&progress, |recorded| recorded.position == end).await;
    task.abort();

    world.change(|state| state.is_away = true);
    let again = Arc::new(LineTable::new());
    let clock = ManualClock::default();
    let follower = Follower::new(world.clone(), Arc::clone(&again), clock);
    let follower = follower.with_folder(files()).with_peer(old.peer());
    let progress = follower.progress();
    tokio::spawn(follower.run());
    until(&progress, |status| status.counts.failures > 3).await;
    assert_eq!(again.position(), end);
    world.check(&again);
    assert_eq!(progress.status().counts.fillings, 1);
}
