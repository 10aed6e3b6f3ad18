//! Whose facts are taken: pure.

use tenancy_types::{History, Position};

use crate::{Guards, Refusal};

/// Who offers facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Directory,
    Peer,
}

/// Remembers a history of the directory that has lost changes.
///
/// A directory that was restored and begins no new history gives the revisions that it lost to other changes. As soon as
/// it has grown past what is known its log can be followed again, so that it was behind once must not be forgotten.
#[derive(Debug, Default)]
pub(super) struct Judging {
    frozen: Option<History>,
}

impl Judging {
    /// A follower whose files say that this history has lost changes.
    pub(super) fn freeze(&mut self, history: History) {
        self.frozen = Some(history);
    }

    /// The routes are of one piece again.
    pub(super) fn thaw(&mut self) {
        self.frozen = None;
    }

    pub(super) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// Whether facts from there may be taken. Only the directory's being behind says that it lost changes: a peer may
    /// just be slow.
    pub(super) fn judge(
        &mut self,
        guards: &Guards,
        from: Origin,
        known: Option<Position>,
        offered: Position,
    ) -> Result<(), Refusal> {
        let verdict = guards.judge_origin(known, offered);
        if from == Origin::Directory && matches!(verdict, Err(Refusal::OlderRevision { .. })) {
            self.frozen = Some(offered.history);
        }
        match known {
            Some(known) if verdict.is_ok() && self.frozen == Some(offered.history) => {
                Err(Refusal::Frozen {
                    known: known.revision,
                    offered: offered.revision,
                })
            }
            _ => verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use tenancy_types::{DirectoryId, Revision};

    use super::*;

    fn at(incarnation: u16, revision: u64) -> Position {
        let directory = DirectoryId::from_u128(7);
        Position {
            history: History {
                directory,
                incarnation,
            },
            revision: Revision::new(revision),
        }
    }

    /// What is said of each offer, one after the other, by a follower that knows revision 10 of incarnation 1.
    #[track_caller]
    fn check(judging: &mut Judging, offers: &[(Origin, Position, &str)]) {
        for (from, offered, expect) in offers {
            let verdict = judging.judge(&Guards::default(), *from, Some(at(1, 10)), *offered);
            let verdict = match verdict {
                Ok(()) => "taken",
                Err(Refusal::OlderRevision { .. }) => "behind",
                Err(Refusal::Frozen { .. }) => "frozen",
                Err(Refusal::OlderIncarnation { .. }) => "older",
                Err(_) => "other",
            };
            assert_eq!(verdict, *expect, "{from:?} {offered:?}");
        }
    }

    #[test]
    fn a_directory_that_was_behind_is_not_believed_until_it_says_so() {
        use Origin::{Directory, Peer};
        let mut judging = Judging::default();
        check(
            &mut judging,
            &[
                (Directory, at(1, 10), "taken"),
                (Peer, at(1, 9), "behind"),
                (Directory, at(1, 11), "taken"),
                (Directory, at(1, 9), "behind"),
                (Directory, at(1, 10), "frozen"),
                (Directory, at(1, 12), "frozen"),
                (Peer, at(1, 12), "frozen"),
                (Directory, at(0, 99), "older"),
                (Directory, at(2, 3), "taken"),
            ],
        );
        judging.thaw();
        check(&mut judging, &[(Directory, at(1, 12), "taken")]);
    }
}
