//! From text to host and port: which characters may stand there at all, and
//! where the host ends.

use std::net::Ipv6Addr;

use super::{Authority, Host, InvalidAuthority, name};

/// Bytes of text before mapping. A name has at most 253 bytes, but one character
/// of its ASCII form may have been written in four, and some vanish in mapping.
pub(super) const MAX_INPUT: usize = 1024;

pub(super) fn authority(text: &str) -> Result<Authority, InvalidAuthority> {
    check_characters(text)?;
    let (host_text, port_text) = split(text)?;
    let port = match port_text {
        Some(digits) => port(digits, text.len() - digits.len())?,
        None => None,
    };
    Ok(Authority {
        host: bare_host(host_text)?,
        port,
    })
}

pub(super) fn host(text: &str) -> Result<Host, InvalidAuthority> {
    check_characters(text)?;
    match split(text)? {
        (host_text, None) => bare_host(host_text),
        (host_text, Some(_)) => Err(InvalidAuthority::UnexpectedPort {
            at: host_text.len(),
        }),
    }
}

/// Refuses what has no place in any authority, before anything is cut apart, so
/// that the offsets in errors are those of the text as it was given.
fn check_characters(text: &str) -> Result<(), InvalidAuthority> {
    if text.is_empty() {
        return Err(InvalidAuthority::Empty);
    }
    if text.len() > MAX_INPUT {
        return Err(InvalidAuthority::TooLong { length: text.len() });
    }
    let wrong = text.bytes().enumerate().find(|(_, byte)| !may_stand(*byte));
    match wrong {
        None => Ok(()),
        Some((at, b'@')) => Err(InvalidAuthority::UserInfo { at }),
        Some((at, b'%')) => Err(InvalidAuthority::PercentSign { at }),
        Some((at, byte)) => Err(InvalidAuthority::Character {
            found: byte.into(),
            at,
        }),
    }
}

/// Bytes beyond ASCII pass here; the mapping judges them.
fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte) || !byte.is_ascii()
}

/// Host (with its brackets) and the text after the colon that ends it.
fn split(text: &str) -> Result<(&str, Option<&str>), InvalidAuthority> {
    let literal_end = match text.starts_with('[') {
        true => text.find(']').ok_or(InvalidAuthority::UnclosedBracket)? + 1,
        false => 0,
    };
    let rest = &text[literal_end..];
    if let Some(found) = rest.find(['[', ']']) {
        let at = literal_end + found;
        return Err(InvalidAuthority::Character {
            found: text.as_bytes()[at].into(),
            at,
        });
    }
    let Some(colon) = rest.find(':').map(|found| literal_end + found) else {
        return end_of_literal(text, literal_end, text.len()).map(|host| (host, None));
    };
    if let Some(second) = text[colon + 1..].find(':') {
        return Err(InvalidAuthority::SecondColon {
            at: colon + 1 + second,
        });
    }
    end_of_literal(text, literal_end, colon).map(|host| (host, Some(&text[colon + 1..])))
}

/// The host before `end`, provided that nothing follows a bracketed address.
fn end_of_literal(text: &str, literal_end: usize, end: usize) -> Result<&str, InvalidAuthority> {
    match literal_end == 0 || literal_end == end {
        true => Ok(&text[..end]),
        false => Err(InvalidAuthority::AfterBracket { at: literal_end }),
    }
}

fn bare_host(text: &str) -> Result<Host, InvalidAuthority> {
    match text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
    {
        Some(literal) => literal
            .parse::<Ipv6Addr>()
            .map(Host::V6)
            .map_err(|_| InvalidAuthority::Ipv6),
        None => name::host(text),
    }
}

/// `at` is the offset of the first digit.
fn port(digits: &str, at: usize) -> Result<Option<u16>, InvalidAuthority> {
    if digits.is_empty() {
        return Ok(None);
    }
    if let Some(found) = digits.bytes().position(|byte| !byte.is_ascii_digit()) {
        return Err(InvalidAuthority::PortNotNumber { at: at + found });
    }
    match digits.parse() {
        Ok(port @ 1..) => Ok(Some(port)),
        Ok(0) | Err(_) => Err(InvalidAuthority::PortOutOfRange { at }),
    }
}
