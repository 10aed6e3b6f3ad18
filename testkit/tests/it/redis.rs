//! A Redis of one's own.

use std::io::{BufRead as _, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use tenancy_testkit::{Address, Proxy, Redis};

/// Sends commands as a person would type them, and reads the line that answers the last.
fn ask(mut stream: impl Read + Write, commands: &str) -> String {
    stream.write_all(commands.as_bytes()).unwrap();
    let lines = commands.lines().count();
    let answers: Vec<String> = BufReader::new(stream)
        .lines()
        .take(lines)
        .map(Result::unwrap)
        .collect();
    answers.last().unwrap().clone()
}

fn connect(redis: &Redis) -> UnixStream {
    match redis.address() {
        Address::Unix(file) => UnixStream::connect(file).unwrap(),
        Address::Tcp(address) => panic!("Redis listens on {address}"),
    }
}

#[test]
fn it_answers_and_a_url_names_its_socket() {
    let redis = Redis::shared();
    assert_eq!(ask(connect(redis), "PING\r\n"), "+PONG");
    assert_eq!(redis.url(), format!("redis+unix://{}", redis.address()));
    assert!(redis.url().starts_with("redis+unix:///"), "{}", redis.url());
}

#[test]
fn it_has_no_network_and_keeps_nothing() {
    let redis = Redis::shared();
    let settings = "CONFIG GET port\r\n";
    // An array of a name and a value: its fifth line is the value.
    let mut stream = connect(redis);
    stream.write_all(settings.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().take(5);
    assert_eq!(lines.last().unwrap().unwrap(), "0");
}

#[test]
fn it_is_empty_after_a_crash() {
    let mut redis = Redis::start().unwrap();
    let other = Redis::start().unwrap();
    for server in [&redis, &other] {
        assert_eq!(
            ask(connect(server), "SET cart full\r\nEXISTS cart\r\n"),
            ":1"
        );
    }
    redis.crash().unwrap();
    let Address::Unix(file) = redis.address() else {
        panic!("Redis listens on a socket")
    };
    assert!(UnixStream::connect(file).is_err());
    assert!(redis.crash().is_err(), "there is nothing left to end");
    redis.start_again().unwrap();
    assert_eq!(ask(connect(&redis), "EXISTS cart\r\n"), ":0");
    assert_eq!(ask(connect(&other), "EXISTS cart\r\n"), ":1");
}

#[test]
fn a_proxy_gives_it_a_port() {
    let redis = Redis::shared();
    let proxy = Proxy::start(redis.address()).unwrap();
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    assert_eq!(ask(&stream, "PING\r\n"), "+PONG");
    proxy.cut();
    let error = stream.read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}
