//! Whether a snapshot may take the place of what is known: pure, so that every case is a test.

use tenancy_types::{DirectoryId, Position, Revision, TenantId};

use crate::TableSize;

/// What a snapshot must be like to take the place of the routes that a process has.
///
/// A program that makes an empty or a huge table out of a defect, or a directory that was restored from an old backup,
/// must not take the routes with it. What is refused is not used; the last good routes stay.
///
/// ```
/// use tenancy_cell_router::{Guards, TableSize};
///
/// let known = TableSize { tenants: 50_000, names: 120_000 };
/// let guards = Guards::default().with_least_percent(80);
/// assert!(guards.judge_size(Some(known), TableSize { names: 100_000, ..known }).is_ok());
/// assert!(guards.judge_size(Some(known), TableSize { names: 90_000, ..known }).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    least_percent: u32,
    most_percent: u32,
    slack: usize,
    most: TableSize,
    most_bytes: u64,
}

impl Guards {
    /// Sets how much smaller a table may become: at least this share of its tenants and of its names, in percent, must
    /// be left. By default 50.
    #[must_use]
    pub const fn with_least_percent(mut self, percent: u32) -> Self {
        self.least_percent = percent;
        self
    }

    /// Sets how much larger a table may become: to at most this share of its tenants and of its names, in percent. By
    /// default 200.
    #[must_use]
    pub const fn with_most_percent(mut self, percent: u32) -> Self {
        self.most_percent = percent;
        self
    }

    /// Sets by how many tenants or names a table may shrink or grow whatever share of it they are, so that small
    /// platforms can change. By default 10,000.
    #[must_use]
    pub const fn with_slack(mut self, entries: usize) -> Self {
        self.slack = entries;
        self
    }

    /// Sets how large any table may be, the first one too. By default 64 million tenants and as many names.
    ///
    /// This also is the highest id that a tenant may have, in whatever comes: ids are dense, and what is kept for each
    /// tenant stands in arrays, so a single id far beyond the others costs as much memory as thousands of tenants.
    #[must_use]
    pub const fn with_most(mut self, most: TableSize) -> Self {
        self.most = most;
        self
    }

    /// Sets how many bytes a file or a peer's answer may have. By default 8 GiB.
    #[must_use]
    pub const fn with_most_bytes(mut self, bytes: u64) -> Self {
        self.most_bytes = bytes;
        self
    }

    /// Whether facts from there may be taken.
    ///
    /// # Errors
    /// Another directory, an older incarnation, or an older revision of the same history.
    pub fn judge_origin(&self, known: Option<Position>, offered: Position) -> Result<(), Refusal> {
        let Some(known) = known else {
            return Ok(());
        };
        let (old, new) = (known.history, offered.history);
        if old.directory != new.directory {
            return Err(Refusal::OtherDirectory {
                known: old.directory,
                offered: new.directory,
            });
        }
        if new.incarnation < old.incarnation {
            return Err(Refusal::OlderIncarnation {
                known: old.incarnation,
                offered: new.incarnation,
            });
        }
        if old == new && offered.revision < known.revision {
            return Err(Refusal::OlderRevision {
                known: known.revision,
                offered: offered.revision,
            });
        }
        Ok(())
    }

    /// Whether a table of this size may be put in place.
    ///
    /// # Errors
    /// Empty in place of a filled one, shrunken, grown too much, or larger than any may be.
    pub fn judge_size(&self, known: Option<TableSize>, offered: TableSize) -> Result<(), Refusal> {
        self.judge_growth(known, offered)?;
        let Some(known) = known else {
            return Ok(());
        };
        if known.tenants > 0 && offered.tenants == 0 {
            return Err(Refusal::Empty { known });
        }
        let least = |known| {
            self.share(known, self.least_percent)
                .min(known.saturating_sub(self.slack))
        };
        if offered.tenants < least(known.tenants) || offered.names < least(known.names) {
            return Err(Refusal::Shrunken { known, offered });
        }
        Ok(())
    }

    /// As much of [`judge_size`](Self::judge_size) as can be said of a snapshot that is still being read.
    ///
    /// # Errors
    /// Grown too much, or larger than any may be.
    pub fn judge_growth(
        &self,
        known: Option<TableSize>,
        offered: TableSize,
    ) -> Result<(), Refusal> {
        let exceeds =
            |most: TableSize| offered.tenants > most.tenants || offered.names > most.names;
        if exceeds(self.most) {
            return Err(Refusal::TooLarge {
                offered,
                most: self.most,
            });
        }
        let grown = |known: usize| {
            self.share(known, self.most_percent)
                .max(known.saturating_add(self.slack))
        };
        let most = known.map_or(self.most, |known| TableSize {
            tenants: grown(known.tenants),
            names: grown(known.names),
        });
        if exceeds(most) {
            return Err(Refusal::Oversized { offered, most });
        }
        Ok(())
    }

