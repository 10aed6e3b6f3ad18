//! A line that is made slow, silent or broken while it is used.

use std::io::ErrorKind;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use tenancy_testkit::{Address, Database, Direction, Postgres, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::client::{connect, text};

/// So long that no test ends before.
const FOR_EVER: Duration = Duration::from_secs(3600);
/// How long silence is listened to. A slow machine only makes it more silent.
const A_WHILE: Duration = Duration::from_millis(100);

const COUNT: &str = "select count(*)::text from orders";
const INSERT: &str = "insert into orders values (1)";

/// A database with a table, a proxy in front of it, and a connection through the proxy that works.
async fn database() -> (Database, Proxy, PgConnection) {
    let database = Postgres::shared().database().unwrap();
    database.run("create table orders (id int)").unwrap();
    let proxy = Proxy::start(database.address().clone()).unwrap();
    let mut connection = connect(&proxy.database(&database)).await;
    assert_eq!(text(&mut connection, COUNT).await, "0");
    (database, proxy, connection)
}

/// Two ends of a line, and the server that goes on listening.
struct Ends {
    proxy: Proxy,
    client: TcpStream,
    server: TcpStream,
    listener: TcpListener,
}

async fn ends() -> Ends {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(Address::Tcp(listener.local_addr().unwrap())).unwrap();
    let client = TcpStream::connect(proxy.address()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    Ends {
        proxy,
        client,
        server,
        listener,
    }
}

async fn send(from: &mut TcpStream, to: &mut TcpStream) {
    from.write_all(b"pot").await.unwrap();
    arrives(to).await;
}

async fn arrives(at: &mut TcpStream) {
    let mut piece = [0; 3];
    at.read_exact(&mut piece).await.unwrap();
    assert_eq!(&piece, b"pot");
}

async fn is_silent(end: &mut TcpStream) -> bool {
    timeout(A_WHILE, end.read(&mut [0; 3])).await.is_err()
}

async fn was_reset(end: &mut TcpStream) -> bool {
    let read = end.read(&mut [0; 3]).await;
    read.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn a_delay_begins_and_ends_under_a_running_query() {
    let (_, proxy, mut connection) = database().await;
    proxy.delay(FOR_EVER);
    let mut query = Box::pin(connection.execute(INSERT));
    assert!(timeout(A_WHILE, &mut query).await.is_err());
    proxy.heal();
    query.await.unwrap();
}

#[tokio::test]
async fn what_is_delayed_arrives_whole_and_in_order() {
    let (_, proxy, mut connection) = database().await;
    proxy.delay(Duration::from_millis(5));
    let long = "select string_agg(n::text, ',' order by n) from generate_series(1, 100000) n";
    let numbers = text(&mut connection, long).await;
    assert!(
        numbers
            .split(',')
            .map(|n| n.parse::<u32>().unwrap())
            .eq(1..=100_000)
    );
}

#[tokio::test]
async fn an_answer_can_be_lost_after_the_deed_was_done() {
    let (direct, proxy, mut connection) = database().await;
    proxy.hang(Direction::ToClient);
    let mut query = Box::pin(connection.execute(INSERT));
    assert!(timeout(A_WHILE, &mut query).await.is_err());
    let mut looks = (0..500).map(|_| direct.run(COUNT).unwrap());
    assert!(looks.any(|count| count == "1"));
    proxy.cut();
    let error = query.await.unwrap_err();
    assert!(matches!(error, sqlx::Error::Io(_)), "{error}");
    assert_eq!(direct.run(COUNT).unwrap(), "1");
}

#[tokio::test]
async fn a_question_that_is_held_back_and_cut_was_never_asked() {
    let (direct, proxy, mut connection) = database().await;
    proxy.hang(Direction::ToServer);
    let mut query = Box::pin(connection.execute(INSERT));
    assert!(timeout(A_WHILE, &mut query).await.is_err());
    proxy.cut();
    query.await.unwrap_err();
    proxy.heal();
    let mut again = connect(&proxy.database(&direct)).await;
    assert_eq!(text(&mut again, COUNT).await, "0");
    again.execute(INSERT).await.unwrap();
    assert_eq!(direct.run(COUNT).unwrap(), "1");
}

#[tokio::test]
async fn each_direction_hangs_by_itself() {
    let mut line = ends().await;
    line.proxy.hang(Direction::ToServer);
    send(&mut line.server, &mut line.client).await;
    line.client.write_all(b"pot").await.unwrap();
    assert!(is_silent(&mut line.server).await);

    line.proxy.hang(Direction::ToClient);
    arrives(&mut line.server).await;
    line.server.write_all(b"pot").await.unwrap();
    assert!(is_silent(&mut line.client).await);

    line.proxy.hang(Direction::Both);
    line.client.write_all(b"pot").await.unwrap();
    assert!(is_silent(&mut line.client).await && is_silent(&mut line.server).await);

    line.proxy.heal();
    arrives(&mut line.client).await;
    arrives(&mut line.server).await;
}

#[tokio::test]
async fn nobody_learns_over_a_hanging_line_that_the_other_left() {
    let mut line = ends().await;
    line.proxy.hang(Direction::Both);
    drop(line.client);
    assert!(is_silent(&mut line.server).await);
    line.proxy.heal();
    assert_eq!(line.server.read(&mut [0; 3]).await.unwrap(), 0);
}

#[tokio::test]
async fn a_hanging_line_accepts_clients_and_is_silent() {
    let line = ends().await;
    line.proxy.hang(Direction::Both);
    let mut late = TcpStream::connect(line.proxy.address()).await.unwrap();
    late.write_all(b"pot").await.unwrap();
    let (mut server, _) = line.listener.accept().await.unwrap();
    assert!(is_silent(&mut server).await);
    line.proxy.heal();
    arrives(&mut server).await;
}

#[tokio::test]
async fn a_cut_resets_both_ends_and_later_clients_are_served() {
    let mut line = ends().await;
    send(&mut line.client, &mut line.server).await;
    line.proxy.cut();
    assert!(was_reset(&mut line.client).await && was_reset(&mut line.server).await);

    let (database, proxy, mut connection) = database().await;
    proxy.cut();
    connection.ping().await.unwrap_err();
    connect(&proxy.database(&database))
        .await
        .ping()
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refusing_port_is_closed_for_new_clients_only() {
    let mut line = ends().await;
    line.proxy.refuse();
    for _ in 0..3 {
        let error = TcpStream::connect(line.proxy.address()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    }
    send(&mut line.client, &mut line.server).await;
    line.proxy.heal();
    TcpStream::connect(line.proxy.address()).await.unwrap();
    send(&mut line.server, &mut line.client).await;
}

#[tokio::test]
async fn a_server_that_is_away_resets_its_clients() {
    let mut cluster = Postgres::start().unwrap();
    let database = cluster.database().unwrap();
    let proxy = Proxy::start(cluster.address()).unwrap();
    let proxied = proxy.database(&database);
    cluster.stop().unwrap();
    assert!(PgConnection::connect(&proxied.url()).await.is_err());
    cluster.start_again().unwrap();
    connect(&proxied).await.ping().await.unwrap();
}

#[tokio::test]
async fn connections_end_with_their_proxy() {
    let mut line = ends().await;
    drop(line.proxy);
    assert!(!matches!(line.client.read(&mut [0; 3]).await, Ok(1..)));
    assert!(!matches!(line.server.read(&mut [0; 3]).await, Ok(1..)));
}

#[test]
#[should_panic(expected = "this proxy leads to another server")]
fn a_proxy_is_not_taken_for_another_servers() {
    let database = Postgres::shared().database().unwrap();
    let elsewhere = Address::Tcp(([127, 0, 0, 1], 1).into());
    let _wrong = Proxy::start(elsewhere).unwrap().database(&database);
}
