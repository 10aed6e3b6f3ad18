use std::{fmt, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue};
use tenancy_core::keys::LiveKeyring;
use tenancy_types::{CellId, Clock, Placement, Route};

use super::{HintRefused, hint::Hint, undone::HINT};

/// How long a hint is good for: longer than an answer is on its way and a gateway's pause, and no longer.
const LIFETIME: Duration = Duration::from_secs(30);
/// By how much clocks may be apart.
const SKEW: Duration = Duration::from_secs(5);

/// Makes the hints of a cell. Clones share the ring.
#[derive(Clone)]
pub struct HintSigner {
    keys: LiveKeyring,
    cell: CellId,
    clock: Arc<dyn Clock>,
}

impl HintSigner {
    /// Signs as this cell, with the signing key that the ring has at the moment: the ring of hop tokens, for hints have a
    /// purpose of their own.
    pub fn new(keys: LiveKeyring, cell: CellId, clock: impl Clock) -> Self {
        Self {
            keys,
            cell,
            clock: Arc::new(clock),
        }
    }

    pub(super) const fn cell(&self) -> CellId {
        self.cell
    }

    /// The field that says where the tenant lives. An HMAC: hints are rare, and none is kept.
    pub(super) fn sign(&self, route: Route) -> HeaderValue {
        let hint = Hint {
            issuer: self.cell,
            tenant: route.tenant,
            placement: route.placement,
            // Until 2106.
            issued: u32::try_from(seconds(&*self.clock)).unwrap_or(0),
        };
        let token = hint.encode(self.keys.current().signing());
        HeaderValue::try_from(token).expect("base64 is a field value")
    }
}

/// Reads hints at a gateway. Clones share the ring.
#[derive(Clone)]
pub struct HintReader {
    keys: LiveKeyring,
    clock: Arc<dyn Clock>,
}

impl HintReader {
    /// Believes hints that a key of the ring has signed, for 30 seconds; clocks may be 5 seconds apart.
    pub fn new(keys: LiveKeyring, clock: impl Clock) -> Self {
        let clock = Arc::new(clock);
        Self { keys, clock }
    }

    /// Where the tenant lives, in the words of the cell that was asked with this route. Whether that is news is the
    /// table's to say.
    ///
    /// # Errors
    /// [`HintRefused`].
    pub fn read(&self, answer: &HeaderMap, asked: Route) -> Result<Placement, HintRefused> {
        let mut hints = answer.get_all(HINT).iter();
        let hint = hints.next().ok_or(HintRefused::Missing)?;
        let more = hints.count();
        if more > 0 {
            return Err(HintRefused::Several { count: more + 1 });
        }
        let hint = Hint::decode(hint.as_bytes(), &self.keys.current())?;
        hint.is_of(seconds(&*self.clock), LIFETIME, SKEW)?;
        hint.answers(asked)?;
        Ok(hint.placement)
    }
}

fn seconds(clock: &dyn Clock) -> i64 {
    clock.unix().get().div_euclid(1_000_000)
}

impl fmt::Debug for HintSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HintSigner")
            .field("cell", &self.cell)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for HintReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HintReader")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}