    /// Whether a tenant with this id is taken, from a snapshot or from the log.
    ///
    /// # Errors
    /// Too high.
    pub fn judge_tenant(&self, tenant: TenantId) -> Result<(), Refusal> {
        if tenant.index() >= self.most.tenants {
            return Err(Refusal::TooHigh {
                tenant,
                most: self.most.tenants,
            });
        }
        Ok(())
    }

    /// Whether so many bytes may be read.
    ///
    /// # Errors
    /// Too long.
    pub fn judge_bytes(&self, bytes: u64) -> Result<(), Refusal> {
        if bytes > self.most_bytes {
            return Err(Refusal::TooLong {
                most: self.most_bytes,
            });
        }
        Ok(())
    }

    fn share(&self, known: usize, percent: u32) -> usize {
        let share = known as u128 * u128::from(percent) / 100;
        usize::try_from(share).unwrap_or(usize::MAX)
    }
}

impl Default for Guards {
    fn default() -> Self {
        Self {
            least_percent: 50,
            most_percent: 200,
            slack: 10_000,
            most: TableSize {
                tenants: 64_000_000,
                names: 64_000_000,
            },
            most_bytes: 8 << 30,
        }
    }
}

/// Why a snapshot, or an entry of the log, was not taken although it could be read. The last good routes stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing in it.
    #[error("it is empty, and {} tenants are known", known.tenants)]
    Empty {
        /// What is known.
        known: TableSize,
    },
    /// It has far less than is known.
    #[error(
        "it has {} tenants and {} names, and {} and {} are known",
        offered.tenants, offered.names, known.tenants, known.names
    )]
    Shrunken {
        /// What is known.
        known: TableSize,
        /// What it has.
        offered: TableSize,
    },
    /// It has far more than is known.
    #[error(
        "it has at least {} tenants and {} names, and at most {} and {} are taken",
        offered.tenants, offered.names, most.tenants, most.names
    )]
    Oversized {
        /// What had been read of it when it was refused.
        offered: TableSize,
        /// The most that would be taken.
        most: TableSize,
    },
    /// It has more than any table may have: a defect, or time to raise [the guard](Guards::with_most).
    #[error(
        "it has at least {} tenants and {} names, and no table may have more than {} and {}",
        offered.tenants, offered.names, most.tenants, most.names
    )]
    TooLarge {
        /// What had been read of it when it was refused.
        offered: TableSize,
        /// The most that any may have.
        most: TableSize,
    },
    /// It names a tenant whose id is higher than any may be: a defect, or time to raise
    /// [the guard](Guards::with_most).
    #[error("it names {tenant:?}, and ids up to {most} are taken")]
    TooHigh {
        /// The tenant.
        tenant: TenantId,
        /// The highest id that would be taken.
        most: usize,
    },
    /// It has too many bytes.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// The most that would be read.
        most: u64,
    },
    /// It is of another directory, whose tenants are others.
    #[error("it is of directory {offered}, and the routes are of {known}")]
    OtherDirectory {
        /// Whose routes are known.
        known: DirectoryId,
        /// Whose it is.
        offered: DirectoryId,
    },
    /// It is from before the directory was restored.
    #[error("it is of incarnation {offered} of the directory, and the routes are of {known}")]
    OlderIncarnation {
        /// The known one.
        known: u16,
        /// Its own.
        offered: u16,
    },
    /// It is behind what is known: the directory has lost changes, and has not begun a new history.
    #[error("it is of revision {offered}, and the routes are of {known}")]
    OlderRevision {
        /// The known one.
        known: Revision,
        /// Its own.
        offered: Revision,
    },
    /// It was behind what is known some time ago, and has not begun a new history since: what it has now of the
    /// revisions that it lost is something else.
    #[error(
        "it is of revision {offered}, of a directory that was behind {known} and has begun no new history"
    )]
    Frozen {
        /// The known one.
        known: Revision,
        /// Its own.
        offered: Revision,
    },
}

impl Refusal {
    /// Whether an operator can [let it through](crate::Overrule) once. What no table may have, is in no file that could be
    /// read again either: the guard must be raised.
    #[must_use]
    pub const fn can_be_accepted(&self) -> bool {
        !matches!(
            self,
            Self::TooLarge { .. } | Self::TooHigh { .. } | Self::TooLong { .. }
        )
    }

    /// Whether whoever accepts the one accepts the other: figures may have changed meanwhile, whose they are may not.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        use Refusal::{Frozen, OlderIncarnation, OlderRevision, OtherDirectory};
        match (self, other) {
            (OtherDirectory { offered: one, .. }, OtherDirectory { offered: two, .. }) => {
                one == two
            }
            (OlderIncarnation { offered: one, .. }, OlderIncarnation { offered: two, .. }) => {
                one == two
            }
            // The same defect, before the directory has grown again and after.
            (OlderRevision { .. } | Frozen { .. }, OlderRevision { .. } | Frozen { .. }) => true,
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}
