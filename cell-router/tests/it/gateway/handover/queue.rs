//! What becomes of connections that wait in the queue of a socket.

use std::net::SocketAddr;

use tenancy_cell_router::Handover;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use super::super::raw::PATIENCE;

const WAITING: usize = 50;

/// Connects, and says something that nobody accepts yet.
async fn fill(address: SocketAddr) -> Vec<TcpStream> {
    let mut waiting = Vec::new();
    for _ in 0..WAITING {
        let mut visitor = TcpStream::connect(address).await.unwrap();
        visitor.write_all(b"hello").await.unwrap();
        waiting.push(visitor);
    }
    waiting
}

/// Greets whoever connects.
async fn greet(listener: TcpListener) {
    while let Ok((mut visitor, _)) = listener.accept().await {
        let mut said = [0; 5];
        visitor.read_exact(&mut said).await.unwrap();
        visitor.write_all(b"hello").await.unwrap();
    }
}

/// How many are greeted, and how many are reset.
async fn fates(waiting: Vec<TcpStream>) -> (usize, usize) {
    let (mut greeted, mut reset) = (0, 0);
    for mut visitor in waiting {
        let mut said = [0; 5];
        let read = timeout(PATIENCE, visitor.read_exact(&mut said)).await;
        match read.expect("neither greeted nor reset") {
            Ok(_) => greeted += 1,
            Err(_) => reset += 1,
        }
    }
    (greeted, reset)
}

fn bind_as_well(address: SocketAddr) -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

#[tokio::test]
async fn a_second_socket_on_the_address_is_no_handover() {
    let old = bind_as_well("127.0.0.1:0".parse().unwrap());
    let address = old.local_addr().unwrap();
    let waiting = fill(address).await;
    let new = bind_as_well(address);
    drop(old);
    let greeting = tokio::spawn(greet(new));
    assert_eq!(fates(waiting).await, (0, WAITING));
    // It is not the new socket that is at fault: who comes now is greeted.
    assert_eq!(fates(fill(address).await).await, (WAITING, 0));
    greeting.abort();
}

#[tokio::test]
async fn a_socket_that_was_handed_over_keeps_its_queue() {
    let folder = super::folder();
    let path = folder.path().join("handover");
    let (offer, address, old) = super::offer(&path).await;
    let waiting = fill(address).await;
    let offering = tokio::spawn(offer.taken());
    let mut takeover = Handover::at(&path).take_over().await.unwrap();
    let new = takeover.listen(address).await.unwrap();
    let _offer = takeover.complete().await.unwrap();
    offering.await.unwrap();
    drop(old);
    let greeting = tokio::spawn(greet(new));
    assert_eq!(fates(waiting).await, (WAITING, 0));
    greeting.abort();
}
