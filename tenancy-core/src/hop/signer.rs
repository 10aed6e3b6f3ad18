use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use http::HeaderValue;
use tenancy_types::{Clock, Route};

use super::{HopClaim, token::encode};
use crate::keys::LiveKeyring;

/// How many tokens are kept: of so many tenants a second at most, each in the place that its number gives it.
const PLACES: usize = 4_096;

/// Makes the tokens of a gateway. Clones share what they keep: about half a megabyte.
#[derive(Clone)]
pub struct HopSigner(Arc<Shared>);

struct Shared {
    keys: LiveKeyring,
    clock: Box<dyn Clock>,
    kept: Box<[Mutex<Option<Kept>>]>,
}

struct Kept {
    claim: HopClaim,
    token: HeaderValue,
}

impl HopSigner {
    /// Signs with the signing key that the ring has at the moment.
    pub fn new(keys: LiveKeyring, clock: impl Clock) -> Self {
        Self(Arc::new(Shared {
            keys,
            clock: Box::new(clock),
            kept: (0..PLACES).map(|_| Mutex::new(None)).collect(),
        }))
    }

    /// The token of requests for this tenant in this second.
    ///
    /// Where one of this second is kept it is a comparison and a count; otherwise an HMAC of some 60 bytes. A key that was
    /// replaced signs for the rest of the second.
    #[must_use]
    pub fn sign(&self, route: Route) -> HeaderValue {
        let shared = &self.0;
        let seconds = shared.clock.unix().get().div_euclid(1_000_000);
        let claim = HopClaim {
            tenant: route.tenant,
            placement: route.placement,
            // Until 2106.
            issued: u32::try_from(seconds).unwrap_or(0),
        };
        let place = &shared.kept[route.tenant.index() % PLACES];
        let mut kept = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = kept.as_ref().filter(|kept| kept.claim == claim) {
            return kept.token.clone();
        }
        let token = encode(&claim, shared.keys.current().signing());
        let mut token = HeaderValue::try_from(token).expect("base64 is a field value");
        token.set_sensitive(true);
        *kept = Some(Kept {
            claim,
            token: token.clone(),
        });
        token
    }
}

impl fmt::Debug for HopSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HopSigner")
            .field("keys", &self.0.keys)
            .finish_non_exhaustive()
    }
}
