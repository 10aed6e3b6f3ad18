//! Processes that follow each other on one socket.

mod load;
mod process;
mod queue;

use std::{net::SocketAddr, os::unix::net::UnixListener, path::Path, time::Duration};

use tenancy_cell_router::{Handover, HandoverError, Offer};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, UnixStream},
    time::timeout,
};

use super::raw::{PATIENCE, Raw};
use load::Load;
use process::{PATH, Process, command, told};

/// Has somebody else try to take over; what became of it.
async fn stranger(path: &Path) -> String {
    let mut child = command(module_path!(), "is_a_stranger", path);
    let output = timeout(PATIENCE, child.uid(65_534).output()).await;
    let output = output.expect("the stranger does not end").unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Not a test: what [`stranger`] starts.
#[tokio::test]
#[ignore = "a process that a test starts"]
async fn is_a_stranger() {
    let refused = Handover::at(told(PATH)).take_over().await;
    println!("\n{}", refused.unwrap_err());
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_processes_follow_each_other() {
    let folder = folder();
    let path = folder.path().join("handover");
    let first = Process::start(&path, "127.0.0.1:0").await;
    let load = Load::start(first.address, 8, 8);
    let mut running = first;
    for _ in 0..3 {
        load.more(200).await;
        let next = Process::start(&path, &running.address.to_string()).await;
        assert_eq!(next.address, running.address);
        running.ended_well().await;
        running = next;
    }
    load.more(200).await;
    let answered = load.stop().await;
    assert_eq!(answered.failures, Vec::<String>::new());
    assert_eq!(answered.processes.len(), 4, "{answered:?}");
}

#[tokio::test]
async fn one_that_dies_before_it_is_ready_changes_nothing() {
    let folder = folder();
    let path = folder.path().join("handover");
    let first = Process::start(&path, "127.0.0.1:0").await;
    for _ in 0..2 {
        let takeover = Handover::at(&path).take_over().await.unwrap();
        assert!(takeover.is_restart());
        drop(takeover);
    }
    let mut visitor = Raw::connect(first.address).await;
    visitor
        .send("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        .await;
    visitor.until("200 OK").await;
    let mut second = Process::start(&path, &first.address.to_string()).await;
    first.ended_well().await;
    assert!(second.child.try_wait().unwrap().is_none());
}

#[tokio::test]
async fn one_that_is_killed_leaves_its_sockets_to_the_next() {
    let folder = folder();
    let path = folder.path().join("handover");
    let mut first = Process::start(&path, "127.0.0.1:0").await;
    let address = first.address;
    let mut takeover = Handover::at(&path).take_over().await.unwrap();
    first.child.kill().await.unwrap();
    let waiting = Raw::connect(address).await;
    let listener = takeover.listen(address).await.unwrap();
    let offer = takeover.complete().await.unwrap();
    let (accepted, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, waiting.0.local_addr().unwrap());
    drop((accepted, offer));
}

/// In this process: who offers, and the address.
async fn offer(path: &Path) -> (Offer, SocketAddr, TcpListener) {
    let handover = Handover::at(path).with_patience(Duration::from_secs(5));
    let mut takeover = handover.take_over().await.unwrap();
    let listener = takeover.listen("127.0.0.1:0".parse().unwrap()).await;
    let listener = listener.unwrap();
    let address = listener.local_addr().unwrap();
    (takeover.complete().await.unwrap(), address, listener)
}

#[tokio::test]
async fn the_second_of_two_takers_follows_the_first() {
    let folder = folder();
    let path = folder.path().join("handover");
    let (zeroth, address, _listener) = offer(&path).await;
    let zeroth = tokio::spawn(zeroth.taken());
    let mut first = Handover::at(&path).take_over().await.unwrap();
    let second = tokio::spawn(Handover::at(&path).take_over());
    first.listen(address).await.unwrap();
    assert!(!second.is_finished() && !zeroth.is_finished());
    let first = first.complete().await.unwrap();
    zeroth.await.unwrap();
    assert!(!second.is_finished(), "nobody offers it yet");
    let first = tokio::spawn(first.taken());
    let mut second = second.await.unwrap().unwrap();
    assert!(second.is_restart());
    let listener = second.listen(address).await.unwrap();
    let _offer = second.complete().await.unwrap();
    first.await.unwrap();
    let _visitor = Raw::connect(address).await;
    listener.accept().await.unwrap();
}

#[tokio::test]
async fn one_that_is_not_ready_in_time_is_told_so() {
    let folder = folder();
    let path = folder.path().join("handover");
    let (offer, address, _listener) = offer(&path).await;
    let offering = tokio::spawn(offer.taken());
    let slow = Handover::at(&path).take_over().await.unwrap();
    tokio::time::pause();
    // Nothing else is to be done, so the paused clock goes to the end of the patience.
    tokio::time::sleep(Duration::from_secs(6)).await;
    tokio::time::resume();
    let refused = slow.complete().await.unwrap_err();
    assert!(
        matches!(refused, HandoverError::Withdrawn { .. }),
        "{refused}"
    );
    assert!(!offering.is_finished());
    let mut next = Handover::at(&path).take_over().await.unwrap();
    next.listen(address).await.unwrap();
    next.complete().await.unwrap();
    offering.await.unwrap();
}

#[tokio::test]
async fn a_socket_that_is_left_over_is_replaced() {
    let folder = folder();
    let path = folder.path().join("handover");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (offer, _, _listener) = offer(&path).await;
    tokio::spawn(offer.taken());
    let next = Handover::at(&path).take_over().await.unwrap();
    assert!(next.is_restart());
}

#[tokio::test]
async fn others_at_the_path_are_told_apart() {
    let folder = folder();
    let path = folder.path().join("handover");
    let other = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = other.accept().await {
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 4")
                .await
                .unwrap();
        }
    });
    let refused = Handover::at(&path).take_over().await.unwrap_err();
    assert!(
        matches!(refused, HandoverError::Unreadable { .. }),
        "{refused}"
    );

    let nowhere = folder.path().join("no/such/folder/handover");
    let fresh = Handover::at(nowhere).take_over().await.unwrap();
    let failed = fresh.complete().await.unwrap_err();
    assert!(matches!(failed, HandoverError::Path { .. }), "{failed}");
}

/// Changing the user needs the superuser, who runs these tests in containers. Elsewhere nobody can play the stranger.
#[tokio::test]
async fn other_users_are_sent_away() {
    let folder = folder();
    let path = folder.path().join("handover");
    let (offer, _, _listener) = offer(&path).await;
    let offering = tokio::spawn(offer.taken());
    // The file alone would keep others out; here they come that far.
    let open = |path: &Path, mode| {
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
        std::fs::set_permissions(path, permissions).unwrap();
    };
    open(folder.path(), 0o755);
    open(&path, 0o666);
    if nix::unistd::geteuid().is_root() {
        let said = stranger(&path).await;
        assert!(said.contains("of user 0, this one is user 65534"), "{said}");
    }
    assert!(!offering.is_finished());
    // Somebody of this user who says nothing sensible is sent away, too.
    let mut visitor = UnixStream::connect(&path).await.unwrap();
    let said = tokio::io::AsyncWriteExt::write_all(&mut visitor, b"GET / HTTP/1.1\r\n\r\n").await;
    said.unwrap();
    let mut rest = Vec::new();
    let read = timeout(PATIENCE, visitor.read_to_end(&mut rest)).await;
    let _ = read.unwrap();
    assert!(rest.is_empty());
    assert!(!offering.is_finished());
}
