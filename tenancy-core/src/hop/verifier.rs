use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use tenancy_types::{CellId, Clock};

use super::{HEADER, HopClaim, HopRefused, token::decode};
use crate::keys::LiveKeyring;

/// How long a token is good for: longer than a request is on its way and a gateway's pause, and no longer.
const LIFETIME: Duration = Duration::from_secs(30);
/// By how much clocks may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// Reads tokens in a cell. Clones share the ring.
#[derive(Clone)]
pub struct HopVerifier {
    keys: LiveKeyring,
    cell: CellId,
    clock: Arc<dyn Clock>,
    lifetime: Duration,
    skew: Duration,
}

impl HopVerifier {
    /// Believes tokens for this cell that a key of the ring has signed, for 30 seconds; clocks may be 5 seconds apart.
    pub fn new(keys: LiveKeyring, cell: CellId, clock: impl Clock) -> Self {
        Self {
            keys,
            cell,
            clock: Arc::new(clock),
            lifetime: LIFETIME,
            skew: SKEW,
        }
    }

    /// Sets how long a token is good for, in whole seconds.
    #[must_use]
    pub const fn with_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets by how much the clocks of gateways and cells may be apart, in whole seconds.
    #[must_use]
    pub const fn with_skew(mut self, skew: Duration) -> Self {
        self.skew = skew;
        self
    }

    /// What the request's token says.
    ///
    /// # Errors
    /// [`HopRefused`].
    pub fn verify(&self, fields: &HeaderMap) -> Result<HopClaim, HopRefused> {
        let mut tokens = fields.get_all(HEADER).iter();
        let token = tokens.next().ok_or(HopRefused::Missing)?;
        match tokens.count() {
            0 => self.check(token),
            more => Err(HopRefused::Several { count: more + 1 }),
        }
    }

    fn check(&self, token: &HeaderValue) -> Result<HopClaim, HopRefused> {
        let claim = decode(token.as_bytes(), &self.keys.current())?;
        let here = self.cell;
        let meant = claim.placement.cell;
        if meant != here {
            return Err(HopRefused::OtherCell { meant, here });
        }
        self.check_time(claim)
    }

    fn check_time(&self, claim: HopClaim) -> Result<HopClaim, HopRefused> {
        let now = self.clock.unix().get().div_euclid(1_000_000);
        let age = now - i64::from(claim.issued);
        let seconds = |count: i64| Duration::from_secs(count.unsigned_abs());
        if age >= 0 && seconds(age) > self.lifetime + self.skew {
            return Err(HopRefused::Expired { age: seconds(age) });
        }
        if age < 0 && seconds(age) > self.skew {
            let ahead = seconds(age);
            return Err(HopRefused::Early { ahead });
        }
        Ok(claim)
    }
}

impl fmt::Debug for HopVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopVerifier")
            .field("cell", &self.cell)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
