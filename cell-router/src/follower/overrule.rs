use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::Refusal;

/// Lets something through, once, that a follower's guards refuse. Clones work on the same follower.
///
/// For an operator who has looked at what [`FollowerStatus`](super::FollowerStatus) says is refused, and knows that it
/// is right: half of the shops did leave, the directory did lose its last changes.
#[derive(Clone, Debug, Default)]
pub struct Overrule(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    accepted: Mutex<Vec<Refusal>>,
    given: Notify,
}

impl Overrule {
    /// Accepts the next snapshot that is refused for this reason: of the same kind, and where the reason names a
    /// directory or an incarnation, of that one. The follower tries at once. Holds until a snapshot was put in place;
    /// one that is refused for two reasons needs both to be accepted.
    pub fn accept_once(&self, refusal: Refusal) {
        let mut accepted = self.accepted();
        if !accepted.iter().any(|known| known.is_like(&refusal)) {
            accepted.push(refusal);
        }
        drop(accepted);
        self.0.given.notify_one();
    }

    pub(super) fn permits(&self, refusal: &Refusal) -> bool {
        (self.accepted().iter()).any(|accepted| accepted.is_like(refusal))
    }

    /// Whatever was accepted was used, or is no longer needed.
    pub(super) fn withdraw(&self) {
        self.accepted().clear();
    }

    pub(super) async fn given(&self) {
        self.0.given.notified().await;
    }

    fn accepted(&self) -> std::sync::MutexGuard<'_, Vec<Refusal>> {
        let accepted = self.0.accepted.lock();
        accepted.unwrap_or_else(PoisonError::into_inner)
    }
}
