use std::{fmt, str::FromStr};

use tenancy_types::{DomainName, Placement, Slug};

use super::{Home, Refusal};
use crate::workflow::Placed;

/// What an act has led to. Exhaustive on purpose: a reader of the journal must decide about each.
///
/// Displayed and parsed, it is the text of a journal entry; that form is persisted and golden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The directory has a row with an id, the slug and the domains.
    Created(Home),
    /// The request cannot be fulfilled.
    Refused(Refusal),
    /// The cell has a fence.
    Fenced,
    /// The seed rows are written.
    Seeded,
    /// The directory says active, at this placement.
    Published(Placement),
    /// The fence says active.
    Opened,
    /// The directory says gone, at this placement.
    Retracted(Placement),
    /// Nothing of the tenant is left in the cell.
    Cleared,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created(home) => {
                write!(f, "created {} {}", home.tenant, Placed(home.placement))
            }
            Self::Refused(Refusal::SlugTaken { slug }) => write!(f, "refused slug_taken {slug}"),
            Self::Refused(Refusal::DomainTaken { domain }) => {
                write!(f, "refused domain_taken {domain}")
            }
            Self::Refused(Refusal::Invalid { reason }) => write!(f, "refused invalid {reason}"),
            Self::Fenced => f.write_str("fenced"),
            Self::Seeded => f.write_str("seeded"),
            Self::Published(placement) => write!(f, "published {}", Placed(*placement)),
            Self::Opened => f.write_str("opened"),
            Self::Retracted(placement) => write!(f, "retracted {}", Placed(*placement)),
            Self::Cleared => f.write_str("cleared"),
        }
    }
}

/// A journal entry that is no [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an event of provisioning: {found:?}")]
pub struct InvalidEvent {
    /// The entry.
    pub found: Box<str>,
}

impl FromStr for Event {
    type Err = InvalidEvent;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let event = match text.split_once(' ').unwrap_or((text, "")) {
            ("created", rest) => Home::parse(rest).map(Self::Created),
            ("refused", rest) => refusal(rest).map(Self::Refused),
            ("published", rest) => Placed::parse(rest).map(Self::Published),
            ("retracted", rest) => Placed::parse(rest).map(Self::Retracted),
            _ => match text {
                "fenced" => Some(Self::Fenced),
                "seeded" => Some(Self::Seeded),
                "opened" => Some(Self::Opened),
                "cleared" => Some(Self::Cleared),
                _ => None,
            },
        };
        event.ok_or_else(|| InvalidEvent { found: text.into() })
    }
}

fn refusal(text: &str) -> Option<Refusal> {
    let (word, rest) = text.split_once(' ')?;
    match word {
        "slug_taken" => Some(Refusal::SlugTaken {
            slug: rest.parse::<Slug>().ok()?,
        }),
        "domain_taken" => Some(Refusal::DomainTaken {
            domain: DomainName::from_normalised(rest).ok()?,
        }),
        "invalid" => Some(Refusal::Invalid {
            reason: rest.into(),
        }),
        _ => None,
    }
}
