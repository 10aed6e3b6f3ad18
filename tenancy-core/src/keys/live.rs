use std::sync::{Arc, PoisonError, RwLock};

use super::Keyring;

/// A keyring that can be replaced while it is used. Clones share it.
#[derive(Clone, Debug)]
pub struct LiveKeyring(Arc<RwLock<Arc<Keyring>>>);

impl LiveKeyring {
    /// Begins with this ring.
    #[must_use]
    pub fn new(ring: Keyring) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(ring))))
    }

    /// The ring of this moment.
    #[must_use]
    pub fn current(&self) -> Arc<Keyring> {
        let ring = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&ring)
    }

    /// Puts another one in its place: what is signed and checked from now on.
    pub fn replace(&self, ring: Keyring) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

impl From<Keyring> for LiveKeyring {
    fn from(ring: Keyring) -> Self {
        Self::new(ring)
    }
}
