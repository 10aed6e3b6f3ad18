use std::{borrow::Cow, fmt, time::Duration};

use tenancy_types::{Code, Kind, Problem, Region, Retry};

use crate::Refusal;

/// Load falls and people add cells within minutes, hardly within seconds.
const TRY_AGAIN: Duration = Duration::from_secs(60);

/// No cell can take the tenant. Displayed with `{:#}`, it has one line a cell.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NoCell {
    /// The fleet has cells, but none in the region where the tenant must be, in any state.
    InRegion {
        /// The region asked for.
        region: Region,
    },
    /// There are cells, and each has a reason against it; or there are no cells at all.
    WithRoom {
        /// Every cell of the fleet once, in the order of their ids.
        refusals: Vec<Refusal>,
    },
}

impl fmt::Display for NoCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refusals = match self {
            Self::InRegion { region } => return write!(f, "no cell of the fleet is in {region}"),
            Self::WithRoom { refusals } if refusals.is_empty() => {
                return f.write_str("the fleet has no cells");
            }
            Self::WithRoom { refusals } => refusals,
        };
        f.write_str("no cell can take the tenant")?;
        if f.alternate() {
            return refusals
                .iter()
                .try_for_each(|refusal| write!(f, "\n   not: {refusal}"));
        }
        // A log line stays a line: a few reasons and the number of the rest.
        const SHOWN: usize = 3;
        for (at, refusal) in refusals.iter().take(SHOWN).enumerate() {
            write!(f, "{} {refusal}", if at == 0 { ":" } else { ";" })?;
        }
        match refusals.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Problem for NoCell {
    fn code(&self) -> Code {
        Code::new(match self {
            Self::InRegion { .. } => "invalid_request",
            Self::WithRoom { .. } => "no_capacity",
        })
    }

    fn kind(&self) -> Kind {
        match self {
            Self::InRegion { .. } => Kind::Invalid,
            Self::WithRoom { .. } => Kind::Unavailable,
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::InRegion { .. } => Retry::No,
            Self::WithRoom { .. } => Retry::After(TRY_AGAIN),
        }
    }

    fn client_text(&self) -> Cow<'static, str> {
        match self {
            Self::InRegion { region } => format!("there is no region {region}").into(),
            Self::WithRoom { .. } => "there is no room for another tenant right now".into(),
        }
    }
}
