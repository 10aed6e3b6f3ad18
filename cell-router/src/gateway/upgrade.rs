//! WebSocket and other upgrades of HTTP/1.1 (RFC 9110, section 7.8): asked for on both sides of the gateway, and from
//! the upstream's 101 on, bytes are carried both ways.

mod answer;
mod tunnel;

pub(super) use answer::{ask, is_asked_for, settle};
pub(super) use tunnel::Tunnel;
