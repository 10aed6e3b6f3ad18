//! What two servers could read differently, after hyper has read it.
//!
//! Request smuggling lives on two servers that disagree where a request ends or whom it is for. hyper refuses most of
//! what makes them disagree, and normalises some; the table in `tests/it/smuggling.rs` says for each case who
//! does. Here is what it lets through.

use http::{HeaderMap, HeaderName, Version, header};
use tenancy_types::Kind;

/// Why a request is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FramingFault {
    /// The body is coded otherwise than `chunked`, once. The cell would get a body without being told its coding
    /// (RFC 9112, section 6.1 advises 501).
    #[error("no transfer coding but a single chunked is taken")]
    TransferCoding,
    /// More than one `Content-Length`, equal or not (RFC 9112, section 6.3).
    #[error("the request says its length more than once")]
    RepeatedLength,
    /// `Content-Length` beside `Transfer-Encoding` (RFC 9112, section 6.1).
    #[error("the request says its length in two ways")]
    TwoLengths,
    /// A field of HTTP/1.1's connections in HTTP/2 (RFC 9113, section 8.2.2).
    #[error("fields of HTTP/1.1 connections stand in an HTTP/2 request")]
    ConnectionField,
    /// `Connection` names a field that says where the request ends or whom it is for: a proxy that obeys would remove
    /// it.
    #[error("Connection names a field that every server needs")]
    NamesNeeded,
    /// A target that is neither a path nor `*` for OPTIONS.
    #[error("the request's target is not a path")]
    Target,
    /// `Max-Forwards` is no number.
    #[error("Max-Forwards is not a number")]
    MaxForwards,
}

impl FramingFault {
    pub(super) fn kind(self) -> Kind {
        match self {
            Self::TransferCoding => Kind::NotImplemented,
            _ => Kind::Invalid,
        }
    }
}

/// The fields that frame a request. O(1).
pub(super) fn check(version: Version, headers: &HeaderMap) -> Result<(), FramingFault> {
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let (coding, length) = (codings.next(), lengths.next());
    if lengths.next().is_some() {
        return Err(FramingFault::RepeatedLength);
    }
    if version == Version::HTTP_2 && has_connection_fields(headers) {
        return Err(FramingFault::ConnectionField);
    }
    let Some(coding) = coding else {
        return Ok(());
    };
    if length.is_some() {
        return Err(FramingFault::TwoLengths);
    }
    let is_chunked = coding.as_bytes().eq_ignore_ascii_case(b"chunked");
    match codings.next() {
        None if is_chunked => Ok(()),
        _ => Err(FramingFault::TransferCoding),
    }
}

/// Whether a field may not be named by `Connection`.
pub(super) fn is_needed(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::HOST | header::CONTENT_LENGTH | header::CONTENT_ENCODING | header::CONTENT_TYPE
    )
}

fn has_connection_fields(headers: &HeaderMap) -> bool {
    let fields = [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ];
    fields.iter().any(|name| headers.contains_key(name))
}
