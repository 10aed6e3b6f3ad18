//! Who is connected, as a load balancer in front says it: the PROXY protocol, version 2
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

mod acceptor;
mod header;

pub use acceptor::ProxyProtocol;
