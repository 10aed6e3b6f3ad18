use std::{borrow::Cow, time::Duration};

use tenancy_core::authority::AuthorityError;
use tenancy_types::{Code, Kind, Problem, Retry};

use super::{Expired, FramingFault};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a request did not get an answer from a cell, or not the whole of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The request does not say, or says twice, which host it is for.
    #[error("the request's host")]
    Host {
        /// What is wrong with it.
        #[source]
        fault: AuthorityError,
    },
    /// Two servers could read the request differently.
    #[error("the request's framing")]
    Framing {
        /// What is wrong with it.
        #[source]
        fault: FramingFault,
    },
    /// A method that no gateway passes on: CONNECT opens tunnels, TRACE sends back what proxies have added.
    #[error("the method is not taken")]
    Method,
    /// The connection's certificate does not cover the request's host.
    #[error("the connection's certificate is not for the request's host")]
    Misdirected,
    /// The target is longer than the edge takes.
    #[error("the request's target has {length} bytes, the most are {most}")]
    TargetTooLong {
        /// Its length in bytes.
        length: usize,
        /// The limit.
        most: usize,
    },
    /// The body is longer than what is accepted.
    #[error("the body is larger than {most} bytes")]
    BodyTooLarge {
        /// The limit.
        most: u64,
    },
    /// The client broke its body off, or framed it wrongly.
    #[error("the client's body")]
    ClientBody {
        /// What the connection says.
        source: Source,
    },
    /// The client asks for an upgrade, and the way to the cell is HTTP/2, which has none.
    #[error("an upgrade was asked for, and the upstream speaks HTTP/2")]
    UpgradeUnavailable,
    /// No connection to the upstream could be made. The request was not sent.
    #[error("connect to the upstream")]
    Unreachable {
        /// What the operating system says.
        source: Source,
    },
    /// Somebody took too long.
    #[error("the time for it is over")]
    Timeout {
        /// Who, and at what.
        #[source]
        expired: Expired,
    },
    /// The upstream broke off, or did not speak HTTP. The request may have been carried out.
    #[error("the upstream's answer")]
    Upstream {
        /// What went wrong.
        source: Source,
    },
    /// The upstream changed to a protocol that nobody asked for.
    #[error("the upstream upgraded to what was not asked for")]
    UpgradeMismatch,
    /// A defect of the application: no layer has chosen an upstream.
    #[error("the request carries no upstream")]
    NoUpstream,
    /// A defect of the application: the request did not come through an [`EdgeLayer`](super::EdgeLayer).
    #[error("the request has not passed the edge")]
    NoEdge,
    /// A defect of the application: the server put no [`ConnectionInfo`](super::ConnectionInfo) there.
    #[error("the request does not say which connection it came by")]
    NoConnection,
}

impl GatewayError {
    pub(super) fn upstream(source: impl Into<Source>) -> Self {
        Self::Upstream {
            source: source.into(),
        }
    }
}

impl From<AuthorityError> for GatewayError {
    fn from(fault: AuthorityError) -> Self {
        Self::Host { fault }
    }
}

impl From<FramingFault> for GatewayError {
    fn from(fault: FramingFault) -> Self {
        Self::Framing { fault }
    }
}

impl From<Expired> for GatewayError {
    fn from(expired: Expired) -> Self {
        Self::Timeout { expired }
    }
}

impl Problem for GatewayError {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::Host { .. } | Self::Framing { .. } | Self::ClientBody { .. } => "invalid_request",
            Self::Method => "method_not_allowed",
            Self::Misdirected => "connection_misdirected",
            Self::TargetTooLong { .. } => "target_too_long",
            Self::BodyTooLarge { .. } => "body_too_large",
            Self::UpgradeUnavailable => "upgrade_unavailable",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::Timeout {
                expired: Expired::Client,
            } => "client_timeout",
            Self::Timeout { .. } => "upstream_timeout",
            Self::Upstream { .. } | Self::UpgradeMismatch => "upstream_failed",
            Self::NoUpstream | Self::NoEdge | Self::NoConnection => "internal",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Framing { fault } => fault.kind(),
            Self::Host { .. } | Self::ClientBody { .. } => Kind::Invalid,
            Self::Method => Kind::MethodNotAllowed,
            Self::Misdirected => Kind::Misdirected,
            Self::TargetTooLong { .. } => Kind::TargetTooLong,
            Self::BodyTooLarge { .. } => Kind::TooLarge,
            Self::UpgradeUnavailable => Kind::NotImplemented,
            Self::Unreachable { .. } => Kind::Unavailable,
            Self::Timeout {
                expired: Expired::Client,
            } => Kind::ClientTimeout,
            Self::Timeout { .. } => Kind::GatewayTimeout,
            Self::Upstream { .. } | Self::UpgradeMismatch => Kind::BadGateway,
            Self::NoUpstream | Self::NoEdge | Self::NoConnection => Kind::Internal,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } => Retry::After(Duration::from_secs(1)),
            _ => Retry::No,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::Host { fault } => fault.client_text(),
            Self::Framing { fault } => fault.to_string().into(),
            Self::Method | Self::TargetTooLong { .. } | Self::BodyTooLarge { .. } => {
                self.to_string().into()
            }
            Self::Misdirected => "this connection is not for that host".into(),
            Self::ClientBody { .. } => "the body ended early or is not framed correctly".into(),
            Self::UpgradeUnavailable => "no upgrade is offered here".into(),
            Self::Unreachable { .. } => "the tenant cannot be reached right now".into(),
            Self::Timeout {
                expired: Expired::Client,
            } => "the request took too long to arrive".into(),
            Self::Timeout { .. } => "the answer took too long".into(),
            Self::Upstream { .. } | Self::UpgradeMismatch => {
                "the answer broke off; it is not known whether the request was carried out".into()
            }
            Self::NoUpstream | Self::NoEdge | Self::NoConnection => {
                "something went wrong on our side".into()
            }
        }
    }
}
