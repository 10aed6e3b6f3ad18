//! What a cell tells a gateway that asked the wrong one. Pure.

use std::time::Duration;

use tenancy_core::keys::{Keyring, SecretKey, TokenRefused};
use tenancy_types::{CellId, Placement, Route, TenantId};

const VERSION: u8 = 1;
const PURPOSE: &str = "tenancy hint";

/// Issuer, tenant, placement and second.
const CLAIM: usize = 2 + 4 + 8 + 4;

/// Where a tenant lives, in the words of a cell where it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    /// The cell that says so.
    pub(super) issuer: CellId,
    pub(super) tenant: TenantId,
    pub(super) placement: Placement,
    /// When, in seconds since 1970 by the cell's clock.
    pub(super) issued: u32,
}

/// Why a gateway does not believe a hint. Nobody outside hears of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HintRefused {
    /// There is none.
    #[error("the answer has no hint")]
    Missing,
    /// More than one.
    #[error("the answer has {count} hints")]
    Several {
        /// How many.
        count: usize,
    },
    /// No key of the platform has signed it.
    #[error(transparent)]
    Token(#[from] TokenRefused),
    /// It is too old, or the clocks of gateway and cell are apart.
    #[error("the hint is {age:?} old")]
    Expired {
        /// How old.
        age: Duration,
    },
    /// It is of the future: the clocks of gateway and cell are apart.
    #[error("the hint is {ahead:?} ahead")]
    Early {
        /// How far.
        ahead: Duration,
    },
    /// Another cell's than the one that was asked.
    #[error("{asked} was asked, and the hint is {issuer}'s")]
    OtherCell {
        /// The one that was asked.
        asked: CellId,
        /// The one that made the hint.
        issuer: CellId,
    },
    /// Of another tenant than the request's.
    #[error("the request is for tenant {asked}, and the hint is of {found}")]
    OtherTenant {
        /// The request's.
        asked: TenantId,
        /// The hint's.
        found: TenantId,
    },
}

impl Hint {
    pub(super) fn encode(&self, key: &SecretKey) -> String {
        let mut bytes = [0; CLAIM];
        bytes[..2].copy_from_slice(&self.issuer.get().to_be_bytes());
        bytes[2..6].copy_from_slice(&self.tenant.get().to_be_bytes());
        bytes[6..14].copy_from_slice(&self.placement.to_word().to_be_bytes());
        bytes[14..].copy_from_slice(&self.issued.to_be_bytes());
        key.token(PURPOSE, VERSION, &bytes)
    }

    pub(super) fn decode(token: &[u8], keys: &Keyring) -> Result<Self, TokenRefused> {
        let claim: [u8; CLAIM] = keys.check(PURPOSE, VERSION, token)?;
        Self::read(&claim).ok_or(TokenRefused::Malformed)
    }

    fn read(claim: &[u8; CLAIM]) -> Option<Self> {
        let (issuer, rest) = claim.split_first_chunk()?;
        let (tenant, rest) = rest.split_first_chunk()?;
        let (placement, issued) = rest.split_first_chunk()?;
        Some(Self {
            issuer: CellId::new(u16::from_be_bytes(*issuer))?,
            tenant: TenantId::new(u32::from_be_bytes(*tenant))?,
            placement: Placement::from_word(u64::from_be_bytes(*placement)).ok()?,
            issued: u32::from_be_bytes(issued.try_into().ok()?),
        })
    }

    /// Whether it is the answer to what was asked there.
    pub(super) fn answers(&self, asked: Route) -> Result<(), HintRefused> {
        let (cell, issuer) = (asked.placement.cell, self.issuer);
        if issuer != cell {
            let asked = cell;
            return Err(HintRefused::OtherCell { asked, issuer });
        }
        if self.tenant != asked.tenant {
            let (asked, found) = (asked.tenant, self.tenant);
            return Err(HintRefused::OtherTenant { asked, found });
        }
        Ok(())
    }

    /// Whether it is of `now`, in seconds since 1970, by clocks that may be apart.
    pub(super) fn is_of(
        &self,
        now: i64,
        lifetime: Duration,
        skew: Duration,
    ) -> Result<(), HintRefused> {
        let age = now - i64::from(self.issued);
        let seconds = Duration::from_secs(age.unsigned_abs());
        if age >= 0 && seconds > lifetime + skew {
            return Err(HintRefused::Expired { age: seconds });
        }
        if age < 0 && seconds > skew {
            return Err(HintRefused::Early { ahead: seconds });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
