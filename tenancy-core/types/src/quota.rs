use std::num::NonZeroU32;

/// A rate with a burst: so many a second on average, so many at once.
///
/// ```
/// use tenancy_types::Quota;
///
/// let quota = Quota::per_second(50).unwrap().with_burst(500).unwrap();
/// assert_eq!((quota.rate(), quota.burst()), (50, 500));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    rate: NonZeroU32,
    burst: NonZeroU32,
}

impl Quota {
    /// The highest rate and burst. A microsecond between two requests keeps the rounding of the interval to
    /// whole nanoseconds below 0.1 %.
    pub const MAX: u32 = 1_000_000;

    /// So many a second, and as many at once.
    ///
    /// # Errors
    /// [`InvalidQuota`] outside 1..=[`MAX`](Self::MAX).
    pub const fn per_second(rate: u32) -> Result<Self, InvalidQuota> {
        match checked(rate) {
            Ok(rate) => Ok(Self { rate, burst: rate }),
            Err(error) => Err(error),
        }
    }

    /// The same rate with another burst: how many may come at once after a pause.
    ///
    /// # Errors
    /// [`InvalidQuota`] outside 1..=[`MAX`](Self::MAX).
    pub const fn with_burst(self, burst: u32) -> Result<Self, InvalidQuota> {
        match checked(burst) {
            Ok(burst) => Ok(Self { burst, ..self }),
            Err(error) => Err(error),
        }
    }

    /// How many a second.
    #[must_use]
    pub const fn rate(self) -> u32 {
        self.rate.get()
    }

    /// How many at once.
    #[must_use]
    pub const fn burst(self) -> u32 {
        self.burst.get()
    }
}

const fn checked(value: u32) -> Result<NonZeroU32, InvalidQuota> {
    match NonZeroU32::new(value) {
        Some(value) if value.get() <= Quota::MAX => Ok(value),
        _ => Err(InvalidQuota { found: value }),
    }
}

/// A rate or burst that is 0 or absurd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rate and a burst are whole numbers from 1 to 1000000, not {found}")]
pub struct InvalidQuota {
    /// What was found instead.
    pub found: u32,
}
