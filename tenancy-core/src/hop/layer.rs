use tenancy_types::ProblemJson;
use tower_layer::Layer;

use super::{HopSign, HopSigner, HopVerifier, HopVerify};

/// Adds the token to each request that has a [`Route`](tenancy_types::Route), and removes what came in its place from all.
///
/// It stands before what sends requests to cells. A request without a route leaves without a token.
///
/// ```
/// use tenancy_core::{
///     hop::{HopSignLayer, HopSigner},
///     keys::{Keyring, LiveKeyring, SecretKey},
///     types::SystemClock,
/// };
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let secret = [7; 32];
/// let ring = Keyring::new(SecretKey::new("hop-2026-12", secret)?);
/// let layer = HopSignLayer::new(HopSigner::new(LiveKeyring::new(ring), SystemClock));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HopSignLayer {
    signer: HopSigner,
}

impl HopSignLayer {
    /// Tokens of this signer.
    #[must_use]
    pub const fn new(signer: HopSigner) -> Self {
        Self { signer }
    }
}

impl<S> Layer<S> for HopSignLayer {
    type Service = HopSign<S>;

    fn layer(&self, inner: S) -> HopSign<S> {
        HopSign {
            inner,
            signer: self.signer.clone(),
        }
    }
}

/// Lets in only requests with a token that is good, and leaves its [`HopClaim`](super::HopClaim) and its
/// [`Route`](tenancy_types::Route) in their extensions. The token itself goes no further.
///
/// It is the outermost layer of a cell's listener that has to do with tenants.
///
/// ```
/// use tenancy_core::{
///     hop::{HopVerifier, HopVerifyLayer},
///     keys::Keyring,
///     types::{CellId, SystemClock},
/// };
/// # fn layer(ring: Keyring, cell: CellId) {
/// let layer = HopVerifyLayer::new(HopVerifier::new(ring.into(), cell, SystemClock));
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HopVerifyLayer<R = ProblemJson> {
    verifier: HopVerifier,
    respond: R,
}

impl HopVerifyLayer {
    /// Believes this verifier.
    #[must_use]
    pub const fn new(verifier: HopVerifier) -> Self {
        Self {
            verifier,
            respond: ProblemJson,
        }
    }
}

impl<R> HopVerifyLayer<R> {
    /// Answers refused requests in this way instead of with problem details.
    #[must_use]
    pub fn respond_with<R2>(self, respond: R2) -> HopVerifyLayer<R2> {
        HopVerifyLayer {
            verifier: self.verifier,
            respond,
        }
    }
}

impl<R: Clone, S> Layer<S> for HopVerifyLayer<R> {
    type Service = HopVerify<S, R>;

    fn layer(&self, inner: S) -> HopVerify<S, R> {
        HopVerify {
            inner,
            verifier: self.verifier.clone(),
            respond: self.respond.clone(),
        }
    }
}
