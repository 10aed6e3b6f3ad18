use std::{borrow::Cow, error::Error, fmt, time::Duration};

/// A stable, machine-readable error code such as `unknown_domain`.
///
/// Codes are API: a client may match on them, and each has a row in `docs/errors.md`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(&'static str);

impl Code {
    /// Names a code: lower-case words joined by underscores.
    #[must_use]
    pub const fn new(code: &'static str) -> Self {
        Self(code)
    }

    /// The code as it stands in responses and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What sort of failure it is, in terms every transport has a status for.
///
/// Exhaustive on purpose: a transport mapper must decide about each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong (400).
    Invalid,
    /// Who is asking is not known (401).
    Unauthenticated,
    /// A payment was needed and not made (402).
    PaymentRequired,
    /// The asker is known, and may not (403).
    Forbidden,
    /// There is no such thing (404). Never used for "could not find out".
    NotFound,
    /// The server knows the method and does not take it (405).
    MethodNotAllowed,
    /// The client took too long to send its request (408).
    ClientTimeout,
    /// It clashes with something that exists (409).
    Conflict,
    /// It was here and will not come back (410).
    Gone,
    /// The request is larger than what is accepted (413).
    TooLarge,
    /// The request's target is longer than what is accepted (414).
    TargetTooLong,
    /// This cell does not own the tenant (421).
    Misdirected,
    /// Well formed, but it contradicts an earlier request (422).
    Unprocessable,
    /// Over a limit (429).
    RateLimited,
    /// A defect of ours (500).
    Internal,
    /// It asks for something that is not offered here (501).
    NotImplemented,
    /// A server that was asked on the client's behalf answered nonsense, or broke off (502).
    BadGateway,
    /// Could not be found out or done now (503).
    Unavailable,
    /// A server that was asked on the client's behalf took too long (504).
    GatewayTimeout,
}

impl Kind {
    /// The HTTP status code of this kind (RFC 9110, RFC 6585 for 429).
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::PaymentRequired => 402,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::ClientTimeout => 408,
            Self::Conflict => 409,
            Self::Gone => 410,
            Self::TooLarge => 413,
            Self::TargetTooLong => 414,
            Self::Misdirected => 421,
            Self::Unprocessable => 422,
            Self::RateLimited => 429,
            Self::Internal => 500,
            Self::NotImplemented => 501,
            Self::BadGateway => 502,
            Self::Unavailable => 503,
            Self::GatewayTimeout => 504,
        }
    }

    /// A short title of the kind for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Invalid => "The request is not valid",
            Self::Unauthenticated => "Authentication is needed",
            Self::PaymentRequired => "The payment was not made",
            Self::Forbidden => "Not allowed",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "The method is not taken here",
            Self::ClientTimeout => "The request took too long to arrive",
            Self::Conflict => "It clashes with something that exists",
            Self::Gone => "No longer here",
            Self::TooLarge => "The request is too large",
            Self::TargetTooLong => "The address is too long",
            Self::Misdirected => "The request came to the wrong place",
            Self::Unprocessable => "The request contradicts an earlier one",
            Self::RateLimited => "Too many requests",
            Self::Internal => "Something went wrong on our side",
            Self::NotImplemented => "Not offered here",
            Self::BadGateway => "The server behind this one failed",
            Self::Unavailable => "Not available right now",
            Self::GatewayTimeout => "The server behind this one took too long",
        }
    }
}

/// Whether the same request may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Repeating it changes nothing.
    No,
    /// It may be repeated at once.
    Now,
    /// It may be repeated after this long.
    After(Duration),
}

/// What every error of the family can say of itself.
///
/// There are two audiences. [`Display`](fmt::Display) speaks to operators; [`client_text`](Self::client_text)
/// goes to whoever sent the request and names no other tenant, no SQL and no host of ours.
///
/// # Example
/// ```
/// use std::borrow::Cow;
/// use tenancy_types::{Code, Kind, Problem};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("no product {handle:?} in tenant {tenant}")]
/// struct NoProduct { tenant: u32, handle: String }
///
/// impl Problem for NoProduct {
///     fn code(&self) -> Code { Code::new("not_found") }
///     fn kind(&self) -> Kind { Kind::NotFound }
///     fn client_text(&self) -> Cow<'static, str> { "there is no such product in this shop".into() }
/// }
/// ```
pub trait Problem: Error {
    /// The stable code.
    fn code(&self) -> Code;

    /// The kind, from which transports take their status.
    fn kind(&self) -> Kind;

    /// Whether and when to try again. No, unless said otherwise.
    fn retry(&self) -> Retry {
        Retry::No
    }

    /// The text for the client: one sentence without internals.
    fn client_text(&self) -> Cow<'static, str>;
}
