use std::borrow::Cow;

use tenancy_types::{Code, DomainName, Kind, Problem, Slug};

/// Why there will be no such tenant: the final answer to a request, repeated as often as it is asked.
///
/// Trouble that passes (a full cell, a database that does not answer) is no refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Another tenant has the slug.
    #[error("the slug {slug} is taken")]
    SlugTaken {
        /// The slug.
        slug: Slug,
    },
    /// Another tenant has the domain.
    #[error("the domain {domain} is taken")]
    DomainTaken {
        /// The domain.
        domain: DomainName,
    },
    /// The request asks for something that cannot be.
    #[error("{reason}")]
    Invalid {
        /// Why, for the client: without internals.
        reason: Box<str>,
    },
}

impl Problem for Refusal {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::SlugTaken { .. } => "slug_taken",
            Self::DomainTaken { .. } => "domain_taken",
            Self::Invalid { .. } => "invalid_request",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::SlugTaken { .. } | Self::DomainTaken { .. } => Kind::Conflict,
            Self::Invalid { .. } => Kind::Invalid,
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        self.to_string().into()
    }
}
