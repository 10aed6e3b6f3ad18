use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::Refusal;

/// Lets something through, once, that a follower's guards refuse. Clones work on the same follower.
///
/// For an operator who has looked at what [`FollowerStatus`](super::FollowerStatus) says is refused, and knows that it
/// is right: half of the shops did leave, the directory did lose its last changes.
#[derive(Clone, Default)]
pub struct Overrule(Arc<Inner>);

#[derive(Default)]
struct Inner {
    case: Mutex<Case>,
    given: Notify,
}

/// What is refused now, and what was accepted of it.
#[derive(Debug, Default)]
struct Case {
    standing: Option<Refusal>,
    accepted: Vec<Refusal>,
}

impl Overrule {
    /// Accepts what is refused at present, if that is for this reason: of the same kind, and where the reason names a
    /// directory or an incarnation, of that one. Returns whether it is, and
    /// [can be accepted](Refusal::can_be_accepted) at all.
    ///
    /// The follower tries at once. What was accepted holds for the directory's next snapshot that is put in place, and
    /// is forgotten when the follower is in step without one; a peer never profits. A snapshot that is refused for two
    /// reasons needs both to be accepted, the second one when it stands.
    pub fn accept_once(&self, refusal: Refusal) -> bool {
        let mut case = self.case();
        let stands = case
            .standing
            .is_some_and(|standing| standing.is_like(&refusal));
        if stands {
            case.accepted.push(refusal);
            drop(case);
            self.0.given.notify_one();
        }
        stands
    }

    /// Whether this was accepted. If not, it stands from now on, if it can be.
    pub(super) fn permits(&self, refusal: &Refusal) -> bool {
        let mut case = self.case();
        let permits = (case.accepted.iter()).any(|accepted| accepted.is_like(refusal));
        if !permits {
            case.standing = Some(*refusal).filter(Refusal::can_be_accepted);
        }
        permits
    }

    /// Nothing is refused any more.
    pub(super) fn close(&self) {
        *self.case() = Case::default();
    }

    pub(super) async fn given(&self) {
        self.0.given.notified().await;
    }

    fn case(&self) -> MutexGuard<'_, Case> {
        self.0.case.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Overrule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Overrule").field(&*self.case()).finish()
    }
}
