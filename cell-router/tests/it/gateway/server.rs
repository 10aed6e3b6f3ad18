//! The server: its bounds, and its end.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::body::Incoming;
use tenancy_cell_router::{ConnectionInfo, Security, Server, ServerLimits, Stop};
use tokio::{
    io::AsyncReadExt as _,
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::raw::Raw;

struct Running {
    address: SocketAddr,
    stop: watch::Sender<Stop>,
    serving: JoinHandle<()>,
}

/// Answers with the connection's addresses.
async fn start(limits: ServerLimits) -> Running {
    start_with(limits, async |request: Request<Incoming>| {
        let info = request.extensions().get::<ConnectionInfo>().unwrap();
        assert_eq!(info.security(), Security::Plain);
        format!("{} {}", info.peer(), info.local())
    })
    .await
}

async fn start_with<F, Fut>(limits: ServerLimits, answer: F) -> Running
where
    F: Fn(Request<Incoming>) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = String> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(Stop::Not);
    let service = tower::service_fn(move |request| {
        let answered = answer(request);
        async move { Ok::<_, Infallible>(Response::new(answered.await)) }
    });
    let server = Server::new(listener).with_limits(limits);
    assert_eq!(server.address().unwrap(), address);
    let serving = tokio::spawn(server.serve(service, stopped));
    Running {
        address,
        stop,
        serving,
    }
}

fn quick() -> ServerLimits {
    ServerLimits {
        head: Duration::from_secs(3),
        stall: Duration::from_secs(3),
        ping: Duration::from_secs(2),
        drain: Duration::from_secs(3),
        ..ServerLimits::default()
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";

#[tokio::test]
async fn requests_know_their_connection() {
    let running = start(ServerLimits::default()).await;
    let mut client = Raw::connect(running.address).await;
    client.send(GET).await;
    let expected = format!("{} {}", client.0.local_addr().unwrap(), running.address);
    client.until(&expected).await;
}

/// What a client may send and then fall silent.
const SILENCES: [&str; 5] = [
    "",
    "G",
    "GET / HTTP/1.1\r\nHost: a.exa",
    "PRI",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
];

#[tokio::test(start_paused = true)]
async fn a_client_that_falls_silent_is_cut() {
    let running = start(quick()).await;
    for said in SILENCES {
        let began = tokio::time::Instant::now();
        let mut client = Raw::connect(running.address).await;
        client.send(said).await;
        client.closed().await;
        let took = began.elapsed().as_secs();
        assert!((3..=4).contains(&took), "{said:?}: {took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_by_the_drop_is_cut() {
    let running = start(quick()).await;
    for begin in ["GET / HTTP/1.1\r\n", ""] {
        let mut client = Raw::connect(running.address).await;
        client.send(begin).await;
        let dripping = async {
            let drops = if begin.is_empty() {
                "PRI * HTTP/2.0\r\n\r\nSM"
            } else {
                "X: 1234567890123456"
            };
            for sign in drops.bytes() {
                tokio::time::advance(Duration::from_secs(1)).await;
                if tokio::io::AsyncWriteExt::write_all(&mut client.0, &[sign])
                    .await
                    .is_err()
                {
                    return;
                }
            }
        };
        dripping.await;
        client.closed().await;
    }
}

const LARGE: usize = 64 << 20;

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut() {
    let running = start_with(quick(), async |_| "x".repeat(LARGE)).await;
    let mut client = Raw::connect(running.address).await;
    client.send(GET).await;
    client.until("200 OK").await;
    pass(Duration::from_secs(4)).await;
    let rest = client.rest().await;
    assert!(rest.len() < LARGE, "all was sent");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_little_by_little_is_not_cut() {
    let running = start_with(quick(), async |_| "x".repeat(LARGE)).await;
    let mut client = Raw::connect(running.address).await;
    client
        .send("GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
        .await;
    let mut piece = vec![0; LARGE / 16];
    let mut taken = 0;
    for _ in 0..4 {
        pass(Duration::from_secs(2)).await;
        taken += client.0.read_exact(&mut piece).await.unwrap();
    }
    taken += client.rest().await.len();
    assert!(taken > LARGE, "{taken} bytes");
}

/// Lets the paused clock run.
async fn pass(time: Duration) {
    let passed = tokio::time::timeout(time, std::future::pending::<()>()).await;
    assert!(passed.is_err());
}

#[tokio::test(start_paused = true)]
async fn more_connections_than_places_wait() {
    let limits = ServerLimits {
        connections: 1,
        ..ServerLimits::default()
    };
    let running = start(limits).await;
    let mut first = Raw::connect(running.address).await;
    first.send(GET).await;
    first.until("200 OK").await;
    let mut second = Raw::connect(running.address).await;
    second.send(GET).await;
    let early = tokio::time::timeout(Duration::from_millis(200), second.head()).await;
    assert!(early.is_err(), "two were served at a time");
    drop(first);
    let mut third = Raw::connect(running.address).await;
    third.send(GET).await;
    drop(second);
    third.until("200 OK").await;
}

#[tokio::test]
async fn a_drain_finishes_what_is_in_flight_and_takes_nothing_new() {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (go, wait) = watch::channel(());
    let mut running = start_with(ServerLimits::default(), move |_| {
        let (arrived, mut wait) = (arrived.clone(), wait.clone());
        async move {
            arrived.send(()).unwrap();
            wait.changed().await.unwrap();
            "done".to_owned()
        }
    })
    .await;
    let mut idle = Raw::connect(running.address).await;
    let mut busy = Raw::connect(running.address).await;
    busy.send(GET).await;
    // Connections are accepted in order: the idle one is, too.
    arrivals.recv().await.unwrap();
    running.stop.send_replace(Stop::Drain);
    idle.closed().await;
    assert!(!running.serving.is_finished());
    go.send_replace(());
    let answer = busy.rest().await;
    assert!(answer.ends_with("done"), "{answer}");
    (&mut running.serving).await.unwrap();
    let refused = tokio::net::TcpStream::connect(running.address).await;
    assert!(refused.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_finish_is_cut_off() {
    for (said, seconds) in [(Stop::Drain, 3), (Stop::Now, 0)] {
        let mut running = start_with(quick(), async |_| std::future::pending().await).await;
        let mut client = Raw::connect(running.address).await;
        client.send(GET).await;
        let began = tokio::time::Instant::now();
        tokio::task::yield_now().await;
        running.stop.send_replace(said);
        client.closed().await;
        (&mut running.serving).await.unwrap();
        assert_eq!(began.elapsed().as_secs(), seconds, "{said:?}");
    }
}

#[tokio::test]
async fn dropping_the_server_cuts_everything_off() {
    let running = start_with(ServerLimits::default(), async |_| {
        std::future::pending().await
    })
    .await;
    let mut client = Raw::connect(running.address).await;
    client.send(GET).await;
    running.serving.abort();
    client.closed().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_may_bring_one_more_request_into_a_drain() {
    for (linger, is_answered) in [(Duration::from_secs(2), true), (Duration::ZERO, false)] {
        let running = start(ServerLimits { linger, ..quick() }).await;
        let mut client = Raw::connect(running.address).await;
        client.send(GET).await;
        let first = client.head().await;
        assert!(!first.contains("connection: close"), "{first}");
        running.stop.send_replace(Stop::Drain);
        pass(Duration::from_secs(1)).await;
        // The connection may be gone, which is what is asked for.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut client.0, GET.as_bytes()).await;
        let last = client.rest().await;
        assert_eq!(last.contains("connection: close"), is_answered, "{last}");
    }
}
