//! Somebody who asks for hosts, at whichever edge answers, as behind a load balancer.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The status and the body of an answer.
pub(crate) fn get(edge: SocketAddr, host: &str) -> io::Result<(u16, String)> {
    let patience = Duration::from_secs(10);
    let mut connection = TcpStream::connect_timeout(&edge, patience)?;
    connection.set_read_timeout(Some(patience))?;
    write!(
        connection,
        "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer)?;
    let cut = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(cut)?;
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Ok((status.ok_or_else(cut)?, body.to_owned()))
}
