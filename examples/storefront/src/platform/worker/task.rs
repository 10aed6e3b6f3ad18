//! What has rounds of its own.

use tenancy_types::UnixMicros;

use super::Chore;
use crate::{ops::Idempotency, platform::Platform};

/// A kind of work of the platform's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Work in shops.
    Chore(Chore),
    /// Answers to operators are forgotten after a week.
    OldAnswers,
    /// Purges that were interrupted are gone on with.
    Interrupted,
    /// Shops are purged whose time of grace is over.
    Purges,
    /// The directory's log is shortened.
    DirectoryLog,
}

impl Task {
    pub(super) const ALL: [Self; 8] = [
        Self::Chore(Chore::DueOrders),
        Self::Chore(Chore::Refunds),
        Self::Chore(Chore::OldKeys),
        Self::Chore(Chore::OldCarts),
        Self::OldAnswers,
        Self::Interrupted,
        Self::Purges,
        Self::DirectoryLog,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Chore(chore) => chore.name(),
            Self::OldAnswers => "old_answers",
            Self::Interrupted => "interrupted_purges",
            Self::Purges => "purges",
            Self::DirectoryLog => "directory_log",
        }
    }

    /// Whether it deletes because time has passed: not with a clock that is doubted.
    pub(super) const fn deletes(self) -> bool {
        match self {
            Self::Chore(Chore::OldKeys | Chore::OldCarts) | Self::OldAnswers | Self::Purges => true,
            Self::Chore(Chore::DueOrders | Chore::Refunds)
            | Self::Interrupted
            | Self::DirectoryLog => false,
        }
    }

    /// One round of what is done by who controls the platform.
    pub(super) async fn of_control(self, platform: &Platform, now: UnixMicros) {
        match self {
            // Work in shops is done where their cells are.
            Self::Chore(_) => {}
            Self::OldAnswers => {
                let forgotten = Idempotency::new(platform).forget_old(now).await;
                if let Err(error) = forgotten {
                    self.failures().increment(1);
                    tracing::error!(%error, "old answers could not be forgotten");
                }
            }
            Self::Interrupted => platform.resume_purges(now).await,
            Self::Purges => platform.purge_due(now).await,
            Self::DirectoryLog => {
                if let Err(error) = platform.site().compact_long_log().await {
                    self.failures().increment(1);
                    tracing::error!(%error, "the directory's log could not be shortened");
                }
            }
        }
    }

    pub(super) fn rounds(self) -> metrics::Counter {
        metrics::counter!("storefront_worker_rounds_total", "chore" => self.name())
    }

    pub(super) fn failures(self) -> metrics::Counter {
        metrics::counter!("storefront_worker_failures_total", "chore" => self.name())
    }
}
