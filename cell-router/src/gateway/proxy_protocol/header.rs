//! The header in front of a connection's own bytes. Pure.
//!
//! ```text
//!  0            12        13       14       16
//!  | signature  | 2 | cmd | family | length | addresses, then TLVs: length bytes |
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::gateway::Security;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Up to the length.
const FIXED: usize = 16;
/// The longest rest that is read. The largest in use are those with a client's certificate among the TLVs.
const LONGEST_REST: usize = 4 * 1024;

/// The TLV that says whether the client spoke TLS (section 2.2.6), and its bit for that.
const TYPE_SSL: u8 = 0x20;
const CLIENT_SSL: u8 = 0x01;

/// What the bytes so far are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The beginning of a header; so many bytes more belong to it in any case.
    More(usize),
    /// A whole header.
    Whole(Sender),
}

/// Who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// The proxy for itself, or somebody of whom it says nothing: the connection's own addresses count.
    Proxy,
    /// A client of the proxy.
    Client {
        from: SocketAddr,
        to: SocketAddr,
        security: Security,
    },
}

/// Why it is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    #[error("not the PROXY protocol, version 2")]
    Signature,
    #[error("an unknown version of the PROXY protocol")]
    Version,
    #[error("an unknown command")]
    Command,
    #[error("an unknown family or transport")]
    Family,
    #[error("{length} bytes of addresses and extensions")]
    Length { length: usize },
    #[error("an extension is longer than the header")]
    Extension,
}

/// Reads the bytes of a connection so far, which must not be more than asked for.
pub(super) fn read(bytes: &[u8]) -> Result<Progress, Fault> {
    let signature = bytes.len().min(SIGNATURE.len());
    if bytes[..signature] != SIGNATURE[..signature] {
        return Err(Fault::Signature);
    }
    let Some((fixed, rest)) = bytes.split_at_checked(FIXED) else {
        return Ok(Progress::More(FIXED - bytes.len()));
    };
    if fixed[12] >> 4 != 2 {
        return Err(Fault::Version);
    }
    let length = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > LONGEST_REST {
        return Err(Fault::Length { length });
    }
    match length.checked_sub(rest.len()) {
        Some(0) => sender(fixed[12] & 15, fixed[13], rest).map(Progress::Whole),
        Some(missing) => Ok(Progress::More(missing)),
        None => Err(Fault::Length { length }),
    }
}

fn sender(command: u8, family: u8, rest: &[u8]) -> Result<Sender, Fault> {
    match command {
        // For the proxy's own connections nothing in the block counts.
        0 => return Ok(Sender::Proxy),
        1 => {}
        _ => return Err(Fault::Command),
    }
    let short = Fault::Length { length: rest.len() };
    let (from, to, extensions) = match family {
        0x00 => return Ok(Sender::Proxy),
        0x11 | 0x12 => addresses::<4>(rest).ok_or(short)?,
        0x21 | 0x22 => addresses::<16>(rest).ok_or(short)?,
        // Unix sockets have no address that anybody could use here.
        0x31 | 0x32 if rest.len() >= 216 => return Ok(Sender::Proxy),
        0x31 | 0x32 => return Err(short),
        _ => return Err(Fault::Family),
    };
    let security = security(extensions)?;
    Ok(Sender::Client { from, to, security })
}

/// Two addresses of so many bytes each, then two ports; what is behind them.
fn addresses<const N: usize>(rest: &[u8]) -> Option<(SocketAddr, SocketAddr, &[u8])> {
    let (from, rest) = rest.split_at_checked(N)?;
    let (to, rest) = rest.split_at_checked(N)?;
    let (ports, rest) = rest.split_at_checked(4)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    let from = SocketAddr::new(address(from)?, port(0));
    Some((from, SocketAddr::new(address(to)?, port(2)), rest))
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into()),
        _ => Some(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into()),
    }
}

/// Whether the client spoke TLS with the proxy. All other extensions are passed over.
fn security(mut extensions: &[u8]) -> Result<Security, Fault> {
    let mut security = Security::Plain;
    while let [kind, high, low, rest @ ..] = extensions {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, rest) = rest.split_at_checked(length).ok_or(Fault::Extension)?;
        if *kind == TYPE_SSL && value.first().is_some_and(|client| client & CLIENT_SSL != 0) {
            security = Security::Tls;
        }
        extensions = rest;
    }
    match extensions {
        [] => Ok(security),
        _ => Err(Fault::Extension),
    }
}

#[cfg(test)]
mod tests;
