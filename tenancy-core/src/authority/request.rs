//! Which host a request names: its target against its `Host` field.

use std::borrow::Cow;
use std::fmt;

use http::{HeaderMap, Uri, Version, header::HOST};
use tenancy_types::{Code, Kind, Problem};

use super::{Authority, InvalidAuthority};

/// The parts of a request that say which host it is for.
///
/// Made from a whole request or from its parts:
///
/// ```
/// use tenancy_core::Authority;
///
/// let request = http::Request::get("/").header("host", "shop.example").body(())?;
/// let from_request = Authority::from_request(&request)?;
///
/// let (parts, ()) = request.into_parts();
/// assert_eq!(Authority::from_request(&parts)?, from_request);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    pub(super) uri: &'a Uri,
    pub(super) version: Version,
    pub(super) headers: &'a HeaderMap,
}

impl<'a, B> From<&'a http::Request<B>> for RequestHead<'a> {
    fn from(request: &'a http::Request<B>) -> Self {
        Self {
            uri: request.uri(),
            version: request.version(),
            headers: request.headers(),
        }
    }
}

impl<'a> From<&'a http::request::Parts> for RequestHead<'a> {
    fn from(parts: &'a http::request::Parts) -> Self {
        Self {
            uri: &parts.uri,
            version: parts.version,
            headers: &parts.headers,
        }
    }
}

impl Authority {
    /// The host that a request itself names, in its target and its `Host` field.
    /// Forwarding fields are not looked at.
    ///
    /// # Errors
    ///
    /// When the request names no host, several, or one that does not parse. The
    /// module's documentation has the table of cases.
    pub fn from_request<'a>(request: impl Into<RequestHead<'a>>) -> Result<Self, AuthorityError> {
        let request = request.into();
        let target = request
            .uri
            .authority()
            .map(|text| parse(text.as_str().as_bytes(), Place::Target))
            .transpose()?;
        let host = host_field(request.headers)?;
        match (target, host) {
            (Some(target), Some(host)) if target != host => Err(AuthorityError::TargetConflict),
            (_, Some(host)) => Ok(host),
            (_, None) if request.version == Version::HTTP_11 => Err(AuthorityError::MissingHost),
            (Some(target), None) => Ok(target),
            (None, None) => Err(AuthorityError::MissingHost),
        }
    }
}

fn host_field(headers: &HeaderMap) -> Result<Option<Authority>, AuthorityError> {
    let mut lines = headers.get_all(HOST).iter();
    let first = lines.next();
    match lines.count() {
        0 => first
            .map(|line| parse(line.as_bytes(), Place::Host))
            .transpose(),
        more => Err(AuthorityError::RepeatedHost { lines: more + 1 }),
    }
}

/// Parses bytes off the wire, where only ASCII is welcome.
pub(super) fn parse(bytes: &[u8], place: Place) -> Result<Authority, AuthorityError> {
    ascii(bytes)
        .map_err(|at| InvalidAuthority::NotAscii { at })
        .and_then(str::parse)
        .map_err(|source| AuthorityError::Malformed { place, source })
}

/// The text of ASCII bytes, or the offset of the first that is none.
pub(super) fn ascii(bytes: &[u8]) -> Result<&str, usize> {
    match bytes.iter().position(|byte| !byte.is_ascii()) {
        Some(at) => Err(at),
        None => Ok(str::from_utf8(bytes).expect("ASCII is UTF-8")),
    }
}

/// Where in a request a host was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The request target: `:authority`, or the absolute form.
    Target,
    /// The field `Host`.
    Host,
    /// The field `Forwarded` (RFC 7239).
    Forwarded,
    /// The field `X-Forwarded-Host`.
    XForwardedHost,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Target => "the request target",
            Self::Host => "Host",
            Self::Forwarded => "Forwarded",
            Self::XForwardedHost => "X-Forwarded-Host",
        })
    }
}

/// Why a request does not say which host it is for. All of these are the
/// sender's fault: status 400, code `invalid_request`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// No `Host`, and no host in the target that could stand for it.
    #[error("the request names no host")]
    MissingHost,
    /// More than one `Host` field, equal or not.
    #[error("the request has {lines} Host fields")]
    RepeatedHost {
        /// How many.
        lines: usize,
    },
    /// A host was named, but cannot be read. Offsets count from the start of the
    /// host, without what a list or quotes put around it.
    #[error("invalid host in {place}")]
    Malformed {
        /// Where it was named.
        place: Place,
        /// What is wrong with it.
        #[source]
        source: InvalidAuthority,
    },
    /// The target and `Host` name different hosts or ports.
    #[error("the request target and Host name different hosts")]
    TargetConflict,
    /// A trusted proxy sent a `Forwarded` field that is not of RFC 7239's form.
    #[error("malformed Forwarded at byte {at}")]
    ForwardedSyntax {
        /// Offset in the line of the field.
        at: usize,
    },
    /// A trusted proxy's `Forwarded` and `X-Forwarded-Host` name different hosts
    /// or ports.
    #[error("Forwarded and X-Forwarded-Host name different hosts")]
    ForwardedConflict,
}

impl Problem for AuthorityError {
    fn code(&self) -> Code {
        Code::new("invalid_request")
    }

    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Malformed { source, .. } => format!("{self}: {}", source.client_text()),
            _ => self.to_string(),
        }
        .into()
    }
}
